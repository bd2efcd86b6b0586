"""A small HTTP client for the demo's programs: GET over keep-alive connections, directly or through
a proxy."""

import asyncio
import contextlib
from asyncio import IncompleteReadError, StreamReader, StreamWriter
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from heddle.demo.http_message import Message, MessageError, head, read_message, wants_close

FAILURES = (OSError, IncompleteReadError, MessageError, TimeoutError)
"""What `Client.get` raises when there is no answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """An answer: its status code and its body."""

    status: int
    body: bytes

    @property
    def successful(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class _Connection:
    reader: StreamReader
    writer: StreamWriter


class _StaleConnection(ConnectionError):
    """The peer had closed the kept connection: it has not seen the request."""


class Client:
    """Sends GET requests and keeps the connections open between them.

    Like every HTTP client it sends a request again on a new connection when a kept one turns out to
    be closed before the first byte of an answer; `reconnects` counts that. Any other failure is the
    caller's.
    """

    def __init__(self, *, proxy: str | None = None) -> None:
        self._proxy = _address(proxy) if proxy else None
        self._idle: dict[tuple[str, int], list[_Connection]] = {}
        self.reconnects = 0

    async def get(self, url: str, headers: Mapping[str, str], *, within: float) -> Response:
        """The answer to `GET url`, in `within` seconds, or one of `FAILURES`."""
        parts = urlsplit(url)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        target = f"http://{parts.netloc}{path}" if self._proxy else path
        request = head(f"GET {target} HTTP/1.1", {"host": parts.netloc, **headers})
        async with asyncio.timeout(within):
            return await self._send(self._proxy or _address(url), request)

    async def close(self) -> None:
        """Close the kept connections."""
        kept = [connection for idle in self._idle.values() for connection in idle]
        self._idle.clear()
        for connection in kept:
            connection.writer.close()
        for connection in kept:
            with contextlib.suppress(OSError):
                await connection.writer.wait_closed()

    async def _send(self, address: tuple[str, int], request: bytes) -> Response:
        kept = self._kept(address)
        if kept is not None:
            try:
                return await self._exchange(address, kept, request)
            except _StaleConnection:
                self.reconnects += 1
        fresh = _Connection(*await asyncio.open_connection(*address))
        return await self._exchange(address, fresh, request)

    def _kept(self, address: tuple[str, int]) -> _Connection | None:
        idle = self._idle.get(address, [])
        while idle:
            connection = idle.pop()
            if not connection.reader.at_eof() and not connection.writer.is_closing():
                return connection
            connection.writer.close()
        return None

    async def _exchange(
        self, address: tuple[str, int], connection: _Connection, request: bytes
    ) -> Response:
        reusable = False
        try:
            message = await _exchange(connection, request)
            reusable = not wants_close(message)
        finally:
            if reusable:
                self._idle.setdefault(address, []).append(connection)
            else:
                connection.writer.close()
        try:
            return Response(status=int(message.first_line[1]), body=message.body)
        except ValueError as error:
            raise MessageError(f"not a status: {message.first_line[1]!r}") from error


async def _exchange(connection: _Connection, request: bytes) -> Message:
    try:
        connection.writer.write(request)
        await connection.writer.drain()
        message = await read_message(connection.reader)
    except ConnectionError as error:
        raise _StaleConnection("connection reset") from error
    if message is None:
        raise _StaleConnection("connection closed without an answer")
    return message


def _address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or 80
