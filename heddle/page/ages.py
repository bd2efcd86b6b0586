"""How long ago something was, in few characters."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """The time, as both clocks show it that statuses are told by: `wall` in unix seconds, `steady`
    in the event loop's, which only grow.
    """

    wall: float
    steady: float


_UNITS = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"))


def age(seconds: float) -> str:
    """`3 s`, `12 min`, `5 h`, `9 d`: whole units, the largest that there is one of."""
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{max(0, int(seconds))} s"
