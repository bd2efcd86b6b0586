"""What credentials say of a pod, read with care: each value has the form that it must have, or the
credential is refused.
"""

import re
from collections.abc import Mapping

from ca.errors import Unauthenticated

NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
"""What Kubernetes accepts as a name (RFC 1123 subdomain). Nothing else may become part of an
identity."""

UID = re.compile(r"[A-Za-z0-9-]{1,64}")


def mapping(claims: Mapping[str, object], name: str) -> Mapping[str, object]:
    """A claim that is an object; raises `Unauthenticated`."""
    value = claims.get(name)
    if not isinstance(value, dict):
        raise Unauthenticated(f"not bound to a pod: no claim {name!r}")
    return value


def text(claims: Mapping[str, object], name: str, form: re.Pattern[str]) -> str:
    """A claim of that form; raises `Unauthenticated`."""
    value = claims.get(name)
    if not isinstance(value, str) or not form.fullmatch(value):
        raise Unauthenticated(f"not bound to a pod: claim {name!r} is missing or malformed")
    return value


def number(claims: Mapping[str, object], name: str) -> float:
    """A claim that is a time; raises `Unauthenticated`."""
    value = claims.get(name)
    # `bool` is an `int` to Python. NaN compares as neither later nor earlier, so it must not get
    # through.
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        raise Unauthenticated(f"claim {name!r} is missing or not a time")
    return float(value)


def check_audience(claims: Mapping[str, object], audience: str) -> None:
    """Raises `Unauthenticated` unless the token is for us alone: one that is meant for several
    readers could be replayed here by any of them.
    """
    if claims.get("aud") not in (audience, [audience]):
        raise Unauthenticated("another audience")
