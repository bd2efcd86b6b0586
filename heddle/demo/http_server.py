"""A small HTTP server for the demo's programs: keep-alive, and no request is cut off when it
stops."""

import asyncio
import contextlib
from asyncio import IncompleteReadError, LimitOverrunError, StreamReader, StreamWriter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from heddle.demo.http_message import Message, MessageError, head, read_message, wants_close

_REASONS = {200: "OK", 404: "Not Found", 500: "Internal Server Error", 502: "Bad Gateway"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a handler returns: a status and a JSON body."""

    status: int
    body: bytes


Handler = Callable[[Message], Awaitable[Answer]]


class Server:
    """Answers requests until `stop`, which finishes those in flight and closes the idle
    connections."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._server: asyncio.Server | None = None
        self._stopping = False
        self._idle: set[StreamWriter] = set()
        self._open = 0
        self._drained = asyncio.Event()

    async def start(self, host: str, port: int) -> int:
        """Listen; returns the port, which the system chooses when `port` is 0."""
        self._server = await asyncio.start_server(self._serve, host, port, backlog=1024)
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    async def stop(self, *, grace: float) -> None:
        """Stop accepting, then wait up to `grace` seconds for the requests in flight."""
        self._stopping = True
        if self._server is not None:
            self._server.close()
        for writer in self._idle:
            writer.close()
        try:
            async with asyncio.timeout(grace):
                while self._open:
                    self._drained.clear()
                    await self._drained.wait()
        except TimeoutError:
            return

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        self._open += 1
        try:
            while await self._answer_next(reader, writer):
                pass
        except (OSError, IncompleteReadError, LimitOverrunError, MessageError):
            pass  # a peer that breaks off or talks nonsense harms itself only
        finally:
            self._idle.discard(writer)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            self._open -= 1
            self._drained.set()

    async def _answer_next(self, reader: StreamReader, writer: StreamWriter) -> bool:
        """Answer one request; False when the connection is not to be used again."""
        self._idle.add(writer)
        request = await read_message(reader)
        self._idle.discard(writer)
        if request is None:
            return False
        answer = await self._handler(request)
        last = self._stopping or wants_close(request)
        headers = {"content-type": "application/json", "content-length": str(len(answer.body))}
        if last:
            headers["connection"] = "close"
        first_line = f"HTTP/1.1 {answer.status} {_REASONS.get(answer.status, '')}"
        body = b"" if request.first_line[0] == "HEAD" else answer.body
        writer.write(head(first_line, headers) + body)
        await writer.drain()
        return not last
