"""As much of WebSocket (RFC 6455) as short texts need, over HTTP/1.1.

The server sends the handshake that it received as its first text, and then echoes each text.
"""

import json
from asyncio import IncompleteReadError, StreamReader, StreamWriter
from base64 import b64encode
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha1
from os import urandom

from heddle.demo.http_message import MessageError, head, read_message

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_FINAL_TEXT, _FINAL_CLOSE = 0x81, 0x88
_MASKED = 0x80
_TWO_BYTES = 126


class Server:
    """`who` is in the first text."""

    def __init__(self, who: Mapping[str, str]) -> None:
        self._who = who

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        """One connection."""
        try:
            request = await read_message(reader, empty_body=True)
            if request is not None:
                await self._accept(request.first_line[1], request.headers, writer)
                while True:
                    writer.write(_frame(await _text(reader)))
                    await writer.drain()
        except (OSError, IncompleteReadError, MessageError, KeyError):
            pass  # health checks, and who does not ask for a WebSocket
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _accept(self, path: str, headers: Mapping[str, str], writer: StreamWriter) -> None:
        accepted = {
            "upgrade": "websocket",
            "connection": "Upgrade",
            "sec-websocket-accept": _accepted(headers["sec-websocket-key"]),
        }
        writer.write(head("HTTP/1.1 101 Switching Protocols", accepted))
        received = {"method": "GET", "path": path, "headers": dict(headers)}
        writer.write(_frame(json.dumps({**self._who, **received}).encode()))
        await writer.drain()


async def talk(
    reader: StreamReader,
    writer: StreamWriter,
    target: str,
    headers: Mapping[str, str],
    texts: list[str],
) -> tuple[int, list[str]]:
    """The status of the handshake, and what the server said: first, and after each text."""
    key = b64encode(urandom(16)).decode()
    wanted = {
        "upgrade": "websocket",
        "connection": "Upgrade",
        "sec-websocket-key": key,
        "sec-websocket-version": "13",
    }
    writer.write(head(f"GET {target} HTTP/1.1", {**headers, **wanted}))
    await writer.drain()
    answer = await read_message(reader, empty_body=True)
    if answer is None or answer.first_line[1] != "101":
        return int(answer.first_line[1]) if answer else 0, []
    if answer.headers["sec-websocket-accept"] != _accepted(key):
        raise MessageError("this answer is for another key")
    heard = [(await _text(reader)).decode()]
    for text in texts:
        writer.write(_frame(text.encode(), urandom(4)))
        await writer.drain()
        heard.append((await _text(reader)).decode())
    return 101, heard


def _accepted(key: str) -> str:
    return b64encode(sha1((key + _GUID).encode(), usedforsecurity=False).digest()).decode()


def _frame(text: bytes, mask: bytes = b"") -> bytes:
    """`mask`: four bytes of chance, which clients must use."""
    flag = _MASKED if mask else 0
    short = len(text) < _TWO_BYTES
    size = bytes((flag | len(text),)) if short else bytes((flag | _TWO_BYTES,))
    size += b"" if short else len(text).to_bytes(2)
    return bytes((_FINAL_TEXT,)) + size + mask + _masked(text, mask)


def _masked(text: bytes, mask: bytes) -> bytes:
    return bytes(each ^ mask[i % 4] for i, each in enumerate(text)) if mask else text


async def _text(reader: StreamReader) -> bytes:
    first, second = await reader.readexactly(2)
    if first == _FINAL_CLOSE:
        raise ConnectionResetError("the peer closed the WebSocket")
    if first != _FINAL_TEXT:
        raise MessageError(f"not a text in one frame: {first:#x}")
    size = second & ~_MASKED
    if size == _TWO_BYTES:
        size = int.from_bytes(await reader.readexactly(2))
    mask = await reader.readexactly(4) if second & _MASKED else b""
    return _masked(await reader.readexactly(size), mask)
