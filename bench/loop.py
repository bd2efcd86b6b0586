"""How long an event loop is away: what comes while it is busy waits for so long."""

import asyncio
import selectors
import time
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

BOUNDS: Final = (1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 1000.0)
"""Upper bounds of the buckets, in milliseconds."""


def _empty() -> list[int]:
    return [0] * (len(BOUNDS) + 1)


@dataclass(slots=True)
class Turns:
    """How long each turn of the loop took: all that it ran between two looks at its sockets."""

    counts: list[int] = field(default_factory=_empty)
    """By bucket; the last one is for those longer than every bound."""
    longest: float = 0.0
    """In seconds."""
    _cleared: bool = False

    def add(self, seconds: float) -> None:
        """Counts a turn, unless `clear` was called in the midst of it."""
        if self._cleared:
            self._cleared = False
            return
        self.counts[bisect_left(BOUNDS, seconds * 1e3)] += 1
        self.longest = max(self.longest, seconds)

    def clear(self) -> None:
        """Begins anew."""
        self._cleared = True
        self.counts[:] = _empty()
        self.longest = 0.0


def cumulative(counts: Sequence[int]) -> dict[str, int]:
    """Buckets as Prometheus writes them: how many turns took at most so many milliseconds."""
    names = [*(f"{bound:g}" for bound in BOUNDS), "inf"]
    total, made = 0, {}
    for index, name in enumerate(names):
        total += counts[index]
        made[name] = total
    return made


class _TimedSelector(selectors.DefaultSelector):
    def __init__(self, turns: Turns) -> None:
        super().__init__()
        self._turns = turns
        self._back: float | None = None

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if self._back is not None:
            self._turns.add(time.perf_counter() - self._back)
        found = super().select(timeout)
        self._back = time.perf_counter()
        return found


def timed_loop(turns: Turns) -> asyncio.AbstractEventLoop:
    """An event loop that counts its turns."""
    return asyncio.SelectorEventLoop(_TimedSelector(turns))
