"""IST0167 and IST0102: policies that nobody enforces."""

import pytest

from analysis.checks.policy_effect import POLICY_EFFECT
from tests.analysis.yaml_objects import istio, namespace, pod
from tests.facts import findings, told

PLAIN = pod("plain", injected=False)
SELECTOR = "selector: {matchLabels: {app: plain}}"
TOKENS = "jwtRules: [{issuer: a, jwksUri: 'https://a.example.com/k'}]"
OFF = 'sidecar.istio.io/inject: "false"'


@pytest.mark.parametrize(
    ("kind", "spec", "path"),
    [
        ("AuthorizationPolicy", f"{{{SELECTOR}}}", "spec.selector"),
        ("AuthorizationPolicy", "{}", "spec"),
        ("RequestAuthentication", f"{{{SELECTOR}, {TOKENS}}}", "spec.selector"),
        ("PeerAuthentication", f"{{{SELECTOR}, mtls: {{mode: STRICT}}}}", "spec.selector"),
        ("PeerAuthentication", "{mtls: {mode: STRICT}}", "spec"),
        (
            "PeerAuthentication",
            f"{{{SELECTOR}, portLevelMtls: {{80: {{mode: STRICT}}}}}}",
            "spec.selector",
        ),
    ],
)
def test_a_policy_for_pods_without_a_sidecar(kind: str, spec: str, path: str) -> None:
    found = findings(PLAIN + istio(kind, "a", spec), [POLICY_EFFECT])
    assert told(found) == [("IST0167", f"{kind} shop/a", path)]


@pytest.mark.parametrize(
    "text",
    [
        pod("web") + PLAIN + istio("AuthorizationPolicy", "a", "{}"),
        PLAIN + istio("PeerAuthentication", "a", f"{{{SELECTOR}, mtls: {{mode: PERMISSIVE}}}}"),
        PLAIN + istio("PeerAuthentication", "a", "{}"),
        istio("AuthorizationPolicy", "a", "{}"),
        pod("done", injected=False, status="phase: Succeeded")
        + istio("AuthorizationPolicy", "a", "{}"),
    ],
    ids=["some have one", "plaintext is taken", "says nothing", "no pods", "pods that have ended"],
)
def test_what_is_no_mistake(text: str) -> None:
    assert findings(text, [POLICY_EFFECT]) == ()


def test_a_mode_for_the_whole_mesh() -> None:
    everywhere = istio("PeerAuthentication", "a", "{mtls: {mode: STRICT}}", "istio-system")
    assert findings(PLAIN + pod("web", "bank") + everywhere, [POLICY_EFFECT]) == ()
    found = told(findings(PLAIN + everywhere, [POLICY_EFFECT]))
    assert found == [("IST0167", "PeerAuthentication istio-system/a", "spec")]


@pytest.mark.parametrize(
    ("kind", "spec"),
    [("Sidecar", "{egress: [{hosts: ['*/*']}]}"), ("AuthorizationPolicy", "{}")],
)
def test_nobody_says_whether_the_namespace_is_injected(kind: str, spec: str) -> None:
    """It is told of once, not for each policy."""
    text = namespace("shop") + PLAIN + istio(kind, "a", spec)
    assert told(findings(text, [POLICY_EFFECT])) == [("IST0102", "Namespace shop", "metadata")]


@pytest.mark.parametrize(
    "text",
    [
        namespace("shop", "istio-injection: disabled") + PLAIN,
        namespace("shop", "istio.io/rev: canary") + PLAIN,
        namespace("shop") + pod("web"),
        namespace("shop"),
        namespace("shop") + pod("plain", injected=False, labels=OFF),
        namespace("shop") + pod("plain", injected=False, annotations=OFF),
    ],
    ids=["disabled", "a revision", "injected", "empty", "by its label", "by its annotation"],
)
def test_somebody_says_it(text: str) -> None:
    sidecar = istio("Sidecar", "a", "{egress: [{hosts: ['*/*']}]}")
    assert findings(text + sidecar, [POLICY_EFFECT]) == ()


def test_a_policy_for_a_gateway_by_its_name() -> None:
    """What it names is a gateway or nothing."""
    spec = (
        "{targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: edge}], rules: [{}]}"
    )
    edge = pod(
        "edge",
        labels="gateway.networking.k8s.io/gateway-name: edge",
        annotations="inject.istio.io/templates: gateway",
    )
    assert findings(edge + PLAIN + istio("AuthorizationPolicy", "a", spec), [POLICY_EFFECT]) == ()
