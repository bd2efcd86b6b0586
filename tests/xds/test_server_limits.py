"""What one client may cost the server: sizes, counts and times."""

import grpc

from tests.security_rows import guards
from tests.xds.raw_http2 import PING, connection, frame
from tests.xds.relay import relay
from tests.xds.resources import cluster, listener, raw, upsert
from tests.xds.scripted import names
from tests.xds.serving import (
    GOOD,
    METHOD,
    NOW,
    Owner,
    ended,
    open_call,
    read,
    request,
    serving,
    stream,
    until,
)
from xds.auth import Anybody
from xds.metrics import Metrics
from xds.publisher import PartChange, Publisher
from xds.server import Server, ServerSettings
from xds.types import LDS


@guards("C14")
async def test_a_client_that_says_nothing_is_sent_away(publisher: Publisher, owner: Owner) -> None:
    settings = ServerSettings(plaintext=True, first_request_timeout=0.05)
    async with serving(publisher, owner, settings) as (_, port), stream(port) as call:
        assert await ended(call) == ("UNAVAILABLE", "no request in time")


async def test_a_stream_ends_with_its_credentials(server: tuple[Server, int], owner: Owner) -> None:
    _, port = server
    owner.identity = Anybody(name="brief", expires_at=NOW + 1.0)
    async with stream(port) as call:
        await call.write(request())
        await read(call)
        status, message = await ended(call)
    assert status == "UNAVAILABLE"
    assert "expired" in message


async def test_a_client_that_does_not_read_is_cut_off_and_delays_nobody(
    publisher: Publisher, owner: Owner, metrics: Metrics
) -> None:
    publisher.publish({"p": upsert(lds=[raw(LDS, "big", 3 << 20)])})
    settings = ServerSettings(plaintext=True, write_timeout=1.5)
    narrow = [("grpc.http2.lookahead_bytes", 1 << 16), ("grpc.http2.bdp_probe", 0)]
    async with (
        serving(publisher, owner, settings, metrics=metrics) as (running, port),
        stream(port, options=[*narrow, ("grpc.use_local_subchannel_pool", 1)]) as stuck,
        stream(port, options=[("grpc.max_receive_message_length", -1)]) as quick,
    ):
        await stuck.write(request(LDS, node="stuck"))
        await until(running, 1)
        await quick.write(request(LDS, node="quick"))
        assert names(await read(quick)) == ["big"]
        await until(running, 1)
        assert [client.node for client in running.clients.snapshot()] == ["quick"]
    assert metrics.registry.get_sample_value("heddle_xds_write_timeouts_total") == 1


@guards("C4")
async def test_a_request_beyond_the_limit_ends_only_its_stream(
    publisher: Publisher, owner: Owner
) -> None:
    publisher.publish({"p": PartChange()})
    settings = ServerSettings(plaintext=True, max_message=1000)
    async with serving(publisher, owner, settings) as (_, port):
        async with stream(port) as call:
            await call.write(request(resource_names_subscribe=["x" * 2000]))
            assert (await ended(call))[0] == "RESOURCE_EXHAUSTED"
        async with stream(port) as call:
            await call.write(request())
            await read(call)


@guards("C4")
async def test_metadata_beyond_the_limit_is_refused(server: tuple[Server, int]) -> None:
    _, port = server
    async with stream(port, [*GOOD, ("x", "y" * 20_000)]) as call:
        assert (await ended(call))[0] == "RESOURCE_EXHAUSTED"


async def test_listeners_beyond_one_message_arrive_in_chunks(
    publisher: Publisher, owner: Owner
) -> None:
    publisher.publish({"p": upsert(lds=[raw(LDS, f"l{n}", 600_000) for n in range(3)])})
    settings = ServerSettings(plaintext=True)
    async with serving(publisher, owner, settings) as (_, port), stream(port) as call:
        await call.write(request(LDS))
        assert [names(await read(call)) for _ in range(3)] == [["l0"], ["l1"], ["l2"]]
    assert listener("l").size < 600_000


@guards("C14")
async def test_one_identity_may_hold_only_so_many_streams(
    publisher: Publisher, owner: Owner
) -> None:
    """Whoever steals a token cannot take everybody's place with it."""
    publisher.publish({"p": upsert(cds=[cluster("a")])})
    settings = ServerSettings(plaintext=True, max_streams_per_identity=2)
    async with serving(publisher, owner, settings) as (running, port):
        async with stream(port) as one, stream(port) as two:
            for call in (one, two):
                await call.write(request())
                await read(call)
            async with stream(port) as three:
                why = "2 streams of this client are open already"
                assert await ended(three) == ("RESOURCE_EXHAUSTED", why)
            owner.identity = Anybody(name="another")
            async with stream(port) as other:
                await other.write(request())
                await read(other)
        await until(running, 0)
        owner.identity = Anybody(name="spiffe://x")
        async with stream(port) as again:
            await again.write(request())
            await read(again)


@guards("C14")
async def test_all_clients_may_hold_only_so_many_streams(
    publisher: Publisher, owner: Owner
) -> None:
    publisher.publish({"p": upsert(cds=[cluster("a")])})
    settings = ServerSettings(plaintext=True, max_streams=1)
    async with serving(publisher, owner, settings) as (_, port), stream(port) as one:
        await one.write(request())
        await read(one)
        async with stream(port) as beyond:
            assert (await ended(beyond))[0] == "RESOURCE_EXHAUSTED"


@guards("C14")
async def test_a_connection_carries_only_so_many_streams_at_one_time(
    publisher: Publisher, owner: Owner
) -> None:
    publisher.publish({"p": upsert(cds=[cluster("a")])})
    settings = ServerSettings(plaintext=True, max_streams_per_connection=2)
    async with (
        serving(publisher, owner, settings) as (_running, port),
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        one, two = (open_call(channel, GOOD, METHOD) for _ in range(2))
        for call in (one, two):
            await call.write(request())
            await read(call)
        beyond = open_call(channel, GOOD, METHOD)
        await two.write(request(LDS))
        await read(two)
        assert len(owner.seen) == 2
        one.cancel()
        await beyond.write(request())
        await read(beyond)


async def test_a_client_that_pings_too_often_is_cut_off(server: tuple[Server, int]) -> None:
    enhance_your_calm = 11
    ping = frame(PING, bytes(8))
    async with connection(server[1]) as client:
        client.write(ping)
        assert await client.goodbye(answer=ping) == (enhance_your_calm, "too_many_pings")
        await client.closed()


async def test_a_connection_without_streams_is_not_kept(publisher: Publisher, owner: Owner) -> None:
    settings = ServerSettings(plaintext=True, max_connection_idle=0.1)
    async with serving(publisher, owner, settings) as (_, port), connection(port) as client:
        _, why = await client.goodbye()
        assert "idle" in why


async def test_a_client_that_lost_power_is_noticed(publisher: Publisher, owner: Owner) -> None:
    """Its connection never closes: only that nobody answers shows it."""
    publisher.publish({"p": upsert(cds=[cluster("a")])})
    settings = ServerSettings(plaintext=True, keepalive=0.2, keepalive_timeout=1.5)
    async with (
        serving(publisher, owner, settings) as (running, port),
        relay(port) as wire,
        stream(wire.port) as call,
    ):
        await call.write(request())
        await read(call)
        wire.cut()
        await until(running, 0)
    assert publisher.interest("p") == 0
