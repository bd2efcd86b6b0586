"""Expressions in CEL that several tables need, and the limits that go with kinds of text."""

from crds.convert import MAX_ITEMS
from crds.definitions.constraint import Limits, Rule
from crds.names import MAX_HOST_CHARS, MAX_PORT

_DNS_LABEL = "[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"


def given(name: str, of: str = "self") -> str:
    """That a text, list or map is there and not empty: proto3 cannot tell the two apart."""
    return f"(has({of}.{name}) && size({of}.{name}) > 0)"


def excludes(one: str, other: str, name: str, other_name: str) -> Rule:
    """That two things are not there at once."""
    message = f"{name} and {other_name} exclude each other: keep one"
    return Rule(cel=f"!({one} && {other})", message=message)


def needs(one: str, other: str, message: str, field: str = "") -> Rule:
    """That one thing is there only with the other."""
    return Rule(cel=f"!{one} || {other}", message=message, field=field)


AT_LEAST_1MS = Limits(
    rules=(
        Rule(
            cel="duration(self) >= duration('1ms')",
            message="must be at least 1ms: leave it out for the default",
        ),
    )
)
NOT_NEGATIVE = Limits(minimum=0)
PERCENT = Limits(minimum=0, maximum=100)
STATUS = Limits(minimum=200, maximum=599)
PORT = Limits(minimum=1, maximum=MAX_PORT)
MAYBE_PORT = Limits(maximum=MAX_PORT)
"""0 is "not given"."""
HOST = Limits(min_length=1, max_length=MAX_HOST_CHARS)
NAME = Limits(min_length=1)
DNS_LABEL = Limits(pattern=f"^{_DNS_LABEL}$")
MAYBE_DNS_LABEL = Limits(pattern=f"^({_DNS_LABEL})?$")
SUBNET = Limits(min_length=1, max_length=64)
NAMES = Limits(each=NAME)
SOME = Limits(min_items=1)
LABELS = Limits(each=Limits(max_length=63, pattern="^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$"))
GATEWAYS = Limits(max_items=MAX_ITEMS, each=HOST)
_ALONE = "size(self) < 2 || !self.exists(each, each == '*' || each == '~')"
_STAND_ALONE = Rule(cel=_ALONE, message="`*` and `~` say all that there is to say: keep them alone")
EXPORT_TO = Limits(
    max_items=MAX_ITEMS,
    each=Limits(max_length=63, pattern=rf"^(\.|\*|{_DNS_LABEL})$"),
    rules=(_STAND_ALONE,),
)
EXPORT_TO_OR_NOBODY = Limits(
    max_items=MAX_ITEMS,
    each=Limits(max_length=63, pattern=rf"^(\.|\*|~|{_DNS_LABEL})$"),
    rules=(_STAND_ALONE,),
)
