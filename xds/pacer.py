"""Wakes many streams a few at a time: a push to a thousand must not hold the event loop."""

import asyncio
from collections import deque
from typing import Final

AT_ONCE: Final = 32
"""Streams that are woken in one turn of the loop: some milliseconds of work."""


class Pacer:
    """Sets events in the order in which it was asked to; between two handfuls others get a turn."""

    def __init__(self, *, at_once: int = AT_ONCE) -> None:
        self._at_once = at_once
        self._waiting: deque[asyncio.Event] = deque()

    def wake(self, event: asyncio.Event) -> None:
        """Set `event` in one of the next turns of the running loop."""
        self._waiting.append(event)
        if len(self._waiting) == 1:
            asyncio.get_running_loop().call_soon(self._release)

    def _release(self) -> None:
        for _ in range(min(self._at_once, len(self._waiting))):
            self._waiting.popleft().set()
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._release)
