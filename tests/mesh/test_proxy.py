"""A proxy as configuration sees it, from its Pod and from nothing else."""

from dataclasses import replace

import pytest

from crds.core import Pod, PodIP
from mesh.identity import SpiffeId
from mesh.proxy import Mode, Proxy, is_injected, mode_of, proxy_from
from tests.strategies import parsed

NONE = "sidecar.istio.io/interceptionMode: NONE"


def pod(notes: str = "", labels: str = "app: a") -> Pod:
    _, made = parsed(f"""
apiVersion: v1
kind: Pod
metadata: {{name: a-1, namespace: shop, labels: {{{labels}}}, annotations: {{{notes}}}}}
spec:
  serviceAccountName: robot
  initContainers: [{{name: i, ports: [{{name: sidecar, containerPort: 1}}]}}]
  containers:
  - {{name: a, ports: [{{name: web, containerPort: 8080}}, {{containerPort: 9}}]}}
status: {{podIP: 10.1.0.1}}
""")
    assert isinstance(made, Pod)
    return made


def test_it_is_who_its_pod_is() -> None:
    assert proxy_from(pod()) == Proxy(
        namespace="shop",
        name="a-1",
        labels={"app": "a"},
        service_account="robot",
        named_ports=(("sidecar", 1), ("web", 8080)),
    )


def test_labels_that_name_one_pod_are_dropped() -> None:
    """Otherwise the pods of a Deployment would not share their configuration."""
    labels = "app: a, pod-template-hash: x, statefulset.kubernetes.io/pod-name: a-1"
    assert proxy_from(pod(labels=labels)).labels == {"app": "a"}


@pytest.mark.parametrize(
    ("notes", "mode", "address"),
    [
        ("", Mode.REDIRECT, ""),
        ("sidecar.istio.io/interceptionMode: REDIRECT", Mode.REDIRECT, ""),
        (NONE, Mode.NONE, "10.1.0.1"),
    ],
)
def test_only_behind_the_proxy_port_the_address_counts(
    notes: str, mode: Mode, address: str
) -> None:
    """The address makes each pod one of its own kind, so it is left out where it may be."""
    assert mode_of(pod(notes)) is mode
    assert proxy_from(pod(notes)).address == address


@pytest.mark.parametrize(
    ("notes", "addresses", "ipv6"),
    [
        ("", "10.1.0.1", False),
        ("", "fd00::1", True),
        ("", "10.1.0.1, fd00::1", True),
        (NONE, "10.1.0.1, fd00::1", False),
    ],
)
def test_whether_it_has_ipv6_is_said_by_its_pod(notes: str, addresses: str, ipv6: bool) -> None:
    """Behind the proxy port it listens at its own address only."""
    listed = tuple(PodIP(ip=address) for address in addresses.split(", "))
    made = replace(pod(notes), pod_ip=listed[0].ip, pod_ips=listed)
    assert proxy_from(made).ipv6 is ipv6


def test_a_pod_is_injected_if_the_webhook_said_so() -> None:
    assert not is_injected(pod(NONE))
    assert is_injected(pod("sidecar.istio.io/status: '{}'"))


def test_a_spiffe_id_as_istio_writes_it() -> None:
    assert str(SpiffeId("cluster.local", "shop", "robot")) == (
        "spiffe://cluster.local/ns/shop/sa/robot"
    )


@pytest.mark.parametrize(
    ("notes", "addresses", "version"),
    [
        ("", ("10.1.0.1",), 0),
        ("heddle.io/dns-capture: 'false'", ("10.1.0.1",), 0),
        ("heddle.io/dns-capture: 'true'", ("10.1.0.1", "fd00::1"), 4),
        ("heddle.io/dns-capture: 'true'", ("fd00::1", "10.1.0.1"), 6),
        (f"heddle.io/dns-capture: 'true', {NONE}", ("10.1.0.1",), 0),
        (
            "heddle.io/dns-capture: 'true', inject.istio.io/templates: gateway",
            ("10.1.0.1",),
            0,
        ),
    ],
)
def test_questions_are_for_the_version_of_the_first_address(
    notes: str, addresses: tuple[str, ...], version: int
) -> None:
    """The init container captures those, and none of a pod without interception."""
    given = replace(pod(notes), pod_ip=addresses[0], pod_ips=tuple(PodIP(ip=a) for a in addresses))
    assert proxy_from(given).dns == version
