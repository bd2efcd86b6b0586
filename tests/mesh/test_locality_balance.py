"""Which locality settings a cluster has."""

import pytest

from crds.destination_rule import DestinationRule
from crds.load_balancer import Distribute, LocalityLoadBalancerSetting
from mesh.destination_rules import merged, policy_for
from mesh.locality_balance import LOCALITY, LocalityBalance, asked_by_rule, locality_balance
from tests.meshes import destination_rule, objects_of

NEAR = LocalityBalance()
SHARES = LocalityBalance(distribute=(Distribute(from_="*"),))
OF_MESH = LocalityLoadBalancerSetting(distribute=SHARES.distribute)
OUTLIERS = "outlierDetection: {}"


def rule(policy: str) -> DestinationRule:
    (made,) = objects_of(
        destination_rule("r", f"{{host: a, trafficPolicy: {{{policy}}}}}")
    ).values()
    assert isinstance(made, DestinationRule)
    return made


def setting(text: str, kind: str = "localityLbSetting") -> str:
    return f"loadBalancer: {{{kind}: {{{text}}}}}"


@pytest.mark.parametrize(
    ("policy", "mesh", "balance"),
    [
        ("loadBalancer: {simple: RANDOM}", LocalityLoadBalancerSetting(), None),
        (OUTLIERS, LocalityLoadBalancerSetting(), NEAR),
        (OUTLIERS, LocalityLoadBalancerSetting(enabled=False), None),
        (f"{OUTLIERS}, {setting('enabled: true')}", OF_MESH, NEAR),
        (f"{OUTLIERS}, {setting('enabled: false')}", OF_MESH, None),
        (OUTLIERS, OF_MESH, SHARES),
        (setting("failoverPriority: [a]"), LocalityLoadBalancerSetting(), None),
        (setting("enabled: true", "zoneAwareLbSetting"), OF_MESH, LocalityBalance(regional=True)),
        (f"{OUTLIERS}, {setting('enabled: false', 'zoneAwareLbSetting')}", OF_MESH, None),
    ],
)
def test_the_rule_s_setting_replaces_the_mesh_s(
    policy: str, mesh: LocalityLoadBalancerSetting, balance: LocalityBalance | None
) -> None:
    """istio-api.md S-76."""
    assert locality_balance(policy_for(merged([rule(policy)]), None, 80), mesh) == balance


@pytest.mark.parametrize(
    ("policy", "asked"),
    [
        ("loadBalancer: {simple: RANDOM}", set()),
        (OUTLIERS, {LOCALITY}),
        (setting("failoverPriority: [a, b=c]"), {LOCALITY, "a"}),
        (setting("failoverPriority: [a]", "zoneAwareLbSetting"), {LOCALITY, "a"}),
        (f"portLevelSettings: [{{port: {{number: 80}}, {OUTLIERS}}}]", {LOCALITY}),
    ],
)
def test_what_is_asked_of_clients(policy: str, asked: set[str]) -> None:
    """Only then do clients elsewhere need endpoints of their own."""
    assert asked_by_rule(rule(policy)) == asked


def test_subsets_ask_too() -> None:
    text = f"{{host: a, subsets: [{{name: v1}}, {{name: v2, trafficPolicy: {{{OUTLIERS}}}}}]}}"
    (made,) = objects_of(destination_rule("r", text)).values()
    assert isinstance(made, DestinationRule)
    assert asked_by_rule(made) == {LOCALITY}
