"""Everybody comes back at once: they are served a few at a time, and nobody is forgotten."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import grpc

from tests.xds.resources import cluster, raw, upsert
from tests.xds.scripted import names
from tests.xds.serving import (
    GOOD,
    METHOD,
    PATIENCE,
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
from xds.metrics import Metrics
from xds.publisher import Publisher
from xds.server import Server, ServerSettings
from xds.types import CDS

CROWD = 200
AT_ONCE = 8
BIG = 100_000
DRAIN = 30.0


def storm_settings(**more: float) -> ServerSettings:
    return ServerSettings(plaintext=True, initial_syncs=AT_ONCE, **more)  # type: ignore[arg-type]  # its fields


@asynccontextmanager
async def crowd(port: int, size: int) -> AsyncIterator[list[Stream]]:
    """So many clients, each with a connection of its own, that have asked for clusters."""
    async with AsyncExitStack() as held:
        calls = []
        for number in range(size):
            # Else gRPC would have all of them share one connection.
            own = [("grpc.use_local_subchannel_pool", 1)]
            channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=own)
            await held.enter_async_context(channel)
            call = open_call(channel, GOOD, METHOD)
            await call.write(request(node=f"n{number}"))
            calls.append(call)
        yield calls
        for call in calls:
            call.cancel()


async def waiting(metrics: Metrics, number: int) -> None:
    """Wait until so many streams wait."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + PATIENCE
    while metrics.registry.get_sample_value("heddle_xds_waiting") != number:
        assert loop.time() < deadline
        await asyncio.sleep(0)


async def accept(call: Stream) -> None:
    response = await read(call)
    await call.write(Request(type_url=CDS, response_nonce=response.nonce))


async def test_no_more_are_served_at_one_time_than_allowed_and_those_connected_still_get_pushes(
    publisher: Publisher, owner: Owner, metrics: Metrics
) -> None:
    """Memory is bounded by those inside: who waits has been sent nothing."""
    publisher.publish({"p": upsert(cds=[raw(CDS, "big", BIG)])})
    settings = storm_settings(sync_patience=60.0)
    async with (
        serving(publisher, owner, settings, metrics=metrics) as (running, port),
        stream(port) as early,
    ):
        await early.write(request(node="early"))
        await accept(early)
        async with crowd(port, CROWD) as calls:
            await waiting(metrics, CROWD - AT_ONCE)
            assert len(running.clients) == 1 + AT_ONCE
            assert len(owner.nodes) == 1 + AT_ONCE
            sent = metrics.registry.get_sample_value("heddle_xds_push_bytes_total", {"type": "cds"})
            assert sent is not None
            assert sent < (1 + AT_ONCE) * BIG * 1.1

            publisher.publish({"p": upsert(cds=[cluster("new")])})
            assert names(await read(early)) == ["new"]

            async with asyncio.timeout(PATIENCE * 3):
                await asyncio.gather(*(accept(call) for call in calls))
            await until(running, 1 + CROWD)
            assert metrics.registry.get_sample_value("heddle_xds_waiting") == 0
            count = metrics.registry.get_sample_value("heddle_xds_admission_seconds_count")
            assert count == 1 + CROWD


async def test_clients_that_never_answer_keep_nobody_out(
    publisher: Publisher, owner: Owner, metrics: Metrics
) -> None:
    publisher.publish({"p": upsert(cds=[cluster("a")])})
    settings = storm_settings(sync_patience=0.05)
    async with (
        serving(publisher, owner, settings, metrics=metrics) as (running, port),
        crowd(port, 4 * AT_ONCE) as calls,
    ):
        for call in calls:
            assert names(await read(call)) == ["a"]
        assert len(running.clients) == 4 * AT_ONCE


async def test_clients_that_leave_while_they_wait_leave_nothing_behind(
    publisher: Publisher, owner: Owner, metrics: Metrics
) -> None:
    publisher.publish({"p": upsert(cds=[cluster("a")])})
    settings = storm_settings(sync_patience=60.0)
    async with (
        serving(publisher, owner, settings, metrics=metrics) as (running, port),
        crowd(port, AT_ONCE) as inside,
    ):
        await until(running, AT_ONCE)
        async with crowd(port, 5):
            await waiting(metrics, 5)
        await waiting(metrics, 0)
        await accept(inside[0])
        async with crowd(port, 1) as later:
            await accept(later[0])
        await until(running, AT_ONCE)


async def test_a_server_that_stops_sends_away_those_who_wait(
    publisher: Publisher, owner: Owner, metrics: Metrics
) -> None:
    publisher.publish({"p": upsert(cds=[cluster("a")])})
    settings = storm_settings(sync_patience=60.0, drain=DRAIN)
    async with (
        serving(publisher, owner, settings, metrics=metrics) as (running, port),
        crowd(port, AT_ONCE + 3) as calls,
    ):
        await waiting(metrics, 3)
        await stop(running)
        for call in calls:
            assert await ended(call) == ("UNAVAILABLE", "the server is shutting down")


async def stop(server: Server) -> None:
    """In less than the time that it has to."""
    async with asyncio.timeout(DRAIN):
        await server.stop()
