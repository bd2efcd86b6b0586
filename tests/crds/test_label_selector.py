"""Label selectors select as Kubernetes says."""

from collections.abc import Mapping

import pytest

from crds.mesh_config import mesh_config
from crds.problem import Severity

LABELS = {"team": "shop", "tier": "1"}

CASES: Mapping[str, tuple[Mapping[str, object], bool]] = {
    "everything": ({}, True),
    "labels": ({"matchLabels": {"team": "shop"}}, True),
    "another-value": ({"matchLabels": {"team": "shop", "tier": "2"}}, False),
    "in": ({"key": "team", "operator": "In", "values": ["a", "shop"]}, True),
    "in-none": ({"key": "team", "operator": "In", "values": ["a"]}, False),
    "in-and-absent": ({"key": "other", "operator": "In", "values": ["a"]}, False),
    "not-in": ({"key": "team", "operator": "NotIn", "values": ["a"]}, True),
    "not-in-one": ({"key": "team", "operator": "NotIn", "values": ["shop"]}, False),
    "not-in-and-absent": ({"key": "other", "operator": "NotIn", "values": ["a"]}, True),
    "exists": ({"key": "team", "operator": "Exists"}, True),
    "exists-not": ({"key": "other", "operator": "Exists"}, False),
    "does-not-exist": ({"key": "other", "operator": "DoesNotExist"}, True),
    "does-not-exist-but-does": ({"key": "team", "operator": "DoesNotExist"}, False),
}


@pytest.mark.parametrize(("given", "selected"), CASES.values(), ids=CASES.keys())
def test_what_is_selected(given: Mapping[str, object], selected: bool) -> None:
    selector = {"matchExpressions": [given]} if "key" in given else given
    config, problems = mesh_config({"discoverySelectors": [selector]})
    assert problems == ()
    [found] = config.discovery_selectors
    assert found.selects(LABELS) is selected


def test_both_parts_must_hold() -> None:
    expression = {"key": "other", "operator": "Exists"}
    both = {"matchLabels": {"team": "shop"}, "matchExpressions": [expression]}
    config, _ = mesh_config({"discoverySelectors": [both]})
    assert not config.discovery_selectors[0].selects(LABELS)


BAD: Mapping[str, tuple[Mapping[str, object], str]] = {
    "no-key": ({"operator": "Exists"}, "discoverySelectors[0].matchExpressions[0].key"),
    "no-values": (
        {"key": "a", "operator": "In"},
        "discoverySelectors[0].matchExpressions[0].values",
    ),
    "values": (
        {"key": "a", "operator": "Exists", "values": ["b"]},
        "discoverySelectors[0].matchExpressions[0].values",
    ),
    "operator": (
        {"key": "a", "operator": "Near"},
        "discoverySelectors[0].matchExpressions[0].operator",
    ),
}


@pytest.mark.parametrize(("expression", "path"), BAD.values(), ids=BAD.keys())
def test_what_cannot_be_meant_is_an_error(expression: Mapping[str, object], path: str) -> None:
    _, problems = mesh_config({"discoverySelectors": [{"matchExpressions": [expression]}]})
    found = [each.path for each in problems if each.severity is Severity.ERROR]
    assert path in found


def test_a_label_that_is_none_is_an_error() -> None:
    _, problems = mesh_config({"discoverySelectors": [{"matchLabels": {"a b": "c"}}]})
    assert [each.severity for each in problems] == [Severity.ERROR]
