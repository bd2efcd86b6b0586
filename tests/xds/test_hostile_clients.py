"""What anybody can send who reaches the port, before and after it is known who it is (C4, C14):
the server lives, and those who are served notice nothing.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress

import grpc
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from tests.security_rows import guards
from tests.xds.raw_http2 import CONTINUATION, HEADERS, RESET, Connection, connection, frame, header
from tests.xds.resources import cluster, upsert
from tests.xds.scripted import names
from tests.xds.serving import (
    GOOD,
    METHOD,
    PATIENCE,
    Owner,
    RawStub,
    Stream,
    ended,
    read,
    request,
    serving,
    stream,
)
from xds.metrics import Metrics
from xds.publisher import Publisher
from xds.server import Server
from xds.types import CDS, EDS, LDS, SDS

CALL = b"".join(
    header(*pair)
    for pair in (
        (":method", "POST"),
        (":scheme", "http"),
        (":path", METHOD),
        (":authority", "x"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        *GOOD,
    )
)
END_HEADERS = 4
FEW = settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],  # to make a failure smaller takes a server for each attempt
)


class Witness:
    """A client in good standing: it is served before, and still after."""

    def __init__(
        self, publisher: Publisher, owner: Owner, metrics: Metrics, server: Server, port: int
    ) -> None:
        self.owner = owner
        self.port = port
        self._publisher = publisher
        self._metrics = metrics
        self._server = server
        self._news = 0

    async def is_served(self, call: Stream) -> None:
        """Something new is pushed to it, and at once."""
        self._news += 1
        name = f"news-{self._news}"
        self._publisher.publish({"p": upsert(cds=[cluster(name)])})
        response = await read(call)
        assert names(response) == [name]
        await call.write(request(response_nonce=response.nonce))

    async def decided(self, streams: int) -> None:
        """Waits until so many streams have ended by a decision of ours: not by an exception that
        nobody caught.
        """
        async with asyncio.timeout(PATIENCE):
            while sum(self._closed()) < streams:  # noqa: ASYNC110 - a counter tells nobody
                await asyncio.sleep(0)

    def _closed(self) -> Iterator[float]:
        for metric in self._metrics.closed.collect():
            yield from (each.value for each in metric.samples if each.name.endswith("_total"))

    @property
    def others(self) -> int:
        """Streams that are open besides."""
        return len(self._server.clients) - 1


@asynccontextmanager
async def witness() -> AsyncIterator[tuple[Witness, Stream]]:
    publisher, owner, metrics = Publisher(), Owner(), Metrics(CollectorRegistry())
    publisher.publish({"p": upsert(cds=[cluster("a")])})
    async with serving(publisher, owner, metrics=metrics) as (server, port), stream(port) as call:
        await call.write(request())
        response = await read(call)
        await call.write(request(response_nonce=response.nonce))
        found = Witness(publisher, owner, metrics, server, port)
        await found.is_served(call)
        yield found, call
        await found.is_served(call)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Bytes that are a request, nearly one, or none."""
    made = request(
        draw(st.sampled_from([CDS, EDS, LDS, SDS, "", "type.googleapis.com/x", "\0"])),
        node=draw(st.sampled_from(["n", "m", "", "x" * 300])),
        resource_names_subscribe=draw(st.lists(st.text(max_size=8), max_size=4)),
        resource_names_unsubscribe=draw(st.lists(st.text(max_size=8), max_size=4)),
        initial_resource_versions=draw(st.dictionaries(st.text(max_size=4), st.text(max_size=4))),
        response_nonce=draw(st.text(max_size=4)),
    ).SerializeToString()
    start = draw(st.integers(0, len(made)))
    end = draw(st.integers(start, len(made)))
    return draw(
        st.sampled_from([made, made[:start], made[:start] + made[end:]])
        | st.binary(max_size=8).map(lambda junk: made[:start] + junk + made[end:])
        | st.binary(max_size=64)
    )


