"""IST0127: selectors that match no pod."""

import pytest

from analysis.checks.selectors import SELECTORS
from tests.analysis.yaml_objects import istio, pod
from tests.facts import findings, told

WEB = pod("web", labels="tier: front")
MISSES = [
    ("AuthorizationPolicy", "{selector: {matchLabels: %s}}", "spec.selector.matchLabels"),
    (
        "RequestAuthentication",
        "{selector: {matchLabels: %s}, jwtRules: [{issuer: a, jwksUri: 'https://a.example.com'}]}",
        "spec.selector.matchLabels",
    ),
    (
        "PeerAuthentication",
        "{selector: {matchLabels: %s}, mtls: {mode: STRICT}}",
        "spec.selector.matchLabels",
    ),
    (
        "Sidecar",
        "{workloadSelector: {labels: %s}, egress: [{hosts: ['*/*']}]}",
        "spec.workloadSelector.labels",
    ),
    (
        "DestinationRule",
        "{host: a.example.com, workloadSelector: {matchLabels: %s}, trafficPolicy: "
        "{loadBalancer: {simple: RANDOM}}}",
        "spec.workloadSelector.matchLabels",
    ),
]


@pytest.mark.parametrize(("kind", "spec", "path"), MISSES, ids=[kind for kind, _, _ in MISSES])
def test_a_selector_that_misses(kind: str, spec: str, path: str) -> None:
    missed = findings(WEB + istio(kind, "a", spec % "{app: wweb}"), [SELECTORS])
    assert ("IST0127", f"{kind} shop/a", path) in told(missed)
    met = findings(WEB + istio(kind, "a", spec % "{app: web}"), [SELECTORS])
    assert "IST0127" not in [code for code, _, _ in told(met)]


@pytest.mark.parametrize(
    ("labels", "remedy"),
    [
        ("{app: wweb}", "Did you mean the label app: web?"),
        ("{ap: web}", "Did you mean the label app?"),
        ("{app: other}", "Select by a label"),
        ("{whatever: web}", "Select by a label"),
        ("{app: web, tier: back}", "Select by a label"),
    ],
)
def test_the_remedy_says_what_was_meant(labels: str, remedy: str) -> None:
    policy = istio("AuthorizationPolicy", "a", f"{{selector: {{matchLabels: {labels}}}}}")
    (found,) = findings(WEB + policy, [SELECTORS])
    assert found.remedy.startswith(remedy)


def test_labels_that_no_single_pod_has() -> None:
    text = pod("web") + pod("db") + pod("x", labels="tier: front")
    policy = istio("AuthorizationPolicy", "a", "{selector: {matchLabels: {app: web, tier: front}}}")
    (found,) = findings(text + policy, [SELECTORS])
    assert found.value == "app=web, tier=front"
    assert found.remedy.startswith("Select by a label")


@pytest.mark.parametrize(
    "text",
    [
        istio("AuthorizationPolicy", "a", "{selector: {matchLabels: {app: web}}}", "elsewhere"),
        istio("AuthorizationPolicy", "a", "{selector: {matchLabels: {app: web}}}", "istio-system"),
        istio("AuthorizationPolicy", "a", "{}"),
        istio("Sidecar", "a", "{egress: [{hosts: ['*/*']}]}"),
        istio("PeerAuthentication", "a", "{selector: {matchLabels: {app: vm}}}")
        + istio("WorkloadEntry", "vm", "{address: 10.0.0.9, labels: {app: vm}}"),
    ],
    ids=["no pod is known", "of the root namespace", "no selector", "a default", "a machine"],
)
def test_what_is_no_mistake(text: str) -> None:
    assert findings(WEB + text, [SELECTORS]) == ()


def test_a_policy_of_the_root_namespace_selects_anywhere() -> None:
    policy = istio(
        "AuthorizationPolicy", "a", "{selector: {matchLabels: {app: wweb}}}", "istio-system"
    )
    (found,) = findings(WEB + policy, [SELECTORS])
    assert "no pod of the mesh has these labels" in found.text
