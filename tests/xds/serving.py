"""A server over a real port, and grpc clients that say what a test tells them to."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager

import grpc
from envoy.config.core.v3 import base_pb2
from envoy.service.discovery.v3 import discovery_pb2

from xds.auth import Anybody, Identity, Selection
from xds.errors import Unauthenticated
from xds.metrics import Metrics
from xds.publisher import Publisher
from xds.server import Server, ServerSettings
from xds.types import CDS

METHOD = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"
SOTW = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources"
PATIENCE = 60.0
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
        self.asked = asyncio.Event()

    async def authenticate(self, metadata: Mapping[str, str], peer: str) -> Identity:
        self.seen.append(metadata)
        self.asked.set()
        if metadata.get("authorization") != "Bearer good":
            raise Unauthenticated(f"a secret reason, {peer}")
        return self.identity

    async def resolve(self, node: base_pb2.Node, identity: Identity) -> Selection:
        self.nodes.append(node.id)
        if self.refuse_node is not None:
            raise self.refuse_node
        return Selection(parts=("p",), key=identity.name)


GOOD = (("authorization", "Bearer good"),)


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
        call = open_call(channel, metadata, method)
        yield call
        call.cancel()


RawStub = grpc.aio.StreamStreamMultiCallable[bytes, bytes]
RawCall = grpc.aio.StreamStreamCall[bytes, bytes]


def open_call(
    channel: grpc.aio.Channel, metadata: Iterable[tuple[str, str]], method: str
) -> Stream:
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


async def read_sotw(call: RawCall) -> discovery_pb2.DiscoveryResponse:
    """The next response in state of the world."""
    async with asyncio.timeout(PATIENCE):
        body = await call.read()
    assert isinstance(body, bytes)
    return discovery_pb2.DiscoveryResponse.FromString(body)


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
