"""Python's garbage collector waits while a command does what it does once.

Nearly all that an import or an analysis makes stays until the end of the program, and yet all of it
is walked in search of cycles, again and again. What nothing refers to is freed meanwhile, too: only
cycles wait. Whatever serves for long is to collect as usual (heddle/garbage.py).
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Nothing is searched for cycles while the block runs; afterwards all is as it was before."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()
