"""The four forms of a policy's strings: exact, `prefix*`, `*suffix`, and `*` for anything at all.

Nothing of a user's text ever becomes part of an expression but escaped: a dot in a name must not
stand for any character.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from envoy.config.core.v3.address_pb2 import CidrRange
from envoy.type.matcher.v3.string_pb2 import StringMatcher

from crds.names import escaped
from translator import pb

Made = TypeVar("Made")


class Form(Enum):
    """How a pattern is to be compared."""

    EXACT = "exact"
    PREFIX = "prefix"
    SUFFIX = "suffix"
    PRESENT = "present"


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern without its star."""

    form: Form
    text: str = ""


def pattern(value: str) -> Pattern:
    """The form and the text of a policy's string. A star in the middle is a star."""
    if value == "*":
        return Pattern(Form.PRESENT)
    if value.endswith("*"):
        return Pattern(Form.PREFIX, value[:-1])
    if value.startswith("*"):
        return Pattern(Form.SUFFIX, value[1:])
    return Pattern(Form.EXACT, value)


def string_matcher(found: Pattern, *, ignore_case: bool = False) -> StringMatcher:
    """The matcher of a pattern; anything at all has at least one character."""
    match found.form:
        case Form.EXACT:
            return StringMatcher(exact=found.text, ignore_case=ignore_case)
        case Form.PREFIX:
            return StringMatcher(prefix=found.text, ignore_case=ignore_case)
        case Form.SUFFIX:
            return StringMatcher(suffix=found.text, ignore_case=ignore_case)
        case _:  # present
            return expression(".+")


def expression(regex: str) -> StringMatcher:
    """A matcher of the whole string. Our own text only: what is a user's must be escaped."""
    return StringMatcher(safe_regex=pb.regex(regex))


LIST_START, LIST_END = r"(?:.*,)?[ \t]*", r"[ \t]*(?:,.*)?"
"""What may be around one value of a list in a header (RFC 9110, 5.6.1)."""


def list_member(found: Pattern) -> StringMatcher:
    """The matcher of a header any of whose values has a pattern: several lines of one header are
    one list (RFC 9110, 5.3), and Envoy before 1.38 compares them joined.
    """
    text = escaped(found.text)
    start, end = LIST_START, LIST_END
    match found.form:
        case Form.EXACT:
            return expression(f"{start}{text}{end}")
        case Form.PREFIX:
            return expression(f"{start}{text}.*")
        case Form.SUFFIX:
            return expression(f".*{text}{end}")
        case _:  # present
            return expression(".+")


def within_segment(value: str) -> str:
    """The expression of a pattern for one part between slashes."""
    found = pattern(value)
    text = escaped(found.text)
    match found.form:
        case Form.EXACT:
            return text
        case Form.PREFIX:
            return f"{text}[^/]*"
        case Form.SUFFIX:
            return f"[^/]*{text}"
        case _:  # present
            return "[^/]+"


def cidr(block: str) -> CidrRange:
    """An address, or a block of addresses, as it was checked before."""
    address, slash, length = block.partition("/")
    whole = 128 if ":" in address else 32
    return CidrRange(address_prefix=address, prefix_len=pb.uint32(int(length) if slash else whole))


def all_of(
    one: Sequence[Made], together: Callable[[Sequence[Made]], Made], otherwise: Made
) -> Made:
    """One as it is, several `together`, none as `otherwise`."""
    if not one:
        return otherwise
    return one[0] if len(one) == 1 else together(one)
