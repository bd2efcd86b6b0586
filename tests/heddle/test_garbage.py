"""Full collections walk only what is new."""

import asyncio
import gc

from heddle.garbage import keep_thorough, short_collections


class Cycle:
    """Refers to itself."""

    def __init__(self) -> None:
        self.me = self


def cycles() -> int:
    return sum(isinstance(each, Cycle) for each in gc.get_objects())


def test_what_survived_a_full_collection_is_not_walked_again() -> None:
    with short_collections():
        kept = [object() for _ in range(10)]
        gc.collect()
        assert gc.get_freeze_count() > 1000
        assert len(gc.get_objects()) < 1000
        assert len(kept) == 10
    assert gc.get_freeze_count() == 0


def test_younger_collections_set_nothing_aside() -> None:
    with short_collections():
        gc.collect(1)
        assert gc.get_freeze_count() == 0


async def test_cycles_that_were_set_aside_are_found_in_the_end() -> None:
    with short_collections():
        made = Cycle()
        gc.collect()
        del made
        gc.collect()
        gc.unfreeze()
        assert cycles() == 1
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            keeping = group.create_task(keep_thorough(0.05))
            while cycles():  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.01)
            keeping.cancel()
    assert cycles() == 0
