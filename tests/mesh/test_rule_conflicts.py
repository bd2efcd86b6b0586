"""What an older DestinationRule of the same host takes from a younger one."""

import pytest

from crds.meta import Key
from mesh.rule_conflicts import rule_conflicts
from tests.meshes import destination_rule, mesh_of

SUBSET = "subsets: [{name: v1}]"
POLICY = "trafficPolicy: {loadBalancer: {simple: RANDOM}}"
SELECTOR = "workloadSelector: {matchLabels: {app: a}}"
NARROWER = "workloadSelector: {matchLabels: {app: a, version: v1}}"
SHADOWED = "shadowed-destination-rule spec.host"


@pytest.mark.parametrize(
    ("older", "younger", "expected"),
    [
        (POLICY, POLICY, ["shadowed-traffic-policy spec.trafficPolicy"]),
        (SUBSET, SUBSET, ["duplicate-subset spec.subsets[0].name"]),
        (SUBSET, POLICY, []),
        ("exportTo: [.]", SUBSET, [SHADOWED]),
        ("exportTo: ['*']", SUBSET, []),
        (f"{SELECTOR}, {SUBSET}", SUBSET, []),
        (SUBSET, f"{SELECTOR}, {SUBSET}", []),
        (SELECTOR, SELECTOR, [SHADOWED]),
        (SELECTOR, NARROWER, [SHADOWED]),
        (NARROWER, SELECTOR, []),
    ],
)
def test_who_loses_hears_of_it(older: str, younger: str, expected: list[str]) -> None:
    """istio-api.md S-17, S-18."""
    mesh = mesh_of(
        destination_rule("a", f"{{host: reviews, {older}}}", created="2026-01-01T00:00:00Z")
        + destination_rule("b", f"{{host: reviews, {younger}}}", created="2026-01-02T00:00:00Z")
    )

    def told(name: str) -> list[str]:
        key = Key("networking.istio.io", "DestinationRule", "shop", name)
        return [f"{problem.code} {problem.path}" for problem in rule_conflicts(mesh.rules, key)]

    assert told("b") == expected
    assert told("a") == []


def test_only_the_first_that_wins_is_named() -> None:
    text = "".join(
        destination_rule(n, "{host: reviews, exportTo: [.]}", created=f"2026-01-0{day}T00:00:00Z")
        for day, n in enumerate("ab", 1)
    )
    mesh = mesh_of(text + destination_rule("c", "{host: reviews}", created="2026-02-01T00:00:00Z"))
    key = Key("networking.istio.io", "DestinationRule", "shop", "c")
    (problem,) = rule_conflicts(mesh.rules, key)
    assert "shop/a" in problem.message
