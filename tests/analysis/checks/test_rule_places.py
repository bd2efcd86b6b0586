"""HED0112: DestinationRules where no client looks."""

import pytest

from analysis.checks.rule_places import RULE_PLACES
from tests.analysis.yaml_objects import namespace, pod
from tests.facts import findings, told
from tests.meshes import destination_rule, service

HOST = "web.shop.svc.cluster.local"
SPEC = f"{{host: {HOST}, trafficPolicy: {{loadBalancer: {{simple: RANDOM}}}}}}"


def rule(place: str) -> str:
    return service("web") + destination_rule("web", SPEC, place)


def test_nobody_runs_where_the_rule_is() -> None:
    plain = pod("a", "rules", injected=False)
    found = findings(rule("rules") + namespace("rules") + plain, [RULE_PLACES])
    assert told(found) == [("HED0112", "DestinationRule rules/web", "spec.host")]
    assert found[0].remedy.startswith("Move the rule to namespace shop")


@pytest.mark.parametrize(
    "text",
    [
        rule("shop") + namespace("shop"),
        rule("istio-system") + namespace("istio-system"),
        rule("rules") + namespace("rules") + pod("a", "rules"),
        rule("rules"),
    ],
    ids=["of the service", "of the mesh", "clients are there", "not known whether"],
)
def test_what_is_no_mistake(text: str) -> None:
    assert findings(text, [RULE_PLACES]) == ()


def test_a_host_that_nobody_has_is_told_of_elsewhere() -> None:
    text = namespace("rules") + destination_rule("web", SPEC, "rules")
    assert [code for code, _, _ in told(findings(text, [RULE_PLACES]))] == ["IST0174"]
