"""As much of HTTP/2 as a request without a body and its answer need (RFC 9113, RFC 7541).

Frames are small and windows are never filled; header names and values are shorter than 127 bytes.
"""

from asyncio import StreamReader, StreamWriter
from collections.abc import Awaitable, Callable, Mapping

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY = 0, 1, 3, 4, 6, 7
ACK, END_STREAM, END_HEADERS = 1, 1, 4
STATUSES = {
    0x88: 200,
    0x89: 204,
    0x8A: 206,
    0x8B: 304,
    0x8C: 400,
    0x8D: 404,
    0x8E: 500,
}
"""Those in HPACK's static table, which are one byte."""
_OK, _GET, _HTTP = b"\x88", b"\x82", b"\x86"
_AUTHORITY, _PATH, _OTHER = b"\x01", b"\x04", b"\x00"
"""Literals that are not to be remembered: two that have a name in the static table, and others."""


async def answer(
    reader: StreamReader, writer: StreamWriter, body: Callable[[int], Awaitable[bytes]]
) -> None:
    """Answers each request with 200 and `body` of how many pings there were, until the client goes
    away; the preface is read."""
    writer.write(_frame(SETTINGS, 0, 0))
    pings = 0
    while True:
        kind, flags, stream, payload = await _next_frame(reader)
        if kind == SETTINGS and not flags & ACK:
            writer.write(_frame(SETTINGS, ACK, 0))
        elif kind == PING and not flags & ACK:
            pings += 1
            writer.write(_frame(PING, ACK, 0, payload))
        elif kind == HEADERS:
            writer.write(_frame(HEADERS, END_HEADERS, stream, _OK))
            writer.write(_frame(DATA, END_STREAM, stream, await body(pings)))
        await writer.drain()


async def get(
    reader: StreamReader,
    writer: StreamWriter,
    authority: str,
    path: str,
    headers: Mapping[str, str],
) -> tuple[int, bytes]:
    """One GET with prior knowledge: the status, 0 for one that is not in the table, and the
    body."""
    block = _GET + _HTTP + _AUTHORITY + _text(authority) + _PATH + _text(path)
    block += b"".join(_OTHER + _text(name) + _text(value) for name, value in headers.items())
    writer.write(
        PREFACE + _frame(SETTINGS, 0, 0) + _frame(HEADERS, END_HEADERS | END_STREAM, 1, block)
    )
    status, body, flags = 0, b"", 0
    while True:
        await writer.drain()
        kind, flags, stream, payload = await _next_frame(reader)
        if kind in (RST_STREAM, GOAWAY):
            raise ConnectionResetError(f"frame of kind {kind}: {payload.hex()}")
        if kind == SETTINGS and not flags & ACK:
            writer.write(_frame(SETTINGS, ACK, 0))
        if stream != 1:
            continue
        if kind == HEADERS:
            status = STATUSES.get(payload[0], 0)
        if kind == DATA:
            body += payload
        if kind in (HEADERS, DATA) and flags & END_STREAM:
            return status, body


def _frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """A frame."""
    return len(payload).to_bytes(3) + bytes((kind, flags)) + stream.to_bytes(4) + payload


async def _next_frame(reader: StreamReader) -> tuple[int, int, int, bytes]:
    """Its kind, flags, stream and payload."""
    start = await reader.readexactly(9)
    payload = await reader.readexactly(int.from_bytes(start[:3]))
    return start[3], start[4], int.from_bytes(start[5:]) & 0x7FFFFFFF, payload


def _text(value: str) -> bytes:
    return bytes((len(value),)) + value.encode()
