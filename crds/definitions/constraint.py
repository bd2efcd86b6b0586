"""What a schema says beyond types: limits of values, and rules in CEL.

The tables of this package say it of each message. Each of them is also a check of `crds`, which is
what counts for files, and what has the better message; so a schema may never refuse what the checks
take (the tests compare the two).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from crds.fields import EMPTY

Schema = dict[str, object]
"""A part of a schema, or of a definition, as JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """An expression in CEL that must be true of `self`. `field` is what the problem is shown at, as
    a JSON path below `self` (`.gateways`); none: `self`.
    """

    cel: str
    message: str
    field: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Of one field. Both ends of a range are inclusive, `above` is not; `each` is of the items of a
    list or of the values of a map; `inside` replaces what the tables say of the field's message.
    """

    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    min_items: int | None = None
    max_items: int | None = None
    min_properties: int | None = None
    max_properties: int | None = None
    pattern: str | None = None
    one_of: tuple[str | int, ...] = ()
    each: "Limits | None" = None
    inside: "Constraints | None" = None
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraints:
    """Of one message. `required` and `fields` name attributes of its type. `many`: there may be so
    many of it that its type's `ONE_OF` must cost nothing, though that makes for a poor message.
    """

    many: bool = False
    required: tuple[str, ...] = ()
    fields: Mapping[str, Limits] = EMPTY
    rules: tuple[Rule, ...] = ()


NO_LIMITS = Limits()
NO_CONSTRAINTS = Constraints()
