"""JSON values to scalars, as proto3 JSON reads them. Part of decode.py's machinery.

A converter never raises for any value: it reports to `problems` and returns ABSENT.
"""

import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable, Mapping
from enum import Enum, StrEnum
from math import isfinite
from typing import Any

from crds.fields import Range
from crds.path import Path, did_you_mean, render
from crds.problem import Problem, error
from crds.scalars import Duration, duration
from crds.secret_bytes import SecretBytes, SecretText

Problems = list[Problem]
Converter = Callable[[object, Path, Problems], object]


class _Absent(Enum):
    ABSENT = 0


ABSENT = _Absent.ABSENT

_INTEGER = re.compile(r"-?\d{1,20}", re.ASCII)


def wrong_type(path: Path, wanted: str, value: object) -> Problem:
    """Says what is wanted, what is there, and how to write it if that is plain."""
    hint = ""
    if wanted == "a string" and isinstance(value, int | float):
        hint = ": put it in quotes"
    elif value in ("true", "false") or (isinstance(value, str) and wanted == "a number"):
        hint = ": write it without quotes, as a plain value"
    return error("wrong-type", render(path), f"must be {wanted}, not {_kind(value)}{hint}", value)


def _kind(value: object) -> str:
    match value:
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list() | tuple():
            return "a list"
        case Mapping():
            return "an object"
        case _:
            return f"a {type(value).__name__}"


def _string(value: object, path: Path, problems: Problems) -> object:
    if isinstance(value, str) and is_text(value):
        return value
    if isinstance(value, str):
        problems.append(error("bad-text", render(path), "is not valid Unicode text", value))
    else:
        problems.append(wrong_type(path, "a string", value))
    return ABSENT


def is_text(value: str) -> bool:
    """Half of a surrogate pair (JSON can spell one) is not text: nothing could serialise it."""
    return value.isascii() or not any("\ud800" <= char <= "\udfff" for char in value)


def _boolean(value: object, path: Path, problems: Problems) -> object:
    if isinstance(value, bool):
        return value
    problems.append(wrong_type(path, "true or false", value))
    return ABSENT


def integer(limits: Range) -> Converter:
    """A whole number within the limits; a string of digits is one, too."""
    low, high = limits.low, limits.high

    def convert(value: object, path: Path, problems: Problems) -> object:
        number = _as_integer(value)
        if number is None:
            problems.append(wrong_type(path, "a whole number", value))
            return ABSENT
        if not low <= number <= high:
            problems.append(error("out-of-range", render(path), f"must be {low} to {high}", value))
            return ABSENT
        return number

    return convert


def _as_integer(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        return int(value)
    return None


_any_integer = integer(Range(-(2**63), 2**63 - 1))


def integer_or_string(value: object, path: Path, problems: Problems) -> object:
    """Kubernetes' IntOrString: a string stays one."""
    if isinstance(value, str):
        return _string(value, path, problems)
    return _any_integer(value, path, problems)


def _number(value: object, path: Path, problems: Problems) -> object:
    number: float | None = None
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        try:
            number = float(value)
        except (ValueError, OverflowError):
            number = None
    if number is None or not isfinite(number):
        problems.append(wrong_type(path, "a finite number", value))
        return ABSENT
    return number


def _duration(value: object, path: Path, problems: Problems) -> object:
    if not isinstance(value, str):
        hint = f", for example {value}s" if isinstance(value, int) and value in range(10**6) else ""
        problems.append(wrong_type(path, f"a duration with its unit{hint}", value))
        return ABSENT
    found = duration(value)
    if found is None:
        problems.append(
            error("bad-duration", render(path), "write a duration as 1.5s, 100ms or 1m30s", value)
        )
        return ABSENT
    return found


def _bytes(value: object, path: Path, problems: Problems) -> object:
    if isinstance(value, str):
        standard = value.replace("-", "+").replace("_", "/").rstrip("=")
        try:
            return b64decode(standard + "=" * (-len(standard) % 4), validate=True)
        except (Base64Error, ValueError):
            problems.append(error("bad-base64", render(path), "is not base64", value))
            return ABSENT
    problems.append(wrong_type(path, "a string in base64", value))
    return ABSENT


def _secret_bytes(value: object, path: Path, problems: Problems) -> object:
    read = _bytes(value, path, problems)
    return SecretBytes(read) if isinstance(read, bytes) else ABSENT


def _secret_text(value: object, path: Path, problems: Problems) -> object:
    read = _string(value, path, problems)
    return SecretText(read.encode()) if isinstance(read, str) else ABSENT


def enumeration(cls: type[StrEnum]) -> Converter:
    """An enum by its values: proto3 JSON has the names there."""
    members = {member.value: member for member in cls}

    def convert(value: object, path: Path, problems: Problems) -> object:
        found = members.get(value) if isinstance(value, str) else None
        if found is not None:
            return found
        choices = ", ".join(members)
        hint = did_you_mean(value.upper(), members) if isinstance(value, str) else ""
        problems.append(error("bad-enum", render(path), f"must be one of {choices}{hint}", value))
        return ABSENT

    return convert


SCALARS: Mapping[Any, Converter] = {
    str: _string,
    bool: _boolean,
    int: _any_integer,
    float: _number,
    bytes: _bytes,
    SecretBytes: _secret_bytes,
    SecretText: _secret_text,
    Duration: _duration,
}
