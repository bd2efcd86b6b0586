"""Between who hears and who listens: events in the order in which they were told.

Who tells too much waits, so that what has not been taken is bounded.
"""

import asyncio
from collections.abc import Iterable

from sources.events import Event

MOST = 500
"""Events that may wait before who tells has to."""


class Mailbox:
    """Belongs to one event loop; one listener."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._waiting: list[Event] = []
        self._arrived = asyncio.Event()
        self._taken = asyncio.Event()

    def put(self, events: Iterable[Event]) -> None:
        """Tells of this after all that was told before."""
        self._waiting.extend(events)
        if self._waiting:
            self._arrived.set()

    async def room(self) -> None:
        """Waits until there is room for more."""
        while len(self._waiting) >= self._most:
            self._taken.clear()
            await self._taken.wait()

    async def take(self) -> list[Event]:
        """All that has been told, once there is something."""
        await self._arrived.wait()
        self._arrived.clear()
        taken, self._waiting = self._waiting, []
        self._taken.set()
        return taken
