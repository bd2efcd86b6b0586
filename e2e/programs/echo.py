"""A server that answers with what it received, and fails as the request asks it to.

HTTP on `PORT`, lines of text on `TCP_PORT`, the same after a greeting on `GREETING_PORT`, WebSocket
on `WEBSOCKET_PORT`, gRPC on `GRPC_PORT`; 0 or absent: not served. What a request may ask for, so
that a test can see what a mesh makes of it:

- `x-echo-id`: count the requests with this id; `/seen?id=ID&count=N` waits until there were N, and
  shows them
- `x-echo-fail: N`: answer the first N requests with that id, or any without one, with
  `x-echo-status` (503 if absent)
- `/say?body=TEXT&status=N&delay=S`: answer with that text, after so long; for those who send no
  headers, as an Envoy that fetches something
- `x-echo-delay: S`: answer after S seconds
- `x-echo-only: VERSION`: the two above concern this version of the server alone
"""

import asyncio
import json
import os
import signal
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit

from e2e.programs import websocket
from heddle.demo.http_message import Message
from heddle.demo.http_server import Answer, Server

PATIENCE = 18.0
"""Seconds that `/seen` waits at most."""
GRACE = 5.0


class Echo:
    """The server; `name` and `version` are in each answer."""

    def __init__(self, name: str, version: str) -> None:
        self._who = {"service": name, "version": version}
        self.websocket = websocket.Server(self._who)
        self._received: dict[str, list[Mapping[str, object]]] = defaultdict(list)
        self._news = asyncio.Event()

    async def answer(self, request: Message) -> Answer:
        """What was received, or the failure that was asked for."""
        method, target, _ = request.first_line
        path = urlsplit(target).path
        if path == "/healthz":
            return Answer(status=200, body=b"{}")
        if path == "/say":
            return await self._said(parse_qs(urlsplit(target).query))
        if path == "/seen":
            return await self._seen(parse_qs(urlsplit(target).query))
        headers = dict(request.headers)
        received = {"method": method, "path": target, "headers": headers}
        attempts = self._count(headers.get("x-echo-id", ""), received)
        wanted = self._wanted(headers)
        await asyncio.sleep(float(wanted.get("x-echo-delay", "0")))
        fails = attempts <= int(wanted.get("x-echo-fail", "0"))
        status = int(wanted.get("x-echo-status", "503")) if fails else 200
        body = {**self._who, **received, "body": request.body.decode(errors="replace")}
        return Answer(status=status, body=json.dumps({**body, "attempts": attempts}).encode())

    async def _said(self, query: Mapping[str, list[str]]) -> Answer:
        await asyncio.sleep(float(query.get("delay", ["0"])[0]))
        status, body = int(query.get("status", ["200"])[0]), query.get("body", [""])[0]
        return Answer(status=status, body=body.encode())

    def _count(self, name: str, received: Mapping[str, object]) -> int:
        """How many requests with this name there were; 1 for one without."""
        if not name:
            return 1
        self._received[name].append(received)
        news, self._news = self._news, asyncio.Event()
        news.set()
        return len(self._received[name])

    def _wanted(self, headers: Mapping[str, str]) -> Mapping[str, str]:
        concerned = headers.get("x-echo-only", self._who["version"]) == self._who["version"]
        return headers if concerned else {}

    async def _seen(self, query: Mapping[str, list[str]]) -> Answer:
        name, count = query["id"][0], int(query.get("count", ["0"])[0])
        try:
            async with asyncio.timeout(PATIENCE):
                while len(self._received[name]) < count:
                    await self._news.wait()
        except TimeoutError:
            pass  # the answer shows that it is too few
        body = {**self._who, "requests": self._received[name]}
        return Answer(status=200, body=json.dumps(body).encode())

    async def greeted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Speaks first, as mail servers and databases do."""
        writer.write(f"welcome to {self._who['service']} {self._who['version']}\n".encode())
        await self.lines(reader, writer)

    async def lines(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers each line with it and who answers."""
        who = f"{self._who['service']} {self._who['version']}"
        try:
            while line := await reader.readline():
                writer.write(f"{who} {line.decode()}".encode())
                await writer.drain()
        except OSError:
            pass  # the peer went away
        finally:
            writer.close()

    @asynccontextmanager
    async def grpc(self, address: str) -> AsyncIterator[None]:
        """Answers any unary call with its method and metadata."""
        import grpc

        async def call(request: bytes, context: "grpc.aio.ServicerContext[bytes, bytes]") -> bytes:
            headers = {key: str(value) for key, value in context.invocation_metadata() or ()}
            received = {**self._who, "headers": headers, "body": request.decode()}
            return json.dumps(received).encode()

        class Handler(grpc.GenericRpcHandler):
            def service(
                self, details: grpc.HandlerCallDetails
            ) -> "grpc.RpcMethodHandler[bytes, bytes]":
                return grpc.unary_unary_rpc_method_handler(call)

        server = grpc.aio.server()
        server.add_generic_rpc_handlers((Handler(),))
        server.add_insecure_port(address)
        await server.start()
        try:
            yield
        finally:
            await server.stop(GRACE)


async def serve(environment: Mapping[str, str]) -> None:
    """Serves until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    host = environment.get("POD_IP") or "0.0.0.0"
    echo = Echo(environment.get("NAME", "echo"), environment.get("VERSION", "v1"))
    server = Server(echo.answer)
    await server.start(host, int(environment.get("PORT", "8080")))
    for name, handler in (
        ("TCP_PORT", echo.lines),
        ("GREETING_PORT", echo.greeted),
        ("WEBSOCKET_PORT", echo.websocket.serve),
    ):
        if port := int(environment.get(name, "0")):
            await asyncio.start_server(handler, host, port)
    if port := int(environment.get("GRPC_PORT", "0")):
        async with echo.grpc(f"{host}:{port}"):
            await stop.wait()
    await stop.wait()
    await server.stop(grace=GRACE)


if __name__ == "__main__":
    asyncio.run(serve(os.environ))
