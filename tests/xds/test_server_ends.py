"""How streams end, and what is left of them."""

import asyncio

from tests.xds.rules import rules
from tests.xds.serving import (
    Owner,
    Request,
    ended,
    read,
    request,
    serving,
    stream,
    until,
)
from xds.publisher import PartChange, Publisher
from xds.server import Server
from xds.types import LDS


@rules("X-10")
async def test_a_client_that_leaves_leaves_nothing_behind(
    server: tuple[Server, int], publisher: Publisher
) -> None:
    running, port = server
    for goodbye in ("cancel", "half-close"):
        async with stream(port) as call:
            await call.write(request())
            await read(call)
            assert publisher.interest("p") == 1
            if goodbye == "half-close":
                await call.done_writing()
                assert await ended(call) == ("OK", "")
        await until(running, 0)
    assert publisher.interest("p") == 0
    assert not [task for task in asyncio.all_tasks() if "Session" in repr(task)]


async def test_the_owner_can_end_streams_to_select_their_parts_anew(
    server: tuple[Server, int],
) -> None:
    running, port = server
    async with stream(port) as picked, stream(port) as spared:
        for call, node in ((picked, "a"), (spared, "b")):
            await call.write(request(node=node))
            await read(call)
        assert running.close_streams(lambda client: client.node == "a") == 1
        assert (await ended(picked))[0] == "UNAVAILABLE"
        await spared.write(Request(type_url=LDS))
        await read(spared)


async def test_stopping_ends_streams_and_refuses_new_ones(
    publisher: Publisher, owner: Owner
) -> None:
    publisher.publish({"p": PartChange()})
    async with serving(publisher, owner) as (running, port), stream(port) as call:
        await call.write(request())
        await read(call)
        await running.stop()
        assert (await ended(call))[0] == "UNAVAILABLE"
        async with stream(port) as late:
            assert (await ended(late))[0] == "UNAVAILABLE"


async def test_a_client_that_hangs_up_before_its_first_request_is_nobody(
    server: tuple[Server, int], owner: Owner
) -> None:
    _, port = server
    async with stream(port) as call:
        await call.done_writing()
        assert await ended(call) == ("OK", "")
    assert owner.nodes == []


async def test_a_dropped_part_sends_its_clients_away(
    server: tuple[Server, int], publisher: Publisher
) -> None:
    _, port = server
    async with stream(port) as call:
        await call.write(request())
        await read(call)
        publisher.drop("p")
