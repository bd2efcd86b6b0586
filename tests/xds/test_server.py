"""The server over a real port: TLS, authentication, limits, and the end of streams."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest
from envoy.config.core.v3 import base_pb2
from envoy.service.discovery.v3 import discovery_pb2

from tests.xds.certificates import certificate
from tests.xds.resources import cluster, listener, raw, upsert
from tests.xds.rules import rules
from tests.xds.scripted import names
from xds.auth import Anybody, Identity, Selection, accept_anybody
from xds.errors import Forbidden, NotReady, Unauthenticated
from xds.limits import Limits
from xds.metrics import Metrics
from xds.publisher import PartChange, Publisher
from xds.server import Server, ServerSettings
from xds.types import CDS, LDS

METHOD = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"
SOTW = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources"
PATIENCE = 10.0
NOW = 1e9

Request = discovery_pb2.DeltaDiscoveryRequest
Response = discovery_pb2.DeltaDiscoveryResponse
Stream = grpc.aio.StreamStreamCall[Request, Response]


class Owner:
    """Authenticates and resolves as a test wishes."""

    def __init__(self) -> None:
        self.identity = Anybody(name="spiffe://x")
        self.refuse_node: Exception | None = None
        self.seen: list[Mapping[str, str]] = []
        self.nodes: list[str] = []

    async def authenticate(self, metadata: Mapping[str, str], peer: str) -> Identity:
        self.seen.append(metadata)
        if metadata.get("authorization") != "Bearer good":
            raise Unauthenticated(f"a secret reason, {peer}")
        return self.identity

    async def resolve(self, node: base_pb2.Node, identity: Identity) -> Selection:
        self.nodes.append(node.id)
        if self.refuse_node is not None:
            raise self.refuse_node
        return Selection(parts=("p",), key=identity.name)


GOOD = (("authorization", "Bearer good"),)


@pytest.fixture
def owner() -> Owner:
    return Owner()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
async def server(
    publisher: Publisher, owner: Owner, metrics: Metrics
) -> AsyncIterator[tuple[Server, int]]:
    """A plaintext server on loopback that wants a token."""
    publisher.publish({"p": upsert(cds=[cluster("a")])})
    async with serving(publisher, owner, metrics=metrics) as running:
        yield running


@asynccontextmanager
async def serving(
    publisher: Publisher,
    owner: Owner,
    settings: ServerSettings | None = None,
    *,
    metrics: Metrics | None = None,
    **more: object,
) -> AsyncIterator[tuple[Server, int]]:
    running = Server(
        publisher,
        authenticate=owner.authenticate,
        resolve=owner.resolve,
        wall=lambda: NOW,
        settings=settings or ServerSettings(plaintext=True, drain=0.5),
        metrics=metrics,
        **more,  # type: ignore[arg-type]  # tests pass what the constructor takes
    )
    port = await running.start()
    try:
        yield running, port
    finally:
        await running.stop()


@asynccontextmanager
async def stream(
    port: int | str,
    metadata: Iterable[tuple[str, str]] = GOOD,
    *,
    options: Iterable[tuple[str, int]] = (),
    method: str = METHOD,
) -> AsyncIterator[Stream]:
    target = port if isinstance(port, str) else f"127.0.0.1:{port}"
    async with grpc.aio.insecure_channel(target, options=[*options]) as channel:
        call = _call(channel, metadata, method)
        yield call
        call.cancel()


RawStub = grpc.aio.StreamStreamMultiCallable[bytes, bytes]
RawCall = grpc.aio.StreamStreamCall[bytes, bytes]


def _call(channel: grpc.aio.Channel, metadata: Iterable[tuple[str, str]], method: str) -> Stream:
    stub: grpc.aio.StreamStreamMultiCallable[Request, Response] = channel.stream_stream(
        method,
        request_serializer=Request.SerializeToString,
        response_deserializer=Response.FromString,
    )
    return stub(metadata=grpc.aio.Metadata(*metadata))


def request(type_url: str = CDS, *, node: str = "n", **more: object) -> Request:
    made = Request(type_url=type_url, **more)  # type: ignore[arg-type]  # fields of the message
    made.node.id = node
    return made


async def read(call: Stream) -> Response:
    async with asyncio.timeout(PATIENCE):
        response = await call.read()
    assert isinstance(response, Response)
    return response


async def ended(call: Stream | RawCall) -> tuple[str, str]:
    """The status with which the server ends the stream."""
    async with asyncio.timeout(PATIENCE):
        try:
            while await call.read() is not grpc.aio.EOF:
                pass
        except grpc.aio.AioRpcError:
            pass
        return (await call.code()).name, await call.details() or ""


async def until(server: Server, clients: int) -> None:
    """Wait until so many clients are connected."""
    async with asyncio.timeout(PATIENCE):
        while len(server.clients) != clients:
            await server.clients.changed(server.clients.revision)


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


async def test_a_client_that_says_nothing_is_sent_away(publisher: Publisher, owner: Owner) -> None:
    settings = ServerSettings(plaintext=True, first_request_timeout=0.05)
    async with serving(publisher, owner, settings) as (_, port), stream(port) as call:
        assert await ended(call) == ("UNAVAILABLE", "no request in time")


async def test_a_stream_ends_with_its_credentials(server: tuple[Server, int], owner: Owner) -> None:
    _, port = server
    owner.identity = Anybody(name="brief", expires_at=NOW + 0.1)
    async with stream(port) as call:
        await call.write(request())
        await read(call)
        status, message = await ended(call)
    assert status == "UNAVAILABLE"
    assert "expired" in message


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


async def test_a_client_that_does_not_read_is_cut_off_and_delays_nobody(
    publisher: Publisher, owner: Owner, metrics: Metrics
) -> None:
    publisher.publish({"p": upsert(lds=[raw(LDS, "big", 3 << 20)])})
    settings = ServerSettings(plaintext=True, write_timeout=0.3)
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


async def test_metadata_beyond_the_limit_is_refused(server: tuple[Server, int]) -> None:
    _, port = server
    async with stream(port, [*GOOD, ("x", "y" * 20_000)]) as call:
        assert (await ended(call))[0] == "RESOURCE_EXHAUSTED"


async def test_state_of_the_world_says_that_it_is_not_served(server: tuple[Server, int]) -> None:
    _, port = server
    async with stream(port, method=SOTW) as call:
        status, message = await ended(call)
    assert status == "UNIMPLEMENTED"
    assert "DELTA_GRPC" in message


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


@pytest.mark.parametrize(
    ("address", "plaintext"),
    [("0.0.0.0:0", True), ("127.0.0.1:0", False), ("example.org:0", True), ("[::]:0", True)],
)
async def test_plaintext_is_for_loopback_and_only_when_asked_for(
    publisher: Publisher, address: str, plaintext: bool
) -> None:
    owner = Owner()
    server = Server(
        publisher,
        authenticate=accept_anybody,
        resolve=owner.resolve,
        wall=lambda: NOW,
        settings=ServerSettings(address=address, plaintext=plaintext),
    )
    with pytest.raises(ValueError, match="plaintext is for loopback"):
        await server.start()


# TLS


@asynccontextmanager
async def secure(port: int, anchor: bytes) -> AsyncIterator[Stream]:
    trust = grpc.ssl_channel_credentials(anchor)
    async with grpc.aio.secure_channel(f"127.0.0.1:{port}", trust) as channel:
        call = _call(channel, GOOD, METHOD)
        yield call
        call.cancel()


async def test_a_new_certificate_is_used_at_the_next_handshake(
    publisher: Publisher, owner: Owner
) -> None:
    publisher.publish({"p": PartChange()})
    current = certificate("old")
    settings = ServerSettings()
    async with serving(publisher, owner, settings, certificate=lambda: current) as (_, port):
        for _ in range(2):
            async with secure(port, current.chain) as call:
                await call.write(request())
                await read(call)
        current = certificate("new")
        async with secure(port, current.chain) as call:
            await call.write(request())
            await read(call)


@pytest.mark.parametrize(
    ("version", "accepted"),
    [
        pytest.param(ssl.TLSVersion.TLSv1_3, True, id="1.3"),
        pytest.param(ssl.TLSVersion.TLSv1_2, True, id="1.2"),
        pytest.param(ssl.TLSVersion.TLSv1_1, False, id="1.1"),
    ],
)
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
async def test_tls_is_1_2_or_newer(
    publisher: Publisher, owner: Owner, version: ssl.TLSVersion, accepted: bool
) -> None:
    current = certificate("x")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=current.chain.decode())
    context.set_alpn_protocols(["h2"])
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    async with serving(publisher, owner, ServerSettings(), certificate=lambda: current) as (_, p):
        try:
            async with asyncio.timeout(PATIENCE):
                _, writer = await asyncio.open_connection("127.0.0.1", p, ssl=context)
            writer.close()
            handshake = True
        except (ssl.SSLError, ConnectionError):
            handshake = False
    assert handshake is accepted


def test_a_key_never_shows() -> None:
    assert "PRIVATE" not in repr(certificate("x"))


async def test_listeners_beyond_one_message_arrive_in_chunks(
    publisher: Publisher, owner: Owner
) -> None:
    publisher.publish({"p": upsert(lds=[raw(LDS, f"l{n}", 600_000) for n in range(3)])})
    settings = ServerSettings(plaintext=True)
    async with serving(publisher, owner, settings) as (_, port), stream(port) as call:
        await call.write(request(LDS))
        assert [names(await read(call)) for _ in range(3)] == [["l0"], ["l1"], ["l2"]]
    assert listener("l").size < 600_000


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
        assert (await ended(call))[0] == "UNAVAILABLE"
