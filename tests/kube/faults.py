"""What goes wrong between us and an API server, put there on purpose.

    async with faulty_proxy(server) as proxy:
        async with kubernetes_api(await namespace.kubeconfig("reader", url=proxy.url)) as api:
            proxy.next(Refuse(429, retry_after=1), path="/api/v1/pods")
            proxy.next(Expire(after=2), path="/api/v1/pods", watch=True)

A proxy that ends TLS, as the API server would, and passes everything on to the real one: the token
goes along, a client certificate does not. Each fault is for the next request that it matches, in
order; the ones after that are answered again. `down()` hangs up on everybody until `up()`.
"""

import asyncio
import json
import ssl
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
from aiohttp import web

from tests.kube.server import ApiServer

_EXPIRED = {
    "kind": "Status",
    "apiVersion": "v1",
    "status": "Failure",
    "message": "too old resource version",
    "reason": "Expired",
    "code": 410,
}
_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Refuse:
    """An answer with this status, a Status object in it, and `Retry-After` in seconds if given."""

    status: int
    retry_after: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Expire:
    """A watch ends with a 410 as an event, after so many lines."""

    after: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """After so many lines comes half of the next, and then the connection is reset."""

    after: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """The answer ends in order, after so many lines."""

    after: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stall:
    """After so many lines comes nothing more, and the connection stays, until `let_go()`."""

    after: int = 0


@dataclass(frozen=True, slots=True)
class HangUp:
    """The connection is reset without an answer."""


@dataclass(frozen=True, slots=True)
class Hold:
    """The request is not passed on before `let_go()`."""


Fault = Refuse | Expire | Cut | End | Stall | HangUp | Hold
_InStream = Expire | Cut | End | Stall


@dataclass(frozen=True, slots=True, kw_only=True)
class _Planned:
    fault: Fault
    path: str
    watch: bool | None

    def matches(self, request: web.Request) -> bool:
        return request.path.startswith(self.path) and self.watch in (None, _watches(request))


class FaultyProxy:
    """See the module."""

    def __init__(self, server: ApiServer, session: aiohttp.ClientSession) -> None:
        self.url = ""
        self.asked: list[str] = []
        """Method, path and query of what was asked, in order."""
        self._upstream = server.url
        self._trust = ssl.create_default_context(cafile=server.authority.root)
        self._session = session
        self._planned: deque[_Planned] = deque()
        self._news = asyncio.Event()
        self._open = asyncio.Event()
        self._down = False
        self._connections: set[asyncio.Transport] = set()

    def next(self, fault: Fault, *, path: str = "/", watch: bool | None = None) -> None:
        """For the next request below `path` that is (not) a watch; either, if that is not said."""
        self._planned.append(_Planned(fault=fault, path=path, watch=watch))

    def let_go(self) -> None:
        """Ends what is held or stalled now."""
        self._open.set()
        self._open = asyncio.Event()

    def down(self) -> None:
        """As if the API server were away: hangs up on everybody, until `up()`."""
        self._down = True
        for each in self._connections:
            each.abort()

    def up(self) -> None:
        """It is back."""
        self._down = False

    async def until_asked(self, count: int, path: str = "") -> None:
        """Waits for so many requests (in all) whose line has `path` in it."""
        async with asyncio.timeout(_PATIENCE):
            while sum(path in each for each in self.asked) < count:
                await self._news.wait()

    async def until_spent(self) -> None:
        """Waits until every fault has met its request."""
        async with asyncio.timeout(_PATIENCE):
            while self._planned:
                await self._news.wait()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        transport = request.transport
        assert isinstance(transport, asyncio.Transport)
        self.asked.append(f"{request.method} {request.path_qs}")
        fault = self._due(request)
        self._tell()
        self._connections.add(transport)
        try:
            return await self._answered(request, fault, transport)
        finally:
            self._connections.discard(transport)

    def _due(self, request: web.Request) -> Fault | None:
        if self._down:
            return HangUp()
        found = next((each for each in self._planned if each.matches(request)), None)
        if found is None:
            return None
        self._planned.remove(found)
        return found.fault

    async def _answered(
        self, request: web.Request, fault: Fault | None, transport: asyncio.Transport
    ) -> web.StreamResponse:
        match fault:
            case HangUp():
                transport.abort()
                return web.Response()
            case Refuse(status, seconds):
                headers = {} if seconds is None else {"Retry-After": str(seconds)}
                status_object = {**_EXPIRED, "code": status, "reason": "", "message": "a fault"}
                return web.json_response(status_object, status=status, headers=headers)
            case Hold():
                await self._open.wait()
                return await self._passed_on(request, None, transport)
            case _:
                return await self._passed_on(request, fault, transport)

    async def _passed_on(
        self, request: web.Request, fault: _InStream | None, transport: asyncio.Transport
    ) -> web.StreamResponse:
        kept = {k: v for k, v in request.headers.items() if k.lower() not in _OF_A_HOP}
        async with self._session.request(
            request.method,
            self._upstream + request.path_qs,
            headers=kept,
            data=await request.read() or None,
            ssl=self._trust,
            allow_redirects=False,
        ) as answer:
            headers = {k: v for k, v in answer.headers.items() if k.lower() not in _OF_A_HOP}
            response = web.StreamResponse(status=answer.status, headers=headers)
            await response.prepare(request)
            await self._stream(answer, response, fault, transport)
        return response

    async def _stream(
        self,
        answer: aiohttp.ClientResponse,
        response: web.StreamResponse,
        fault: _InStream | None,
        transport: asyncio.Transport,
    ) -> None:
        lines = 0
        async for line in _lines(answer):
            if fault is not None and lines == fault.after:
                if isinstance(fault, Cut):
                    await response.write(line[: len(line) // 2])
                break
            await response.write(line)
            lines += 1
            if isinstance(fault, Expire | End | Stall) and lines == fault.after:
                break  # also if no further line ever comes
        match fault:
            case Expire():
                event = {"type": "ERROR", "object": _EXPIRED}
                await response.write(json.dumps(event).encode() + b"\n")
            case Cut():
                transport.abort()
            case Stall():
                await self._open.wait()
        await response.write_eof()

    def _tell(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()


_OF_A_HOP = {"host", "connection", "transfer-encoding", "content-length", "content-encoding"}


async def _lines(answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """As they come; the last one may lack its end."""
    rest = b""
    async for chunk in answer.content.iter_any():
        rest += chunk
        for line in _whole(rest):
            yield line
        rest = rest[rest.rfind(b"\n") + 1 :]
    if rest:
        yield rest


def _whole(text: bytes) -> Iterator[bytes]:
    return iter(text[: text.rfind(b"\n") + 1].splitlines(keepends=True))


def _watches(request: web.Request) -> bool:
    return request.query.get("watch", "") in ("1", "true")


@asynccontextmanager
async def faulty_proxy(server: ApiServer) -> AsyncIterator[FaultyProxy]:
    """A proxy in front of the API server that does nothing wrong yet."""
    chain, key = await asyncio.to_thread(server.authority.server, "proxy", ("127.0.0.1",), ())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(timeout=timeout, auto_decompress=True) as session:
        proxy = FaultyProxy(server, session)
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", proxy.answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
            proxy.url = f"https://127.0.0.1:{runner.addresses[0][1]}"
            yield proxy
        finally:
            proxy.let_go()
            await runner.cleanup()
