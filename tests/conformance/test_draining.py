"""A listener that goes while somebody is being served."""

import asyncio
from contextlib import suppress

import pytest

from tests.conformance.conversation import PATIENCE
from tests.conformance.resources import cluster, endpoints, host
from tests.conformance.world import World
from tests.xds.rules import rules
from xds.types import LDS, VHDS

pytestmark = pytest.mark.envoy

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nslow"


class Slow:
    """An upstream that answers when it is told to."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.answer = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        with suppress(asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            self.asked.set()
            await self.answer.wait()
            writer.write(ANSWER)
            await writer.drain()
        writer.close()


@rules("X-105")
async def test_a_request_under_way_outlives_its_listener(live: World) -> None:
    slow, path = Slow(), live.upstream("slow")
    async with asyncio.timeout(PATIENCE), await asyncio.start_unix_server(slow.serve, path):
        live.publish(cluster("s"), endpoints("s", path), host("r", "s.test", "s"))
        await live.taken(VHDS, "r/s.test")
        reader, writer = await asyncio.open_unix_connection(str(live.envoy.folder / "front"))
        writer.write(b"GET / HTTP/1.1\r\nHost: s.test\r\n\r\n")
        await slow.asked.wait()
        live.publish(removed=[live.listener("front", "r")])
        await live.taken(LDS, "front")
        await live.answers("a.test", 0)
        slow.answer.set()
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        assert await reader.readexactly(4) == b"slow"
        writer.close()
    assert head.startswith("HTTP/1.1 200")
    assert "connection: close" in head
