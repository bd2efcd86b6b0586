"""Helper programs, whoever stops waiting for them."""

import asyncio
import time

from heddle.local.commands import run

MOMENTS = 600
"""At which it is no longer waited for, around the one when the program ends."""


async def test_who_no_longer_waits_is_told_that_and_nothing_else() -> None:
    """Also if the program has just ended: a pod would take an error for its own, and stay."""
    started = time.monotonic()
    await run(("true",))
    took = time.monotonic() - started
    for moment in range(MOMENTS):
        async with asyncio.TaskGroup() as group:  # raises whatever is not a CancelledError
            task = group.create_task(run(("true",)))
            asyncio.get_running_loop().call_later(2 * took * moment / MOMENTS, task.cancel)
        assert task.cancelled() or task.result() == ""
