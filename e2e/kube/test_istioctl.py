"""Istio's own istioctl against a control plane and proxies of ours, with the roles of
docs/debug-endpoints.md and no more.
"""

import re
from collections.abc import Sequence

import pytest

from e2e.kube.cluster import Cluster
from e2e.kube.shop import documented
from e2e.kube.test_seen import heddle
from tests.charts.helm import NAMESPACE
from tests.kube.programs import ISTIOCTL, obstacle, program

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        obstacle(ISTIOCTL) is not None, reason="no istioctl: run `scripts/kube istioctl`"
    ),
]

(ROLES,) = [text.split("---") for text in documented() if "istioctl" in text]
OURS = ("-i", NAMESPACE, "--xds-label", "app.kubernetes.io/name=heddle", "--timeout", "20s")
USER = "{apiGroup: rbac.authorization.k8s.io, kind: User, name: ann}"
READER = "{kind: ServiceAccount, name: reader, namespace: visitors}"


@pytest.fixture(scope="module")
def asking(running: Cluster, kubeconfig: str) -> str:
    """The kubeconfig of who has those roles, while the account that istioctl asks as has none."""
    assert ROLES[2].count(USER) == ROLES[4].count(USER) == 1
    running.apply("---".join(ROLES[1:]).replace(USER, READER))
    running.allows("visitors:reader", "list", "mutatingwebhookconfigurations")
    return kubeconfig


@pytest.fixture(scope="module")
def allowed(running: Cluster, asking: str) -> str:
    """The same, once that account has its role, too."""
    running.apply(ROLES[0])
    running.allows(f"{NAMESPACE}:default", "get", "pods", "--subresource=proxy")
    return asking


def istioctl(cluster: Cluster, kubeconfig: str, *arguments: str) -> Sequence[Sequence[str]]:
    """The cells of the table that it prints."""
    command = (str(program(ISTIOCTL)), "--kubeconfig", kubeconfig, *arguments)
    code, said, errors = cluster.run(*command)
    assert code == 0, (arguments, said, errors)
    return [re.split(r" {2,}", line.strip()) for line in said.splitlines()]


def test_proxy_config_shows_what_an_object_became(
    running: Cluster, kubeconfig: str, pod: str
) -> None:
    """With the names and the objects in the columns that Istio's have them in."""
    clusters = istioctl(running, kubeconfig, "proxy-config", "cluster", f"{pod}.shop")
    row = ["reviews.shop.svc.cluster.local", "9080", "v1", "outbound", "EDS", "reviews.shop"]
    assert row in clusters
    routes = istioctl(running, kubeconfig, "proxy-config", "route", f"{pod}.shop")
    assert ["9080", "payments.shop"] in [[each[0], each[-1]] for each in routes]
    listeners = istioctl(running, kubeconfig, "proxy-config", "listener", f"{pod}.shop")
    assert any(each[-1].endswith("Route: 9080") for each in listeners)
    endpoints = istioctl(running, kubeconfig, "proxy-config", "endpoint", f"{pod}.shop")
    found = {(each[1], each[-1]) for each in endpoints}
    assert ("HEALTHY", "outbound|9080|v1|reviews.shop.svc.cluster.local") in found
    secrets = istioctl(running, kubeconfig, "proxy-config", "secret", f"{pod}.shop")
    assert ["default", "Cert Chain", "ACTIVE", "true"] in [each[:4] for each in secrets]


def test_a_dump_that_was_saved_reads_the_same(running: Cluster, kubeconfig: str, pod: str) -> None:
    """Whether the proxy wrote it or we did: what is redacted is still a message of Envoy's."""
    live = istioctl(running, kubeconfig, "proxy-config", "cluster", f"{pod}.shop")
    for source in ("live", "desired"):
        file = running.folder / f"{source}.json"
        file.write_text(
            heddle(running, kubeconfig, "config-dump", f"{pod}.shop", "--source", source)
        )
        saved = istioctl(running, kubeconfig, "proxy-config", "cluster", "--file", str(file))
        assert {tuple(each) for each in saved} <= {tuple(each) for each in live}
        assert any("v1" in each for each in saved)


def test_proxy_config_sets_the_level_of_a_log(running: Cluster, kubeconfig: str, pod: str) -> None:
    for level in ("debug", "warning"):
        said = istioctl(running, kubeconfig, "proxy-config", "log", f"{pod}.shop", "--level", level)
        assert [f"rbac: {level}"] in said


def test_proxy_status_needs_a_right(running: Cluster, asking: str) -> None:
    """That of the account whose token it shows."""
    command = (str(program(ISTIOCTL)), "--kubeconfig", asking, "proxy-status", *OURS)
    code, _, errors = running.run(*command)
    assert code
    assert "may not get pods/proxy of all namespaces" in errors, errors


def test_proxy_status_shows_every_proxy_of_every_replica(
    running: Cluster, allowed: str, pod: str
) -> None:
    shown = istioctl(running, allowed, "proxy-status", *OURS)
    pods = running.kubectl("get", "pods", "-n", "shop", "-o", "jsonpath={.items[*].metadata.name}")
    assert {f"{each}.shop" for each in pods.split()} <= {each[0] for each in shown}
    (row,) = [each for each in shown if each[0] == f"{pod}.shop"]
    assert row[2].startswith("heddle-")
    assert row[-1] == "5 (CDS,LDS,EDS,RDS,SDS)"


def test_proxy_status_compares_one_proxy(running: Cluster, allowed: str, pod: str) -> None:
    lines = istioctl(running, allowed, "proxy-status", f"{pod}.shop", *OURS)
    said = [" ".join(line) for line in lines]
    assert said[:2] == ["Clusters Match", "Listeners Match"]
    assert said[2].startswith("Routes Match")
