"""What an API server says of an object that it knows by its definition: JSON schema for its form,
CEL for its rules. It takes what is empty (null) or unknown away first.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Any

import yaml
from cel_expr_python import cel  # type: ignore[import-untyped]  # its stubs lack py.typed
from jsonschema import Draft4Validator

from heddle.definitions import documents

Schema = Mapping[str, Any]


def read(text: str) -> Any:
    """One document, in C: these are large."""
    return yaml.load(text, Loader=yaml.CSafeLoader)


DEFINITIONS: Mapping[str, Schema] = {
    each["spec"]["names"]["kind"]: each for each in map(read, dict(documents()).values())
}
"""By kind, as they are applied."""


def schema_of(kind: str) -> Schema:
    """What is the same in all versions."""
    found: Schema = DEFINITIONS[kind]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return found


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why, at which path, and by which rule in CEL, if it is one."""

    path: str
    message: str
    rule: str = ""


def refusals(raw: Mapping[str, Any]) -> list[Refusal]:
    """By rules only where the form is right, as it is there."""
    schema = schema_of(str(raw["kind"]))
    pruned = _pruned({"spec": raw["spec"]} if "spec" in raw else {}, schema)
    errors = _validator(str(raw["kind"])).iter_errors(pruned)
    wrong = [Refusal(_path(each.path), each.message[:200]) for each in errors]
    return wrong or list(_broken("", pruned, schema))


def everything(kind: str) -> Iterator[tuple[str, Schema]]:
    """All schemas below a kind's, each with its path: `spec.http[].match[].headers{}.exact`."""
    return _below("", schema_of(kind))


def _below(path: str, schema: Schema) -> Iterator[tuple[str, Schema]]:
    yield path, schema
    for name, inner in schema.get("properties", {}).items():
        yield from _below(f"{path}.{name}".removeprefix("."), inner)
    if "items" in schema:
        yield from _below(f"{path}[]", schema["items"])
    if "additionalProperties" in schema:
        yield from _below(f"{path}{{}}", schema["additionalProperties"])


def rules(kind: str) -> set[str]:
    """All expressions of a kind's schema."""
    below = (schema.get("x-kubernetes-validations", ()) for _, schema in everything(kind))
    return {each["rule"] for each in chain.from_iterable(below)}


@cache
def _validator(kind: str) -> Draft4Validator:
    """OpenAPI v3 is of that draft: `exclusiveMinimum` is a boolean."""
    return Draft4Validator(schema_of(kind))


_ENVIRONMENT = cel.NewEnv(variables={"self": cel.Type.DYN})


@cache
def _expression(rule: str) -> cel.Expression:
    return _ENVIRONMENT.compile(rule)


def _pruned(value: Any, schema: Schema) -> Any:
    if isinstance(value, dict):
        known = schema.get("properties", {})
        values = schema.get("additionalProperties")
        return {
            name: _pruned(each, values or known[name])
            for name, each in value.items()
            if each is not None and (values or name in known)
        }
    if isinstance(value, list):
        return [_pruned(each, schema.get("items", {})) for each in value]
    return value


def _broken(path: str, value: Any, schema: Schema) -> Iterator[Refusal]:
    for each in schema.get("x-kubernetes-validations", ()):
        if not _holds(each["rule"], value):
            yield Refusal(path + each.get("fieldPath", ""), each["message"], each["rule"])
    if isinstance(value, dict):
        for name, inner in value.items():
            below = schema.get("additionalProperties") or schema["properties"][name]
            yield from _broken(f"{path}.{name}".removeprefix("."), inner, below)
    if isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _broken(f"{path}[{index}]", inner, schema["items"])


def _holds(rule: str, value: Any) -> bool:
    """An error, such as of a text that is no duration, is not true, here and there."""
    return _expression(rule).eval(data={"self": value}).value() is True


def _path(steps: Iterable[str | int]) -> str:
    parts = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return "".join(parts).removeprefix(".")
