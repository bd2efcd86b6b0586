"""The event loop says how long it was away."""

import asyncio

from prometheus_client import CollectorRegistry

from heddle.lag import lag_histogram, timed_loop
from tests.fakes.clock import FakeClock


def test_a_step_that_holds_the_loop_is_seen(clock: FakeClock) -> None:
    registry = CollectorRegistry()
    histogram = lag_histogram(registry)

    async def hold() -> None:
        await asyncio.sleep(0)
        clock.advance(0.2)
        await asyncio.sleep(0)

    with asyncio.Runner(loop_factory=lambda: timed_loop(histogram.observe, clock)) as runner:
        runner.run(hold())

    def turns(bound: str) -> float | None:
        return registry.get_sample_value("heddle_loop_lag_seconds_bucket", {"le": bound})

    total = registry.get_sample_value("heddle_loop_lag_seconds_count")
    assert total is not None
    assert turns("0.1") == total - 1
    assert turns("0.25") == total
