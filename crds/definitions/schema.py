"""A message's type as an OpenAPI v3 schema, structural as Kubernetes wants it.

Durations are text in Go's form, as CEL's `duration` reads it. There are no defaults: what is stored
is what was applied, so that nothing drifts. Nothing is free form: all of Istio's API is in the
types, and so is never pruned, with or without an effect.
"""

import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from enum import StrEnum
from itertools import combinations
from types import NoneType, UnionType
from typing import Annotated, Union, get_args, get_origin, get_type_hints

from crds.compatibility import rows
from crds.convert import plan
from crds.definitions.cel import excludes
from crds.definitions.constraint import (
    NO_CONSTRAINTS,
    NO_LIMITS,
    Constraints,
    Limits,
    Rule,
    Schema,
)
from crds.definitions.places import PLACES
from crds.definitions.policies import POLICIES
from crds.definitions.routing import ROUTING
from crds.definitions.traffic import TRAFFIC
from crds.fields import Range
from crds.scalars import MAX_CHARS, Duration

CONSTRAINTS: Mapping[type, Constraints] = {**ROUTING, **TRAFFIC, **PLACES, **POLICIES}

DURATION = r"^([-+]?(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+|0)$"

_SCALARS: Mapping[object, Schema] = {
    str: {"type": "string"},
    bytes: {"type": "string"},
    bool: {"type": "boolean"},
    float: {"type": "number"},
    Duration: {"type": "string", "maxLength": MAX_CHARS, "pattern": DURATION},
}
_LIMITS: Mapping[str, str] = {
    "minimum": "minimum",
    "maximum": "maximum",
    "above": "minimum",
    "min_length": "minLength",
    "max_length": "maxLength",
    "min_items": "minItems",
    "max_items": "maxItems",
    "min_properties": "minProperties",
    "max_properties": "maxProperties",
    "pattern": "pattern",
}
_NAME = re.compile(r"`(\w+)`")
MAX_RANGE = 2**53
"""JSON readers agree on whole numbers up to this one; a limit above it is left out."""


Notes = Mapping[tuple[type, str], str]
"""What docs/compatibility.md says of fields that do not do all that Istio says, by attribute."""


def schema(kind: type) -> Schema:
    """Of the `spec` of a kind."""
    notes = {(row.message, row.field): row.note for row in rows(kind) if row.note}
    return _message(kind, CONSTRAINTS[kind], notes)


def _message(message: type, said: Constraints, notes: Notes) -> Schema:
    names = plan(message).names
    found: Schema = {"type": "object", "description": _description(message, names)}
    if said.required:
        found["required"] = [names[attribute] for attribute in said.required]
    groups = _groups(message, names)
    if groups and said.many:
        found["not"] = {"anyOf": [{"required": pair} for pair in _pairs(groups)]}
        groups = ()
    found["properties"] = dict(_properties(message, said.fields, notes))
    _put_rules(found, (*said.rules, *map(_at_most_one, _pairs(groups))))
    return found


def _groups(message: type, names: Mapping[str, str]) -> tuple[tuple[str, ...], ...]:
    """Fields that exclude each other: those that the type names, and both names of a field."""
    one_of = getattr(message, "ONE_OF", ())
    aliases = (
        (names[f.name], f.metadata["alias"]) for f in fields(message) if "alias" in f.metadata
    )
    return (*(tuple(names[each] for each in group) for group in one_of), *aliases)


def _pairs(groups: tuple[tuple[str, ...], ...]) -> Iterator[tuple[str, ...]]:
    for group in groups:
        yield from combinations(group, 2)


def _at_most_one(pair: tuple[str, ...]) -> Rule:
    first, second = pair
    return excludes(f"has(self.{first})", f"has(self.{second})", first, second)


def _properties(
    message: type, limits: Mapping[str, Limits], notes: Notes
) -> Iterator[tuple[str, Schema]]:
    hints = get_type_hints(message, include_extras=True)
    names = plan(message).names
    for each in fields(message):
        if each.name == "meta":
            continue
        found = _limited(hints[each.name], limits.get(each.name, NO_LIMITS), notes)
        if note := notes.get((message, each.name)):
            found["description"] = note[:1].upper() + note[1:] + "."
        yield names[each.name], found
        if "alias" in each.metadata:
            yield each.metadata["alias"], found


def _limited(hint: object, limits: Limits, notes: Notes) -> Schema:
    found = _of_hint(hint, limits, notes)
    for attribute, name in _LIMITS.items():
        value = getattr(limits, attribute)
        if value is not None:
            found[name] = value
    if limits.above is not None:
        found["exclusiveMinimum"] = True
    if limits.one_of:
        found["enum"] = list(limits.one_of)
    _put_rules(found, limits.rules)
    return found


def _of_hint(hint: object, limits: Limits, notes: Notes) -> Schema:
    """One case per kind of type, as `crds.convert` has them."""
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _integer(args[1])
    if origin in (Union, UnionType):
        return _of_hint(next(arg for arg in args if arg is not NoneType), limits, notes)
    if origin is tuple:
        return {"type": "array", "items": _limited(args[0], limits.each or NO_LIMITS, notes)}
    if origin is Mapping:
        values = _limited(args[1], limits.each or NO_LIMITS, notes)
        return {"type": "object", "additionalProperties": values}
    if hint in _SCALARS:
        return dict(_SCALARS[hint])
    assert isinstance(hint, type)
    if issubclass(hint, StrEnum):
        return {"type": "string", "enum": [member.name for member in hint]}
    said = limits.inside or CONSTRAINTS.get(hint, NO_CONSTRAINTS)
    return _message(hint, said, notes)


def _integer(limits: Range) -> Schema:
    found: Schema = {"type": "integer", "minimum": limits.low}
    return found if limits.high > MAX_RANGE else {**found, "maximum": limits.high}


def _put_rules(found: Schema, rules: tuple[Rule, ...]) -> None:
    if rules:
        found["x-kubernetes-validations"] = [_rule(rule) for rule in rules]


def _rule(rule: Rule) -> Schema:
    said: Schema = {"rule": rule.cel, "message": rule.message}
    return {**said, "fieldPath": rule.field} if rule.field else said


def _description(message: type, names: Mapping[str, str]) -> str:
    """The type's own, with its fields by the names that they have in the object."""
    text = " ".join((inspect.getdoc(message) or "").split())
    return _NAME.sub(lambda found: f"`{names.get(found[1], found[1])}`", text)