@guards("C4")
@FEW
@given(st.lists(st.lists(bodies(), min_size=1, max_size=4), min_size=20, max_size=20))
async def test_requests_of_any_bytes(streams: Sequence[Sequence[bytes]]) -> None:
    """Each list of bodies is one stream's."""
    async with witness() as (found, _), _channel(found.port) as channel:
        stub: RawStub = channel.stream_stream(METHOD)
        for said in streams:
            call = stub(metadata=grpc.aio.Metadata(*GOOD))
            with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):  # it has ended already
                for body in said:
                    await call.write(body)
                await call.done_writing()
            status, _ = await ended(call)
            assert status != "UNKNOWN"
        await found.decided(len(streams))


@asynccontextmanager
async def _channel(port: int) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield channel


frames = st.builds(
    lambda kind, payload, flags, number: frame(kind, payload, flags=flags, stream=number),
    st.integers(0, 255),
    st.binary(max_size=64),
    st.integers(0, 255),
    st.integers(0, 2**31 - 1),
)


@guards("C4")
@FEW
@given(st.lists(st.lists(st.binary(max_size=64) | frames, max_size=6), min_size=20, max_size=20))
async def test_frames_of_any_bytes(connections: Sequence[Sequence[bytes]]) -> None:
    async with witness() as (found, _):
        for said in connections:
            async with connection(found.port) as peer:
                for data in said:
                    peer.write(data)


@guards("C4")
@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),  # a TLS ClientHello
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n",
        b"\0" * 70_000,
        b"A" * 1_000_000,
    ],
    ids=["http1", "tls", "half-a-preface", "zeros", "long"],
)
async def test_what_is_no_http2(data: bytes) -> None:
    async with witness() as (found, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", found.port)
        writer.write(data)
        async with asyncio.timeout(PATIENCE):
            with suppress(OSError):  # it has ended the connection already
                writer.write_eof()
                while await reader.read(1 << 16):
                    pass
        writer.close()


def rapid_resets(count: int) -> Iterator[bytes]:
    """Streams that end before they have begun (CVE-2023-44487)."""
    for number in range(1, 2 * count, 2):
        yield frame(HEADERS, CALL, flags=END_HEADERS, stream=number)
        yield frame(RESET, bytes([0, 0, 0, 8]), stream=number)


def endless_headers(count: int) -> Iterator[bytes]:
    """Headers that never end (CVE-2024-27316 and its like)."""
    yield frame(HEADERS, CALL, stream=1)
    for _ in range(count):
        yield frame(CONTINUATION, header("x", "y" * 100), stream=1)


def empty_headers(count: int) -> Iterator[bytes]:
    yield frame(HEADERS, CALL, stream=1)
    for _ in range(count):
        yield frame(CONTINUATION, stream=1)


async def flood(peer: Connection, frames: Iterator[bytes]) -> None:
    """Writes as fast as it is read, until the server has had enough."""
    async with asyncio.TaskGroup() as tasks:
        answers = tasks.create_task(peer.closed())
        try:
            for number, data in enumerate(frames):
                peer.write(data)
                if number % 100 == 0:
                    await peer.drain()
        except ConnectionError:
            pass
        answers.cancel()


@guards("C14")
@pytest.mark.parametrize(
    ("frames", "most"),
    [(rapid_resets(10_000), 16), (endless_headers(200_000), 0), (empty_headers(100_000), 1)],
    ids=["rapid-reset", "endless-headers", "empty-continuations"],
)
async def test_a_flood_of_one_peer(frames: Iterator[bytes], most: int) -> None:
    """Next to nothing of it gets as far as to be asked who it is, and others are served meanwhile.

    The headers without an end once were joined one by one: the server stood still for minutes.
    """
    async with witness() as (found, call), connection(found.port) as peer:
        before = len(found.owner.seen)
        async with asyncio.TaskGroup() as tasks:
            flooding = tasks.create_task(flood(peer, frames))
            while not flooding.done():
                await found.is_served(call)
        assert len(found.owner.seen) - before <= most
        assert found.others <= most
