"""A push wakes streams a few at a time."""

import asyncio

from xds.pacer import Pacer


async def test_others_get_a_turn_between_two_handfuls() -> None:
    pacer, events = Pacer(at_once=2), [asyncio.Event() for _ in range(5)]
    for event in events:
        pacer.wake(event)
    seen = []
    for _ in range(4):
        await asyncio.sleep(0)
        seen.append(sum(event.is_set() for event in events))
    assert seen == [2, 4, 5, 5]


async def test_it_can_be_used_again() -> None:
    pacer, first, second = Pacer(), asyncio.Event(), asyncio.Event()
    pacer.wake(first)
    await first.wait()
    pacer.wake(second)
    await second.wait()
