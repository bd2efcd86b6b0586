"""A port of a pod through the API server, by Kubernetes' WebSocket form of it: an API server that
speaks it leads to an HTTP server.
"""

import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from heddle.proxies.exchange import exchange
from sources.errors import ApiError
from sources.port_forward import PROTOCOL, port_forward

PATH = "/api/v1/namespaces/shop/pods/web-0/portforward"
Serve = Callable[[web.WebSocketResponse, web.Request], Awaitable[None]]


class Upgrades:
    """What opens WebSockets at a server."""

    def __init__(self, base: str, session: aiohttp.ClientSession) -> None:
        self.base = base
        self._session = session

    @asynccontextmanager
    async def websocket(
        self, path: str, query: object, *, protocol: str, authorization: str | None = None
    ) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        assert query == {"ports": "15000"}
        headers = {"Authorization": authorization or ""}
        url = f"{self.base}{path}?ports=15000"
        async with self._session.ws_connect(url, protocols=(protocol,), headers=headers) as opened:
            yield opened


@asynccontextmanager
async def api(serve: Serve) -> AsyncIterator[Upgrades]:
    """An API server that forwards by `serve`, after the first messages of both channels."""

    async def forward(request: web.Request) -> web.WebSocketResponse:
        opened = web.WebSocketResponse(protocols=(PROTOCOL,))
        await opened.prepare(request)
        for channel in (0, 1):
            await opened.send_bytes(bytes([channel]) + struct.pack("<H", 15000))
        await serve(opened, request)
        await opened.close()
        return opened

    app = web.Application()
    app.router.add_get(PATH, forward)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with aiohttp.ClientSession() as session:
            yield Upgrades(f"http://127.0.0.1:{runner.addresses[0][1]}", session)
    finally:
        await runner.cleanup()


BODY = b"x" * 300_000


async def answers(opened: web.WebSocketResponse, request: web.Request) -> None:
    """An HTTP server behind the port, whose answer comes in pieces."""
    asked = b""
    while not asked.endswith(b"\r\n\r\n"):
        message = await opened.receive_bytes()
        assert message[0] == 0
        asked += message[1:]
    assert asked.startswith(b"GET /config_dump HTTP/1.1\r\n")
    said = request.headers["Authorization"].encode()
    head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (len(BODY) + len(said))
    whole = head + said + BODY
    for first in range(0, len(whole), 70_000):
        await opened.send_bytes(b"\x00" + whole[first : first + 70_000])


async def test_a_request_goes_through_in_the_callers_name() -> None:
    async with (
        api(answers) as found,
        port_forward(found, "shop", "web-0", 15000, authorization="Bearer ann's") as connected,
    ):
        answer = await exchange(connected, "/config_dump", {"host": "localhost"})
    assert (answer.status, answer.body) == (200, b"Bearer ann's" + BODY)


async def test_what_the_api_server_says_went_wrong_is_told() -> None:
    """Instead of a connection that ends."""

    async def refuses(opened: web.WebSocketResponse, request: web.Request) -> None:
        await opened.send_bytes(b"\x01" + b"connection refused inside the pod\n")

    async with api(refuses) as found:
        with pytest.raises(ApiError, match="port 15000 of the pod: connection refused inside"):
            async with port_forward(found, "shop", "web-0", 15000) as connected:
                await exchange(connected, "/ready", {"host": "localhost"})


async def test_a_connection_that_ends_is_an_error() -> None:
    async def ends(opened: web.WebSocketResponse, request: web.Request) -> None:
        return None

    async with api(ends) as found:
        with pytest.raises(OSError, match=r"hung up|lost"):
            async with port_forward(found, "shop", "web-0", 15000) as connected:
                await exchange(connected, "/ready", {"host": "localhost"})


async def test_what_fails_inside_is_raised_as_it_is() -> None:
    """And not within a group."""
    async with api(answers) as found:
        with pytest.raises(KeyError):
            async with port_forward(found, "shop", "web-0", 15000):
                raise KeyError("ours")


async def test_a_port_that_never_answers_is_given_up() -> None:
    async def waits(opened: web.WebSocketResponse, request: web.Request) -> None:
        async for _ in opened:
            pass

    async with api(waits) as found:
        with pytest.raises(OSError, match="no answer"):
            async with port_forward(found, "shop", "web-0", 15000) as connected:
                await exchange(connected, "/ready", {"host": "localhost"}, seconds=0.05)
