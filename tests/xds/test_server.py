"""The server over a real port: authentication, conversations, breaches of protocol."""

import asyncio
from pathlib import Path

import grpc
import pytest

from tests.security_rows import guards
from tests.xds.resources import cluster, upsert
from tests.xds.rules import rules
from tests.xds.scripted import names
from tests.xds.serving import (
    GOOD,
    METHOD,
    PATIENCE,
    SOTW,
    Owner,
    RawStub,
    Request,
    ended,
    read,
    request,
    serving,
    stream,
    until,
)
from xds.errors import Forbidden, NotReady
from xds.limits import Limits
from xds.metrics import Metrics
from xds.publisher import PartChange, Publisher
from xds.server import Server, ServerSettings
from xds.types import CDS, LDS


async def test_a_client_is_served_and_its_acknowledgement_seen(
    server: tuple[Server, int], publisher: Publisher
) -> None:
    running, port = server
    async with stream(port) as call:
        await call.write(request())
        first = await read(call)
        await call.write(Request(type_url=CDS, response_nonce=first.nonce))
        publisher.publish({"p": upsert(cds=[cluster("b")])})
        second = await read(call)
        await call.write(Request(type_url=CDS, response_nonce=second.nonce))
        assert (names(first), names(second)) == (["a"], ["b"])
        async with asyncio.timeout(PATIENCE):
            await running.clients.settled(publisher.generation)
        (status,) = running.clients.snapshot()
        assert (status.node, status.identity, status.key) == ("n", "spiffe://x", "spiffe://x")
        assert (status.acknowledged, status.types[CDS].acked) == (2, 2)


@rules("X-29")
async def test_a_wait_of_the_stream_ends_without_any_message(
    publisher: Publisher, owner: Owner
) -> None:
    publisher.publish({"p": upsert(cds=[cluster("a")])})
    settings = ServerSettings(plaintext=True, limits=Limits(grace=0.05))
    async with serving(publisher, owner, settings) as (_, port), stream(port) as call:
        await call.write(request(initial_resource_versions={"a": cluster("a").version, "b": "1"}))
        assert list((await read(call)).removed_resources) == ["b"]


@guards("C4")
async def test_nothing_is_read_before_the_client_is_authenticated(
    server: tuple[Server, int], owner: Owner, metrics: Metrics
) -> None:
    _, port = server
    async with stream(port, [("authorization", "Bearer bad")]) as call:
        assert await ended(call) == ("UNAUTHENTICATED", "credentials refused")
    assert owner.nodes == []
    assert metrics.registry.get_sample_value("heddle_xds_auth_total", {"result": "refused"}) == 1


async def test_a_header_that_is_sent_twice_is_no_credential(server: tuple[Server, int]) -> None:
    _, port = server
    async with stream(port, [*GOOD, *GOOD]) as call:
        assert (await ended(call))[0] == "UNAUTHENTICATED"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        pytest.param(Forbidden("not you"), "PERMISSION_DENIED", id="forbidden"),
        pytest.param(NotReady("still syncing"), "UNAVAILABLE", id="X-08"),
    ],
)
async def test_a_node_may_be_refused(
    server: tuple[Server, int], owner: Owner, error: Exception, status: str
) -> None:
    running, port = server
    owner.refuse_node = error
    async with stream(port) as call:
        await call.write(request())
        assert await ended(call) == (status, str(error))
    assert len(running.clients) == 0


@rules("X-08")
async def test_a_part_that_nobody_has_published_is_not_an_empty_world(owner: Owner) -> None:
    async with serving(Publisher(), owner) as (_, port), stream(port) as call:
        await call.write(request())
        assert (await ended(call))[0] == "UNAVAILABLE"


@rules("X-03", "X-04", "X-05")
@pytest.mark.parametrize(
    "requests",
    [
        pytest.param([request(node="")], id="no node"),
        pytest.param([request(), request(node="other")], id="another node"),
        pytest.param([request("")], id="no type"),
    ],
)
async def test_a_breach_of_protocol_ends_the_stream(
    server: tuple[Server, int], requests: list[Request]
) -> None:
    running, port = server
    async with stream(port) as call:
        for each in requests:
            await call.write(each)
        assert (await ended(call))[0] == "INVALID_ARGUMENT"
    await until(running, 0)


@rules("X-09")
async def test_two_streams_of_one_node_do_not_disturb_each_other(
    server: tuple[Server, int],
) -> None:
    running, port = server
    async with stream(port) as new:
        async with stream(port) as old:
            for call in (old, new):
                await call.write(request())
                await read(call)
            await until(running, 2)
        await until(running, 1)
        await new.write(Request(type_url=LDS))
        assert (await read(new)).type_url == LDS


async def test_state_of_the_world_says_that_it_is_not_served(server: tuple[Server, int]) -> None:
    _, port = server
    async with stream(port, method=SOTW) as call:
        status, message = await ended(call)
    assert status == "UNIMPLEMENTED"
    assert "DELTA_GRPC" in message


@guards("C4")
async def test_garbage_ends_only_its_stream(server: tuple[Server, int]) -> None:
    _, port = server
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub: RawStub = channel.stream_stream(METHOD)
        call = stub(metadata=grpc.aio.Metadata(*GOOD))
        await call.write(b"\xff\xff\xff")
        assert await ended(call) == ("INVALID_ARGUMENT", "not a DeltaDiscoveryRequest")
    async with stream(port) as after:
        await after.write(request())
        await read(after)


async def test_a_unix_socket_is_served(publisher: Publisher, owner: Owner, tmp_path: Path) -> None:
    publisher.publish({"p": PartChange()})
    address = f"unix:{tmp_path}/xds.sock"
    settings = ServerSettings(address=address, plaintext=True)
    async with serving(publisher, owner, settings) as (_, port), stream(address) as call:
        await call.write(request())
        await read(call)
        assert port == 0


async def test_garbage_in_mid_stream_ends_the_stream(server: tuple[Server, int]) -> None:
    _, port = server
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub: RawStub = channel.stream_stream(METHOD)
        call = stub(metadata=grpc.aio.Metadata(*GOOD))
        await call.write(request().SerializeToString())
        await call.write(b"\xff\xff\xff")
        assert await ended(call) == ("INVALID_ARGUMENT", "not a DeltaDiscoveryRequest")


async def test_a_rejection_is_counted(server: tuple[Server, int], metrics: Metrics) -> None:
    running, port = server
    async with stream(port) as call:
        await call.write(request())
        answer = Request(type_url=CDS, response_nonce=(await read(call)).nonce)
        answer.error_detail.message = "bad"
        await call.write(answer)
        async with asyncio.timeout(PATIENCE):
            while running.clients.snapshot()[0].types[CDS].nack is None:
                await running.clients.changed(running.clients.revision)
    assert metrics.registry.get_sample_value("heddle_xds_rejects_total", {"type": "cds"}) == 1
