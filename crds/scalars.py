"""Values that many types share: durations, percentages, string matches."""

import re
from dataclasses import dataclass
from typing import ClassVar

NANOS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_PART = re.compile(r"(\d{1,18})?(?:\.(\d{0,30}))?(ns|us|µs|μs|ms|s|m|h)")
_WHOLE = re.compile(rf"[-+]?(?:{_PART.pattern})+", re.ASCII)
_MAX_NANOS = 2**63 - 1
MAX_CHARS = 64


@dataclass(frozen=True, slots=True, order=True)
class Duration:
    """A length of time in nanoseconds; may be negative as written, the checks refuse that."""

    nanos: int

    @property
    def seconds(self) -> float:
        """In seconds."""
        return self.nanos / 1_000_000_000

    def __str__(self) -> str:
        sign, rest = ("-" if self.nanos < 0 else ""), abs(self.nanos)
        whole, fraction = divmod(rest, 1_000_000_000)
        decimals = f".{fraction:09d}".rstrip("0") if fraction else ""
        return f"{sign}{whole}{decimals}s"


def duration(text: str) -> Duration | None:
    """Reads `1.5s` and Go's `1m30s`; `None` if it is neither, or more than 292 years, which
    is all that Kubernetes can reckon with."""
    if len(text) > MAX_CHARS or not _WHOLE.fullmatch(text):
        return Duration(0) if text == "0" else None
    total = 0
    for whole, fraction, unit in _PART.findall(text):
        if not whole and not fraction:
            return None
        scale = 10 ** len(fraction)
        total += (int(whole or 0) * scale + int(fraction or 0)) * NANOS[unit] // scale
    if total > _MAX_NANOS:
        return None
    return Duration(-total if text.startswith("-") else total)


@dataclass(frozen=True, slots=True, kw_only=True)
class Percent:
    """`value` is 0 to 100."""

    value: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StringMatch:
    """One of the three; none of them means "present" where headers and query parameters are
    matched.

    `regex` is RE2 and matches the whole string.
    """

    ONE_OF: ClassVar = (("exact", "prefix", "regex"),)

    exact: str | None = None
    prefix: str | None = None
    regex: str | None = None
