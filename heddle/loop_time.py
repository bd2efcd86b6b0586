"""The clock that timeouts and sleeps go by: virtual in tests, and never set."""

import asyncio


def loop_time() -> float:
    """Seconds of the event loop that runs."""
    return asyncio.get_running_loop().time()
