"""What the analysis says of all that is configured, made anew only after an edit."""

import asyncio
from collections.abc import Callable, Sequence

from analysis.analyzers import ANALYZERS
from analysis.engine import analyze
from analysis.facts import Facts
from analysis.message import Message
from crds.meta import Key, Origin
from heddle.control_plane import ControlPlane


class Findings:
    """The newest messages. Belongs to the control plane's event loop."""

    def __init__(self, plane: ControlPlane, edits: Callable[[], int]) -> None:
        """`edits` is another number after each edit of `plane`."""
        self._plane = plane
        self._edits = edits
        self._made = -1
        self._messages: Sequence[Message] = ()
        self._turn = asyncio.Lock()

    async def messages(self) -> Sequence[Message]:
        """All of them, the worst first. Made in a thread, for it takes a while: what it reads are
        values, which nobody changes.
        """
        async with self._turn:  # who waits finds them made
            if self._made != (now := self._edits()):
                self._messages = await asyncio.to_thread(
                    analyze,
                    Facts(mesh=self._plane.engine.mesh, objects=self._plane.everything()),
                    ANALYZERS,
                    self._plane.problems(),
                    self._place,
                )
                self._made = now
        return self._messages

    def _place(self, key: Key, path: str) -> Origin | None:
        found = self._plane.origin(key)
        return found.of(path) if found is not None else None
