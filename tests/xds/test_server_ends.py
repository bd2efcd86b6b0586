"""How streams end, and what is left of them."""

import asyncio
from contextlib import AsyncExitStack

import grpc
import pytest

from tests.xds.resources import cluster, upsert
from tests.xds.rules import rules
from tests.xds.serving import (
    GOOD,
    METHOD,
    Owner,
    Request,
    Stream,
    ended,
    open_call,
    read,
    request,
    serving,
    stream,
    until,
)
from xds.publisher import PartChange, Publisher
from xds.server import Server, ServerSettings
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


@rules("X-10")
async def test_a_server_that_stops_ends_streams_in_order_and_each_with_a_status(
    publisher: Publisher, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Clients learn why, and come to the other replicas one after the other."""
    monkeypatch.setattr(
        "xds.server._STEP_SECONDS", 0.25
    )  # that clients hear of one before the next
    publisher.publish({"p": upsert(cds=[cluster("a")])})
    settings = ServerSettings(plaintext=True, drain=40.0, max_streams_per_connection=100)
    over: list[int] = []

    async def until_over(number: int, call: Stream) -> None:
        call.add_done_callback(lambda _: over.append(number))
        assert await ended(call) == ("UNAVAILABLE", "the server is shutting down")

    async with serving(publisher, owner, settings) as (running, port), AsyncExitStack() as held:
        calls = [await held.enter_async_context(stream(port)) for _ in range(30)]
        for call in calls:
            await call.write(request())
            await read(call)
        async with asyncio.timeout(settings.drain / 2), asyncio.TaskGroup() as tasks:
            for number, call in enumerate(calls):
                tasks.create_task(until_over(number, call))
            tasks.create_task(running.stop())
    steps = [frozenset(over[start : start + 10]) for start in (0, 10, 20)]
    assert steps == [frozenset(range(start, start + 10)) for start in (0, 10, 20)]


async def test_a_server_that_stops_does_not_wait_for_clients_that_hold_on(
    publisher: Publisher, owner: Owner
) -> None:
    """One that has not even said who it is has no stream that could be ended."""
    settings = ServerSettings(plaintext=True, drain=0.2)
    async with serving(publisher, owner, settings) as (running, port), stream(port) as call:
        async with asyncio.timeout(60):
            await owner.asked.wait()
            await running.stop()
        assert (await ended(call))[0] == "UNAVAILABLE"


async def test_streams_grow_old_at_moments_that_chance_decides(
    publisher: Publisher, owner: Owner
) -> None:
    publisher.publish({"p": upsert(cds=[cluster("a")])})
    chances = iter((0.0, 1.0, 0.5))
    settings = ServerSettings(plaintext=True, max_connection_age=2.0)
    over: list[str] = []

    async def until_over(name: str, call: Stream) -> None:
        assert await ended(call) == ("UNAVAILABLE", "the connection is old: open another")
        over.append(name)

    async with (
        serving(publisher, owner, settings, chance=lambda: next(chances)) as (_, port),
        stream(port) as last,
        stream(port) as first,
        stream(port) as between,
        asyncio.TaskGroup() as tasks,
    ):
        for name, call in (("last", last), ("first", first), ("between", between)):
            await call.write(request())
            await read(call)
            tasks.create_task(until_over(name, call))
    assert over == ["first", "between", "last"]


async def test_after_an_old_stream_the_same_channel_opens_another_connection(
    publisher: Publisher, owner: Owner
) -> None:
    """So that it may come to another replica: its end was announced before."""
    publisher.publish({"p": upsert(cds=[cluster("a")])})
    settings = ServerSettings(plaintext=True, max_connection_age=1.0)
    async with (
        serving(publisher, owner, settings) as (running, port),
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        peers = []
        for _ in range(2):
            call = open_call(channel, GOOD, METHOD)
            await call.write(request())
            await read(call)
            peers += [client.peer for client in running.clients.snapshot()]
            assert (await ended(call))[0] == "UNAVAILABLE"
            await until(running, 0)
    assert len(set(peers)) == 2
