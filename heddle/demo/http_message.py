"""HTTP/1.1 messages for the demo's programs, read from an asyncio stream.

Just enough of RFC 9112 to talk to Envoy: heads, bodies with a length, chunked bodies. Written here
because the programs start once a pod: a framework would cost each of them half a second and 40 MB.
"""

from asyncio import IncompleteReadError, StreamReader
from collections.abc import Mapping
from dataclasses import dataclass

MOST_BYTES = 64 << 20
"""Of a body, by default."""


class MessageError(Exception):
    """The peer sent something that is not an HTTP/1.1 message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A request or a response: its first line split at the first two spaces, headers in lower case,
    and the body."""

    first_line: tuple[str, str, str]
    headers: Mapping[str, str]
    body: bytes


async def read_message(
    reader: StreamReader, *, empty_body: bool = False, most: int = MOST_BYTES
) -> Message | None:
    """The next message, or None when the peer closed between two messages.

    `empty_body`: the message has no body whatever its headers say (an answer to HEAD, a 204 or
    304). A body of more than `most` bytes is a `MessageError`.
    """
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except IncompleteReadError as error:
        if error.partial:
            raise
        return None
    first_line, headers = _parse_head(head)
    body = b"" if empty_body else await _read_body(reader, headers, most)
    return Message(first_line=first_line, headers=headers, body=body)


def wants_close(message: Message) -> bool:
    """Whether its sender will close the connection after this message."""
    return "close" in message.headers.get("connection", "").lower()


def head(first_line: str, headers: Mapping[str, str]) -> bytes:
    """A message head, ready for the wire."""
    lines = [first_line, *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1")


def _parse_head(head: bytes) -> tuple[tuple[str, str, str], dict[str, str]]:
    first, *lines = head[:-4].decode("latin-1").split("\r\n")
    words = first.split(" ", 2)
    if len(words) < 2:
        raise MessageError(f"not an HTTP/1.1 first line: {first!r}")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise MessageError(f"not a header: {line!r}")
        name, value = name.strip().lower(), value.strip()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return (words[0], words[1], words[2] if len(words) > 2 else ""), headers


async def _read_body(reader: StreamReader, headers: Mapping[str, str], most: int) -> bytes:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return await _read_chunks(reader, most)
    try:
        length = int(headers.get("content-length", "0"))
    except ValueError as error:
        raise MessageError(f"not a length: {headers['content-length']!r}") from error
    if length > most:
        raise MessageError(f"a body of {length} bytes: more than {most} are not read")
    return await reader.readexactly(length) if length > 0 else b""


async def _read_chunks(reader: StreamReader, most: int) -> bytes:
    chunks: list[bytes] = []
    left = most
    while True:
        line = await reader.readuntil(b"\r\n")
        try:
            size = int(line.split(b";")[0], 16)
        except ValueError as error:
            raise MessageError(f"not a chunk size: {line!r}") from error
        left -= size
        if left < 0:
            raise MessageError(f"more than {most} bytes are not read")
        chunk = await reader.readexactly(size + 2)
        if size == 0:
            return b"".join(chunks)
        chunks.append(chunk[:-2])
