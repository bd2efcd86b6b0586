"""How long to wait before a request that failed is made again: longer each time, up to a bound, and
never all replicas at once.
"""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """In seconds. `most_asked` bounds what a server may ask for with Retry-After."""

    first: float = 0.5
    most: float = 30.0
    most_asked: float = 120.0


class Backoff:
    """`chance` gives numbers from 0 to 1."""

    def __init__(self, chance: Callable[[], float], pace: Pace | None = None) -> None:
        self._chance = chance
        self._pace = pace or Pace()
        self._failures = 0

    def reset(self) -> None:
        """It works again."""
        self._failures = 0

    def next(self, asked: float | None = None) -> float:
        """Seconds to wait now; at least `asked` if the server said so."""
        pace = self._pace
        most = min(pace.most, pace.first * 2.0 ** min(self._failures, 32))
        self._failures += 1
        least = min(asked or 0.0, pace.most_asked)
        return least + most * (0.5 + 0.5 * self._chance())
