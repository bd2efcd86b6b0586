"""A server that says how it is over HTTP, TCP and gRPC, and falls ill when told to.

`GET /ill?seconds=S` on `PORT` makes it ill for so long: then `/healthz` answers 503, nobody listens
on `TCP_PORT`, and grpc.health.v1.Health on `GRPC_PORT` says NOT_SERVING. Anything else on `PORT` is
answered with `well` or `ill`, and how often `/healthz` was asked.
"""

import asyncio
import json
import os
import signal
from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit

import grpc

from heddle.demo.http_message import Message
from heddle.demo.http_server import Answer, Server

SERVING, NOT_SERVING = b"\x08\x01", b"\x08\x02"


class Ailing(grpc.GenericRpcHandler):
    """The server."""

    def __init__(self, host: str, tcp_port: int) -> None:
        self._at = host, tcp_port
        self._listener: asyncio.Server | None = None
        self._asked = 0
        self._tasks = asyncio.TaskGroup()

    async def run(self, stop: asyncio.Event) -> None:
        """Listens for connections, save when it is ill."""
        async with self._tasks:
            await self._open()
            await stop.wait()
            await self._close()

    async def answer(self, request: Message) -> Answer:
        """Over HTTP."""
        parts = urlsplit(request.first_line[1])
        if parts.path == "/ill":
            seconds = float(parse_qs(parts.query)["seconds"][0])
            await self._close()
            self._tasks.create_task(self._recover(seconds))
        if parts.path == "/healthz":
            self._asked += 1
            return Answer(status=200 if self._listener else 503, body=b"{}")
        how = {"state": "well" if self._listener else "ill", "asked": self._asked}
        return Answer(status=200, body=json.dumps(how).encode())

    def service(self, details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[bytes, bytes]":
        """Over gRPC."""

        async def check(request: bytes, context: object) -> bytes:
            return SERVING if self._listener else NOT_SERVING

        return grpc.unary_unary_rpc_method_handler(check)

    async def _open(self) -> None:
        host, port = self._at
        self._listener = await asyncio.start_server(lambda _, writer: writer.close(), host, port)

    async def _close(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    async def _recover(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self._open()


async def serve(environment: Mapping[str, str]) -> None:
    """Serves until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    host = environment.get("POD_IP") or "0.0.0.0"
    ailing = Ailing(host, int(environment["TCP_PORT"]))
    calls = grpc.aio.server(handlers=[ailing])
    calls.add_insecure_port(f"{host}:{environment['GRPC_PORT']}")
    await calls.start()
    requests = Server(ailing.answer)
    await requests.start(host, int(environment["PORT"]))
    await ailing.run(stop)
    await requests.stop(grace=1)
    await calls.stop(1)


if __name__ == "__main__":
    asyncio.run(serve(os.environ))
