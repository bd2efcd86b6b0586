"""HED0111: a tls mode that the pods do not take."""

import pytest

from analysis.checks.peer_tls import PEER_TLS
from analysis.severity import Severity
from tests.analysis.yaml_objects import istio, pod, slice_of
from tests.facts import findings
from tests.meshes import destination_rule, service

WEB = service("web", ports=("http:80", "b:81")) + slice_of("web", "web", "http:80") + pod("web")
PLAIN = WEB.replace("security.istio.io/tlsMode: istio", "x: y")
SOME = (
    service("web")
    + slice_of("web", "web,other", "http:80")
    + pod("web", labels="version: v1")
    + pod("other", injected=False)
)
STRICT = istio("PeerAuthentication", "a", "{mtls: {mode: STRICT}}")
OFF = istio("PeerAuthentication", "a", "{mtls: {mode: DISABLE}}")
TLS = "trafficPolicy: {tls: {mode: %s}}"


def found(text: str, spec: str) -> list[tuple[str, Severity]]:
    every = findings(text + destination_rule("web", f"{{host: web, {spec}}}"), [PEER_TLS])
    return [(each.path, each.severity) for each in every if each.code.id == "HED0111"]


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        (WEB + STRICT, "DISABLE"),
        (WEB + STRICT, "SIMPLE"),
        (PLAIN, "ISTIO_MUTUAL"),
        (WEB + OFF, "ISTIO_MUTUAL"),
    ],
)
def test_what_no_pod_takes(text: str, mode: str) -> None:
    assert found(text, TLS % mode) == [("spec.trafficPolicy.tls.mode", Severity.ERROR)]


def test_what_some_pods_do_not_take() -> None:
    assert found(SOME, TLS % "ISTIO_MUTUAL") == [("spec.trafficPolicy.tls.mode", Severity.WARNING)]


def test_a_port_and_a_subset() -> None:
    port = "trafficPolicy: {portLevelSettings: [{port: {number: %d}, tls: {mode: DISABLE}}]}"
    path = "spec.trafficPolicy.portLevelSettings[0].tls.mode"
    assert found(WEB + STRICT, port % 80) == [(path, Severity.ERROR)]
    assert found(WEB + STRICT, port % 81) == []
    subset = "subsets: [{name: a, labels: {version: v1}, trafficPolicy: {tls: {mode: %s}}}]"
    assert found(SOME, subset % "ISTIO_MUTUAL") == []
    path = "spec.subsets[0].trafficPolicy.tls.mode"
    assert found(SOME + STRICT, subset % "DISABLE") == [(path, Severity.ERROR)]


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        (WEB + STRICT, TLS % "ISTIO_MUTUAL"),
        (WEB, TLS % "DISABLE"),
        (PLAIN + STRICT, TLS % "DISABLE"),
        (WEB + STRICT, "subsets: [{name: a}]"),
        (
            WEB + STRICT,
            "trafficPolicy: {tls: {mode: DISABLE}, portLevelSettings: [{port: {number: 80}, "
            "loadBalancer: {simple: RANDOM}}]}",
        ),
        (service("web"), TLS % "ISTIO_MUTUAL"),
    ],
    ids=["as it is wanted", "both are", "no sidecar", "no tls", "ports differ", "nobody is there"],
)
def test_what_the_pods_take(text: str, spec: str) -> None:
    assert found(text, spec) == []


def test_gateways_take_what_their_gateways_say() -> None:
    edge = pod("web", annotations="inject.istio.io/templates: gateway")
    edge = edge.replace("security.istio.io/tlsMode: istio", "x: y")
    text = service("web") + slice_of("web", "web", "http:80") + edge
    assert found(text, TLS % "ISTIO_MUTUAL") == []
