"""HED0113 and HED0119: entries without effect."""

import pytest

from analysis.checks.entries import ENTRIES
from tests.analysis.yaml_objects import istio
from tests.facts import findings, told
from tests.meshes import service

WEB = service("web")
PORT = (
    "resolution: STATIC, location: MESH_INTERNAL, ports: [{number: 80, name: http, protocol: HTTP}]"
)


def entry(host: str, namespace: str = "shop", extra: str = "") -> str:
    return istio(
        "ServiceEntry", "e", f"{{hosts: [x.example.com, {host}], {PORT}{extra}}}", namespace
    )


def found(text: str) -> list[tuple[str, str, str]]:
    return [e for e in told(findings(WEB + text, [ENTRIES])) if e[0] in ("HED0113", "HED0119")]


@pytest.mark.parametrize(
    ("text", "namespace"),
    [
        (entry("web.shop.svc.cluster.local"), "shop"),
        (entry("web"), "shop"),
        (entry("web.shop.svc.cluster.local", "bank"), "bank"),
    ],
)
def test_a_service_has_the_host(text: str, namespace: str) -> None:
    assert found(text) == [("HED0113", f"ServiceEntry {namespace}/e", "spec.hosts[1]")]


def test_a_host_of_its_own_or_one_for_the_own_namespace() -> None:
    assert found(entry("y.example.com")) == []
    assert found(entry("web.shop.svc.cluster.local", "bank", ", exportTo: ['.']")) == []


BANK = "{hosts: [x.example.com], resolution: DNS, ports: [{number: %d, name: p, protocol: %s}]%s}"


@pytest.mark.parametrize(
    ("one", "other", "namespace", "told_of"),
    [
        ((80, "HTTP", ""), (80, "HTTP2", ""), "bank", True),
        ((80, "HTTP", ""), (80, "HTTP", ""), "bank", False),
        ((80, "HTTP", ""), (81, "TCP", ""), "bank", False),
        ((80, "HTTP", ", exportTo: ['.']"), (80, "TLS", ""), "bank", True),
        ((80, "HTTP", ", exportTo: ['.']"), (80, "TLS", ", exportTo: ['.']"), "bank", False),
        ((80, "HTTP", ", exportTo: ['.']"), (80, "TLS", ", exportTo: ['.']"), "shop", True),
        ((80, "HTTP", ", exportTo: ['~']"), (80, "TLS", ", exportTo: ['~']"), "shop", False),
        ((80, "HTTP", ", exportTo: [a]"), (80, "TLS", ", exportTo: [a, b]"), "bank", True),
    ],
)
def test_entries_that_disagree(
    one: tuple[int, str, str], other: tuple[int, str, str], namespace: str, *, told_of: bool
) -> None:
    """Told of the one that does not count: here the later by name."""
    text = istio("ServiceEntry", "a", BANK % one, namespace if namespace == "shop" else "aa")
    text += istio("ServiceEntry", "b", BANK % other, namespace)
    codes = [e for e in told(findings(text, [ENTRIES])) if e[0] == "IST0177"]
    wanted = ("IST0177", f"ServiceEntry {namespace}/b", "spec.ports[0].protocol")
    assert codes == [wanted] * told_of


def test_a_service_says_what_it_speaks_itself() -> None:
    text = entry("web.shop.svc.cluster.local").replace("protocol: HTTP", "protocol: GRPC")
    assert "IST0177" not in {code for code, *_ in told(findings(WEB + text, [ENTRIES]))}


def test_a_machine_that_nobody_selects() -> None:
    machine = istio("WorkloadEntry", "vm", "{address: 10.0.0.9, labels: {app: %s}}")
    assert found(machine % "vm") == [("HED0119", "WorkloadEntry shop/vm", "spec.labels")]
    assert found(machine % "web") == []
    assert found(istio("WorkloadEntry", "vm", "{address: 10.0.0.9}")) == []
