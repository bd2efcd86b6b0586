"""A control plane of several replicas: each knows how far its own proxies are."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from heddle.cli.reached import Reached
from heddle.cli.replicas import holder, statuses

Row = Mapping[str, object]


def row(proxy: str, *, connected: bool) -> Row:
    return {"proxy": proxy, "connected": connected}


@asynccontextmanager
async def replica(name: str, rows: Sequence[Row]) -> AsyncIterator[Reached]:
    """One that answers every question with these proxies."""
    body = json.dumps(rows).encode()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
        await writer.drain()
        writer.close()

    @asynccontextmanager
    async def connect() -> AsyncIterator[socket.socket]:
        near, far = socket.socketpair()
        reader, writer = await asyncio.open_connection(sock=far)
        async with asyncio.TaskGroup() as group:
            group.create_task(answer(reader, writer))
            with near:
                yield near

    yield Reached(name=name, connect=connect, authorization="Bearer it")


@asynccontextmanager
async def replicas(*every: Sequence[Row]) -> AsyncIterator[Reached]:
    async with AsyncExitStack() as stack:
        first, *others = [
            await stack.enter_async_context(replica(str(number), rows))
            for number, rows in enumerate(every)
        ]
        yield Reached(
            name=first.name,
            connect=first.connect,
            authorization=first.authorization,
            replicas=tuple(others),
        )


async def test_a_proxy_is_as_the_replica_says_that_it_is_connected_to() -> None:
    here = [row("b.shop", connected=True), row("a.shop", connected=False)]
    there = [row("b.shop", connected=False), row("a.shop", connected=True)]
    async with replicas(here, there) as plane:
        assert await statuses(plane, "") == [
            {**there[1], "replica": "1"},
            {**here[0], "replica": "0"},
        ]


async def test_a_proxy_that_nobody_has_is_told_once() -> None:
    gone = row("a.shop", connected=False)
    async with replicas([gone], [gone]) as plane:
        assert await statuses(plane, "shop") == [{**gone, "replica": ""}]


async def test_of_one_replica_nothing_more_is_said() -> None:
    here = [row("b.shop", connected=True), row("a.shop", connected=False)]
    async with replicas(here) as plane:
        assert list(await statuses(plane, "")) == here


async def test_what_a_proxy_has_accepted_knows_who_holds_it() -> None:
    here, there = row("a.shop", connected=False), row("a.shop", connected=True)
    async with replicas([here], [there]) as plane:
        assert (await holder(plane, "a.shop", "shop")).name == "1"
        assert (await holder(plane, "b.shop", "shop")).name == "0"
