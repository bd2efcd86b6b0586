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


def test_a_machine_that_nobody_selects() -> None:
    machine = istio("WorkloadEntry", "vm", "{address: 10.0.0.9, labels: {app: %s}}")
    assert found(machine % "vm") == [("HED0119", "WorkloadEntry shop/vm", "spec.labels")]
    assert found(machine % "web") == []
    assert found(istio("WorkloadEntry", "vm", "{address: 10.0.0.9}")) == []
