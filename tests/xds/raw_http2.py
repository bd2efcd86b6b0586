"""A client that says what a gRPC library would never say: HTTP/2 frames, by hand."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEADERS, RESET, SETTINGS, PING, GOAWAY, CONTINUATION = 1, 3, 4, 6, 7, 9
PATIENCE = 60.0


def frame(kind: int, payload: bytes = b"", *, flags: int = 0, stream: int = 0) -> bytes:
    """A frame of a stream, or of the connection as a whole (RFC 9113, section 4.1)."""
    size = len(payload).to_bytes(3, "big")
    return size + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def header(name: str, value: str) -> bytes:
    """A header that is in no table (RFC 7541, section 6.2.2); either part of at most 126 bytes."""
    return bytes([0, len(name)]) + name.encode() + bytes([len(value)]) + value.encode()


class Connection:
    """A connection to a server, without any stream."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    def write(self, data: bytes) -> None:
        """Write bytes."""
        self._writer.write(data)

    async def drain(self) -> None:
        """Wait until most of what was written has been read."""
        await self._writer.drain()

    async def goodbye(self, answer: bytes = b"") -> tuple[int, str]:
        """What the server says when it ends the connection: an error code, and why.

        Until then it is given `answer` for each answer to a ping.
        """
        async with asyncio.timeout(PATIENCE):
            while True:
                header = await self._reader.readexactly(9)
                payload = await self._reader.readexactly(int.from_bytes(header[:3], "big"))
                if header[3] == GOAWAY:
                    return int.from_bytes(payload[4:8], "big"), payload[8:].decode()
                if header[3] == PING:
                    self.write(answer)

    async def closed(self) -> None:
        """Wait until the server has closed the connection."""
        async with asyncio.timeout(PATIENCE):
            with suppress(ConnectionError):
                while await self._reader.read(1 << 16):
                    pass


@asynccontextmanager
async def connection(port: int) -> AsyncIterator[Connection]:
    """A connection that has said hello."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        made = Connection(reader, writer)
        made.write(PREFACE + frame(SETTINGS))
        yield made
    finally:
        writer.close()
