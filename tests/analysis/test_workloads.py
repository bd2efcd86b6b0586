"""Whom a selector is for."""

from analysis.workloads import selected
from tests.analysis.yaml_objects import pod
from tests.facts import facts_of


def test_one_pod_of_each_kind_and_none_that_has_ended() -> None:
    text = (
        pod("a", labels="pod-template-hash: x")
        + pod("b", status="phase: Succeeded")
        + pod("c").replace("app: c", "app: a, pod-template-hash: y")
        + pod("d", "bank")
    )
    facts = facts_of(text)
    assert [key.name for key, _ in selected(facts, "shop", {})] == ["a"]
    assert [key.name for key, _ in selected(facts, "", {})] == ["d", "a"]
