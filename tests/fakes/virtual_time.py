"""An event loop in which nobody waits: when all tasks sleep, it is at once later."""

import asyncio
import selectors
from collections.abc import Coroutine


class _Selector(selectors.DefaultSelector):
    """Looks at the sockets there are, and lets the time go by instead of waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found = super().select(0)
        if not found:
            if timeout is None:
                raise AssertionError("all tasks wait, and nothing will ever wake them")
            self.now += max(timeout, 0.0)
        return found


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Its `time()` is what `asyncio.sleep` counts in, and starts at 0."""

    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.now


def run_virtually(main: Coroutine[None, None, None]) -> None:
    """Runs `main`, however long it sleeps. For what uses no network and no threads."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(main)
