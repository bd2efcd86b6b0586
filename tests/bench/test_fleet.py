"""Simulated proxies and the real server understand each other."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from bench import shapes
from bench.fleet import Fleet
from bench.loop import Turns
from bench.messages import (
    Applied,
    Apply,
    Collect,
    Connect,
    Count,
    Disconnect,
    Expect,
    Prepare,
    Received,
    Settle,
    Start,
    Started,
)
from bench.server import MeshServer
from bench.shapes import EditKind, Shape

PROXIES = 3
SHAPE = Shape(services=5, endpoints=2)


@asynccontextmanager
async def connected(
    *, tls: bool, shape: Shape = SHAPE, inline: bool = False, identified: bool = False
) -> AsyncIterator[tuple[MeshServer, Fleet]]:
    server, fleet = MeshServer(Turns()), Fleet()
    try:
        started = await server.handle(
            Start(shape=shape, tls=tls, inline=inline, identified=identified)
        )
        assert isinstance(started, Started)
        async with asyncio.timeout(60):
            await fleet.handle(
                Connect(count=PROXIES, namespaces=shape.namespaces, server=started, tls=tls)
            )
        yield server, fleet
        await fleet.handle(Disconnect())
    finally:
        await server.stop()


@pytest.mark.parametrize("tls", [False, True], ids=["plaintext", "tls"])
async def test_proxies_sync_and_acknowledge(tls: bool) -> None:
    async with connected(tls=tls) as (server, _), asyncio.timeout(60):
        await server.handle(Settle(clients=PROXIES))


async def test_proxies_that_are_pods_are_known_by_their_tokens() -> None:
    pods = replace(SHAPE, pods=PROXIES)
    async with connected(tls=True, shape=pods, identified=True) as (server, _), asyncio.timeout(60):
        await server.handle(Settle(clients=PROXIES))


@pytest.mark.parametrize("inline", [False, True], ids=["vhds", "inline"])
@pytest.mark.parametrize("kind", ["vs_edit", "endpoint", "new_service"])
async def test_an_edit_reaches_every_proxy_after_it_was_applied(
    kind: EditKind, inline: bool
) -> None:
    async with connected(tls=False, inline=inline) as (server, fleet), asyncio.timeout(60):
        await server.handle(Prepare(kind=kind, number=1))
        await fleet.handle(Expect(marks=shapes.marks(kind, 1, inline=inline)))
        applied = await server.handle(Apply())
        received = await fleet.handle(Collect())
        await server.handle(Settle(clients=PROXIES))
        total = await fleet.handle(Count())
        assert isinstance(applied, Applied)
        assert isinstance(received, Received)
        assert isinstance(total, Received)
        assert applied.began < received.first <= received.last
        assert total.responses == PROXIES * len(shapes.marks(kind, 1))


async def test_an_edit_goes_to_the_namespace_that_sees_it_and_to_nobody_else() -> None:
    shape = Shape(services=6, endpoints=2, namespaces=PROXIES, scoped=True)
    async with connected(tls=False, shape=shape) as (server, fleet), asyncio.timeout(60):
        await server.handle(Prepare(kind="vs_edit", number=1))
        marks = shapes.marks("vs_edit", 1)
        await fleet.handle(Expect(marks=marks, namespace=shapes.namespace()))
        await server.handle(Apply())
        await fleet.handle(Collect())
        await server.handle(Settle(clients=PROXIES))
        total = await fleet.handle(Count())
        assert isinstance(total, Received)
        assert (total.concerned, total.responses) == (1, 1)
