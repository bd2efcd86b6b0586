"""How long the event loop is away from its sockets: what comes meanwhile waits for so long."""

import asyncio
import selectors
import time
from collections.abc import Callable
from typing import Final

from prometheus_client import CollectorRegistry, Histogram

BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
"""In seconds. The aim is that none takes longer than 0.01."""


def lag_histogram(registry: CollectorRegistry) -> Histogram:
    """Counts turns of the event loop by how long they took."""
    return Histogram(
        "heddle_loop_lag_seconds",
        "How long turns of the event loop took: all that runs between two looks at its sockets",
        registry=registry,
        buckets=BUCKETS,
    )


class _TimedSelector(selectors.DefaultSelector):
    def __init__(self, told: Callable[[float], None], clock: Callable[[], float]) -> None:
        super().__init__()
        self._told = told
        self._clock = clock
        self._back: float | None = None

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if self._back is not None:
            self._told(self._clock() - self._back)
        found = super().select(timeout)
        self._back = self._clock()
        return found


def timed_loop(
    told: Callable[[float], None], clock: Callable[[], float] = time.perf_counter
) -> asyncio.AbstractEventLoop:
    """An event loop that says after each turn how many seconds it took."""
    return asyncio.SelectorEventLoop(_TimedSelector(told, clock))
