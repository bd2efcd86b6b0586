"""Keeps Python's garbage collections short, so that none holds the event loop for long.

A full collection walks every object that there is: with a thousand services and as many proxies,
for more than a tenth of a second. Nearly all of these objects stay. So what has survived a full
collection is set aside (`gc.freeze`), and the next one only walks what is newer. Objects that are
set aside are still freed when nothing refers to them any longer; only cycles among them are not.
For these, everything is walked again now and then.
"""

import asyncio
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

THOROUGH_SECONDS: Final = 3600.0
"""How often everything is walked."""
_FULL: Final = 2


@contextmanager
def short_collections() -> Iterator[None]:
    """Sets survivors aside while the block runs."""
    gc.callbacks.append(_set_aside)
    try:
        yield
    finally:
        gc.callbacks.remove(_set_aside)
        gc.unfreeze()


def _set_aside(phase: str, info: dict[str, int]) -> None:
    if phase == "stop" and info["generation"] == _FULL:
        gc.freeze()


async def keep_thorough(seconds: float = THOROUGH_SECONDS) -> None:
    """Walks everything now and then, until cancelled."""
    while True:
        await asyncio.sleep(seconds)
        gc.unfreeze()
        gc.collect()
