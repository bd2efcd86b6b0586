"""The edges of the schemas are those of the checks: just outside of one, the other refuses, too."""

import copy
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from crds.convert import MAX_ITEMS
from crds.decode import decode
from tests.crds.cluster import DEFINITIONS, Schema, everything
from tests.crds.corpus import Raw, corpus

ROOT = Path(__file__).parents[2]

Steps = tuple[str | int, ...]
Place = tuple[Raw, Steps]

NEVER = {("VirtualService", "spec.http[].fault.delay.exponentialDelay")}
"""No object with it works."""


@pytest.mark.parametrize("kind", DEFINITIONS)
def test_what_the_schema_refuses_is_refused_by_the_checks(kind: str) -> None:
    """Each limit of each field, in objects of this tree that have the field and work."""
    taken = []
    for path, schema in everything(kind):
        for raw, steps in places(kind).get(path, [])[:2]:
            for value in outside(schema, at(raw, steps)):
                if decode(changed(raw, steps, value)).object is not None:
                    taken.append((path, value))
    assert taken == []


@pytest.mark.parametrize("kind", DEFINITIONS)
def test_what_the_schema_asks_for_is_asked_for_by_the_checks(kind: str) -> None:
    """Without a required field no object works."""
    taken = []
    for path, schema in everything(kind):
        for name in schema.get("required", ()):
            for raw, steps in places(kind).get(f"{path}.{name}".removeprefix("."), [])[:2]:
                if decode(without(raw, steps)).object is not None:
                    taken.append((path, name))
    assert taken == []


def test_every_limit_is_tried() -> None:
    """A message that occurs in many places is tried in one of them, with the same field around."""
    tried = {last_two(path) for kind in DEFINITIONS for path in places(kind)}
    left = {
        (kind, path)
        for kind in DEFINITIONS
        for path, schema in everything(kind)
        if path.startswith("spec.") and any(outside(schema, None)) and last_two(path) not in tried
    }
    assert left == NEVER


def last_two(path: str) -> str:
    return ".".join(path.split(".")[-2:])


def outside(schema: Schema, value: Any) -> Iterator[object]:
    """Values just outside of each limit; `value` is one within them."""
    if "minimum" in schema:
        yield schema["minimum"] - (0 if schema.get("exclusiveMinimum") else 1)
    if "maximum" in schema:
        yield schema["maximum"] + 1
    if "enum" in schema:
        yield "nothing" if isinstance(schema["enum"][0], str) else 999
    if "pattern" in schema:
        yield next(text for text in ("\0", "/") if not re.search(schema["pattern"], text))
    elif "maxLength" in schema:
        yield "a" * (schema["maxLength"] + 1)
    if schema.get("minLength"):
        yield ""
    if schema.get("minItems"):
        yield []
    if schema.get("minProperties"):
        yield {}
    if value and schema.get("maxItems", MAX_ITEMS) < MAX_ITEMS:
        yield value[:1] * (schema["maxItems"] + 1)


@cache
def places(kind: str) -> Mapping[str, list[Place]]:
    """Where objects that work have each field."""
    found: dict[str, list[Place]] = defaultdict(list)
    for raw in corpus(ROOT):
        if raw["kind"] == kind and decode(raw).object is not None:
            for path, steps in _below("spec", ("spec",), raw.get("spec")):
                found[path].append((raw, steps))
    return found


def _below(path: str, steps: Steps, value: object) -> Iterator[tuple[str, Steps]]:
    yield path, steps
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _below(f"{path}.{name}", (*steps, name), inner)
            yield from _below(f"{path}{{}}", (*steps, name), inner)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _below(f"{path}[]", (*steps, index), inner)


def at(raw: Raw, steps: Steps) -> Any:
    value: Any = raw
    for step in steps:
        value = value[step]
    return value


def changed(raw: Raw, steps: Steps, value: object) -> Raw:
    made = copy.deepcopy(raw)
    at(made, steps[:-1])[steps[-1]] = value
    return made


def without(raw: Raw, steps: Steps) -> Raw:
    made = copy.deepcopy(raw)
    del at(made, steps[:-1])[steps[-1]]
    return made
