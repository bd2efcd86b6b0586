"""How old connections get. They end so that clients spread over replicas again, and never all at
one time.

gRPC announces the end of a connection (GOAWAY), after which clients open new streams elsewhere; the
streams that are there go on. They end by themselves, each at a moment that chance decides, and with
a status. Only what is left long after that is cut off.
"""

from typing import Final

SPREAD: Final = 0.2
"""The part of the longest age over which ends are spread."""
_GOAWAY: Final = 0.72
"""Of the longest age; gRPC's own tenth either way keeps it before the first end of a stream."""
_EARLIEST_GOAWAY: Final = _GOAWAY * 0.9


def stream_age(longest: float, chance: float) -> float:
    """The age at which a stream ends, in seconds; `chance` is from 0 up to 1."""
    return longest * (1 - SPREAD * chance)


def connection_age(longest: float, drain: float) -> tuple[float, float]:
    """The age at which gRPC announces a connection's end, and how long it then leaves it be."""
    return longest * _GOAWAY, longest * (1 - _EARLIEST_GOAWAY) + drain
