"""JSON values to dataclasses, from type hints, with proto3 JSON's leniency: the machinery of
decode.py.

Each type gets one plan, made once: a table from JSON name to converter. A converter never raises
for
any value; it reports to `problems` and returns ABSENT. Recursion is as deep as the types nest,
never
as deep as the input.
"""

from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, fields
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from crds.convert_scalar import (
    ABSENT,
    SCALARS,
    Converter,
    Problems,
    enumeration,
    integer,
    integer_or_string,
    is_text,
    wrong_type,
)
from crds.fields import FrozenMap
from crds.path import Path, did_you_mean, render, step
from crds.problem import Problem, error, warning
from crds.untranslated import UNTRANSLATED, Untranslated

MAX_ITEMS = 32_768
"""Of one list or map: more than fits into an object of a cluster, and few enough for the API server
to reckon with them.
"""


@dataclass(frozen=True, slots=True)
class Slot:
    """One field of a type: its attribute, how its values are read, and whether it has an effect
    yet.
    """

    attribute: str
    convert: Converter
    default: object
    untranslated: Untranslated | None


@dataclass(frozen=True, slots=True)
class Plan:
    """How one type is read: its fields by JSON name, and which of them exclude each other."""

    slots: Mapping[str, Slot]
    one_of: tuple[tuple[str, ...], ...]
    names: Mapping[str, str]

    def values(
        self, raw: object, path: Path, problems: Problems, *, partial: bool = False
    ) -> dict[str, Any]:
        """The fields that `raw` sets, as arguments for the type. `partial` types ignore unknown
        fields.
        """
        if not isinstance(raw, dict):
            if not isinstance(raw, Mapping):
                problems.append(wrong_type(path, "an object with named fields", raw))
                return {}
            raw = dict(raw)
        found: dict[str, Any] = {}
        for name, item in raw.items():
            slot = self.slots.get(name)
            if slot is None:
                if not partial:
                    problems.append(self._unknown(name, path))
            elif item is not None:
                self._read(slot, item, (path, "." + name), found, problems)
        for group in self.one_of:
            self._check_one_of(group, found, path, problems)
        return found

    def _read(
        self, slot: Slot, item: object, path: Path, found: dict[str, Any], problems: Problems
    ) -> None:
        value = slot.convert(item, path, problems)
        if value is ABSENT:
            return
        if slot.attribute in found:
            problems.append(self._twice(slot, path))
        found[slot.attribute] = value
        if slot.untranslated and value != slot.default:
            problems.extend(slot.untranslated.problems(value, path))

    def _check_one_of(
        self, group: tuple[str, ...], found: Mapping[str, object], path: Path, problems: Problems
    ) -> None:
        given = [attribute for attribute in group if attribute in found]
        if len(given) > 1:
            names = " and ".join(f"`{self.names[attribute]}`" for attribute in given)
            choices = ", ".join(f"`{self.names[attribute]}`" for attribute in group)
            problems.append(
                error(
                    "one-of",
                    render(path),
                    f"{names} exclude each other: keep one of {choices}",
                )
            )

    def _unknown(self, name: object, path: Path) -> Problem:
        text = name if isinstance(name, str) else repr(type(name).__name__)
        return warning(
            "unknown-field",
            render((path, step(name))),
            "there is no such field, it has no effect" + did_you_mean(text, self.slots),
        )

    def _twice(self, slot: Slot, path: Path) -> Problem:
        name = self.names[slot.attribute]
        return error("duplicate-field", render(path), f"is a second name for `{name}`: keep one")


def plan(cls: type) -> Plan:
    """The plan of a dataclass; `meta` is read by decode.py, once per object."""
    return _plan(cls)


@cache
def _plan(cls: type) -> Plan:
    hints = get_type_hints(cls, include_extras=True)
    slots: dict[str, Slot] = {}
    names: dict[str, str] = {}
    for each in fields(cls):
        if each.name == "meta":
            continue
        name = each.metadata.get("wire") or camel_case(each.name)
        slot = Slot(
            each.name,
            _converter(hints[each.name]),
            _default(each),
            UNTRANSLATED.get(cls, {}).get(each.name),
        )
        names[each.name] = name
        slots[name] = slot
        if "alias" in each.metadata:
            slots[each.metadata["alias"]] = slot
    return Plan(slots, getattr(cls, "ONE_OF", ()), names)


def camel_case(attribute: str) -> str:
    """`http2_max_requests` is `http2MaxRequests`; a trailing `_` keeps clear of keywords."""
    first, *others = attribute.removesuffix("_").split("_")
    return first + "".join(other[:1].upper() + other[1:] for other in others)


def _default(each: "Field[Any]") -> object:
    return None if each.default is MISSING else each.default


def _converter(hint: Any) -> Converter:  # one case per kind of type, nothing nested
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return integer(args[1])
    if origin in (Union, UnionType):
        rest = [arg for arg in args if arg is not NoneType]
        return _converter(rest[0]) if len(rest) == 1 else integer_or_string
    if origin is tuple:
        return _list(_converter(args[0]))
    if origin is Mapping:
        return _map(_converter(args[1]))
    if hint in SCALARS:
        return SCALARS[hint]
    if issubclass(hint, StrEnum):
        return enumeration(hint)
    return message(hint)


def message(cls: type) -> Converter:
    """Reads an object of this type; made on first use, since plans refer to plans."""
    made: Plan | None = None
    partial = cls.__module__ in PARTIAL_MODULES

    def convert(value: object, path: Path, problems: Problems) -> object:
        nonlocal made
        made = made or plan(cls)
        return cls(**made.values(value, path, problems, partial=partial))

    return convert


PARTIAL_MODULES = frozenset({"crds.core", "crds.meta", "crds.secret"})
"""Of Kubernetes' own objects only a part is read, so an unknown field there says nothing."""


def _list(item: Converter) -> Converter:
    def convert(value: object, path: Path, problems: Problems) -> object:
        if not isinstance(value, list | tuple):
            problems.append(wrong_type(path, "a list", value))
            return ABSENT
        if len(value) > MAX_ITEMS:
            problems.append(error("too-many", render(path), f"at most {MAX_ITEMS} items", value))
            return ABSENT
        found = []
        for index, each in enumerate(value):
            here = (path, f"[{index}]")
            if each is None:
                problems.append(_null(here))
                continue
            read = item(each, here, problems)
            if read is not ABSENT:
                found.append(read)
        return tuple(found)

    return convert


def _map(item: Converter) -> Converter:
    def convert(value: object, path: Path, problems: Problems) -> object:
        if not isinstance(value, Mapping):
            problems.append(wrong_type(path, "an object with named values", value))
            return ABSENT
        if len(value) > MAX_ITEMS:
            problems.append(error("too-many", render(path), f"at most {MAX_ITEMS} items", value))
            return ABSENT
        found = {}
        for given, each in value.items():
            # What kubectl makes of a number that is a name, such as a port.
            name = str(given) if type(given) is int else given
            here = (path, step(name))
            if not isinstance(name, str) or not is_text(name):
                problems.append(
                    error("wrong-type", render(here), "names must be strings: put it in quotes")
                )
            elif each is None:
                problems.append(_null(here))
            elif (read := item(each, here, problems)) is not ABSENT:
                found[name] = read
        return FrozenMap(found)

    return convert


def _null(path: Path) -> Problem:
    return error("null-entry", render(path), "is empty (null): give it a value or remove it")
