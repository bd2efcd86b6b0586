"""State of the world over a real port: served to those for whom the owner selects parts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import pytest
from envoy.config.core.v3 import base_pb2
from envoy.service.discovery.v3 import discovery_pb2

from tests.xds.resources import cluster, upsert
from tests.xds.rules import rules
from tests.xds.serving import PATIENCE, SOTW, read_sotw
from tests.xds.sotw_scripted import names
from xds.auth import Identity, Selection, accept_anybody
from xds.errors import Forbidden
from xds.publisher import Publisher
from xds.server import Server, ServerSettings
from xds.types import CDS

Request = discovery_pb2.DiscoveryRequest
Response = discovery_pb2.DiscoveryResponse
Stream = grpc.aio.StreamStreamCall[bytes, bytes]


async def refuse(node: base_pb2.Node, identity: Identity) -> Selection:
    raise Forbidden(f"{node.id} is not for {identity.name}")


async def select(node: base_pb2.Node, identity: Identity) -> Selection:
    del node, identity
    return Selection(parts=("p",))


@pytest.fixture
async def server(publisher: Publisher) -> AsyncIterator[tuple[Server, int]]:
    """A server that serves state of the world only."""
    publisher.publish({"p": upsert(cds=[cluster("a")])})
    running = Server(
        publisher,
        authenticate=accept_anybody,
        resolve=refuse,
        resolve_sotw=select,
        wall=lambda: 1e9,
        settings=ServerSettings(plaintext=True, drain=0.1),
    )
    port = await running.start()
    try:
        yield running, port
    finally:
        await running.stop()


@asynccontextmanager
async def stream(port: int) -> AsyncIterator[Stream]:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        multi: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(SOTW)
        call = multi()
        yield call
        call.cancel()


async def ask(call: Stream, *, node: str = "n", **more: str) -> None:
    made = Request(type_url=CDS, **more)  # type: ignore[arg-type]  # fields of the message
    made.node.id = node
    await call.write(made.SerializeToString())


async def ended(call: Stream) -> tuple[grpc.StatusCode, str]:
    async with asyncio.timeout(PATIENCE):
        return await call.code(), await call.details() or ""


@rules("X-20", "X-50")
async def test_a_client_gets_the_whole_state_and_what_changes(
    server: tuple[Server, int], publisher: Publisher
) -> None:
    running, port = server
    async with stream(port) as call:
        await ask(call)
        first = await read_sotw(call)
        await ask(call, node="", version_info=first.version_info, response_nonce=first.nonce)
        async with asyncio.timeout(PATIENCE):
            await running.clients.settled(1)
        publisher.publish({"p": upsert(cds=[cluster("b")])})
        second = await read_sotw(call)
    assert names(first) == ["a"]
    assert names(second) == ["a", "b"]
    assert first.type_url == second.type_url == CDS
    assert first.nonce != second.nonce


@rules("X-03")
async def test_a_first_request_without_a_node_is_refused(server: tuple[Server, int]) -> None:
    running, port = server
    async with stream(port) as call:
        await ask(call, node="")
        status, _ = await ended(call)
    assert status == grpc.StatusCode.INVALID_ARGUMENT
    assert len(running.clients) == 0


async def test_garbage_is_refused(server: tuple[Server, int]) -> None:
    _, port = server
    async with stream(port) as call:
        await call.write(b"\xff\xff\xff")
        status, message = await ended(call)
    assert status == grpc.StatusCode.INVALID_ARGUMENT
    assert message == "not a DiscoveryRequest"


@rules("X-10")
async def test_a_stream_that_ends_leaves_nothing(
    server: tuple[Server, int], publisher: Publisher
) -> None:
    running, port = server
    async with stream(port) as call:
        await ask(call)
        await read_sotw(call)
        assert publisher.interest("p") == 1
    async with asyncio.timeout(PATIENCE):
        while len(running.clients):
            await running.clients.changed(running.clients.revision)
    assert publisher.interest("p") == 0


async def test_the_server_ends_streams_when_it_stops(server: tuple[Server, int]) -> None:
    running, port = server
    async with stream(port) as call:
        await ask(call)
        await read_sotw(call)
        await running.stop()
        status, _ = await ended(call)
    assert status == grpc.StatusCode.UNAVAILABLE
