"""The definitions refuse nothing that the checks take: an object that works from a file works in a
cluster. What they refuse, they refuse with a word at the right place.
"""

import copy
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from crds.decode import decode
from tests.crds.cluster import DEFINITIONS, refusals, rules
from tests.crds.corpus import Raw, as_json, corpus
from tests.crds.refused import REFUSED, refused
from tests.strategies import every, examples

ROOT = Path(__file__).parents[2]

ODD: Mapping[type, tuple[object, ...]] = {
    str: (
        *("", "*", "~", ".", "a", "A_b", "a.b", "*.a", "0s", "1ms", "-1s", "0", "10.0.0.0/8"),
        *("x" * 64, "x" * 300, "x" * 2000, "0" * 6, "unix:///a", "NONE", "STRICT", "mesh"),
    ),
    int: (0, 1, -1, 99, 100, 101, 301, 599, 600, 65_535, 65_536, 2**31 - 1, 2**31, 2**32, 2**63),
    float: (0.0, -0.5, 0.00001, 100.0, 100.5),
}


@cache
def of_kind(kind: str) -> list[Raw]:
    return [raw for raw in corpus(ROOT) if raw["kind"] == kind]


def works(raw: Raw) -> bool:
    return decode(raw).object is not None


def test_there_is_something_to_compare() -> None:
    assert all(any(map(works, of_kind(kind))) for kind in DEFINITIONS)
    assert sum(map(works, corpus(ROOT))) > 200


def test_what_is_written_in_this_tree_is_taken() -> None:
    """All examples, goldens and objects of tests that work from a file."""
    refused = {str(raw): refusals(raw) for raw in corpus(ROOT) if works(raw)}
    assert {raw: why for raw, why in refused.items() if why} == {}


@settings(max_examples=examples(50), deadline=None)
@given(every())
def test_what_the_checks_take_is_taken(text: str) -> None:
    raw = as_json(yaml.safe_load(text))
    if raw["kind"] in DEFINITIONS and works(raw):
        assert refusals(raw) == []


@settings(max_examples=examples(200), deadline=None)
@given(st.data())
def test_what_the_checks_still_take_when_changed_is_taken(data: st.DataObject) -> None:
    """Objects of the tree, a little changed, or with a part of another."""
    same = of_kind(data.draw(st.sampled_from(sorted(DEFINITIONS))))
    raw = copy.deepcopy(data.draw(st.sampled_from(same)))
    for _ in range(data.draw(st.integers(1, 3))):
        _change(raw, data.draw(st.sampled_from(same)), data)
    if works(raw):
        assert refusals(raw) == [], raw


def _change(raw: Raw, other: Raw, data: st.DataObject) -> None:
    holder, step = data.draw(st.sampled_from(list(_places(raw))))
    value = holder[step]
    grafts = [(h, s) for h, s in _places(other) if s == step] or [(holder, step)]
    way = data.draw(st.sampled_from(("drop", "odd", "graft", "beside", "twice")))
    if way == "drop":
        del holder[step]
    elif way == "twice" and isinstance(value, list):
        holder[step] = value * 2
    elif way == "odd" and type(value) in ODD:
        holder[step] = data.draw(st.sampled_from(ODD[type(value)]))
    elif way == "odd":
        holder[step] = not value if isinstance(value, bool) else type(value)()
    elif way == "graft":
        there, at = data.draw(st.sampled_from(grafts))
        holder[step] = copy.deepcopy(there[at])
    elif isinstance(holder, dict):
        there, _ = data.draw(st.sampled_from(grafts))
        if isinstance(there, dict):
            holder.update(copy.deepcopy(there))


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """All places below `spec`, each as what holds it and its name or index there."""
    if isinstance(value, dict) and "apiVersion" in value:
        yield value, "spec"
        yield from _places(value.setdefault("spec", {}))
    elif isinstance(value, dict | list):
        for step in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, step
            yield from _places(value[step])


@pytest.mark.parametrize(("kind", "spec", "field"), REFUSED)
def test_what_is_refused_is_refused_at_its_field(kind: str, spec: str, field: str) -> None:
    raw = refused(kind, spec)
    path = f"spec.{field}".removesuffix(".")
    assert path in {each.path for each in refusals(raw)}
    assert not works(raw)


def test_every_rule_refuses_something() -> None:
    """No expression that is always true: each is the one that is broken somewhere in the table."""
    broken = {each.rule for kind, spec, _ in REFUSED for each in refusals(refused(kind, spec))}
    known = set().union(*map(rules, DEFINITIONS))
    assert known - broken == set()
