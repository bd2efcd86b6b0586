"""The one HTTP application of the control plane that people and tools look at.

It reads only, but for `Route.changes`. One middleware decides who gets in, before a page is asked:

- A page in a browser must not ask us in its user's name: the name that the request is for (`Host`)
  must be one of ours where we are on loopback, which ends DNS rebinding, and an `Origin` must be
  the same as that name. Neither a cookie nor a token is sent along from elsewhere anyhow.
- A bearer token, or the cookie of a login that had one (heddle/debug/sessions.py), is shown to the
  guard with what the page is about.

Bodies are never read. Requests are bounded in number and time.
"""

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from socket import socket
from typing import Final
from urllib.parse import urlsplit

import structlog
from aiohttp import web

from ca.secret import Token
from heddle.debug.guard import Caller, Guard, NotAllowed, NotAuthenticated, Refused, bearer
from heddle.debug.routes import Access, Route
from heddle.debug.sessions import COOKIE, Sessions

log = structlog.get_logger(__name__)

AT_ONCE = 32
"""Requests that are being answered; one more is sent away."""
ENDLESS_AT_ONCE = 64
"""Pages that listen."""
SECONDS = 30.0
"""For an answer."""
STOP_SECONDS = 1.0
_READING: Final = ("GET", "HEAD")
_CHANGING: Final = ("POST",)
_SAFE: Final[Mapping[str, str]] = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Of every answer."""


class Door:
    """The middleware. `hosts`: the names that a request may be for; any if there are none.
    `neighbours`: who connects from this very machine may see what is for neighbours. `remote`: who
    connects from elsewhere may see more than what is for anybody.
    """

    def __init__(
        self,
        routes: Iterable[Route],
        guard: Guard,
        sessions: Sessions,
        *,
        hosts: frozenset[str] = frozenset(),
        neighbours: bool = False,
        remote: bool = False,
    ) -> None:
        self._routes = {route.path: route for route in routes}
        self._guard = guard
        self._sessions = sessions
        self._hosts = hosts
        self._neighbours = neighbours
        self._remote = remote
        self._answering = 0
        self._listening = 0

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        """The answer to a request, whoever it is from."""
        try:
            answer = await self._answered(request)
        except Refused as refused:
            answer = web.Response(status=refused.status, text=f"{refused}\n")
            if refused.status == NotAuthenticated.status:
                answer.headers["WWW-Authenticate"] = "Bearer"
        except web.HTTPException as error:
            error.headers.update(_SAFE)
            raise
        except TimeoutError:
            answer = web.Response(status=504, text="it took too long\n")
        if not answer.prepared:
            for name, value in _SAFE.items():
                answer.headers.setdefault(name, value)
        return answer

    async def _answered(self, request: web.Request) -> web.StreamResponse:
        resource = request.match_info.route.resource
        route = self._routes.get(resource.canonical if resource is not None else "")
        if request.method not in (methods := _methods(route)):
            raise web.HTTPMethodNotAllowed(request.method, methods)
        self._check_browser(request)
        if route is None:
            raise web.HTTPNotFound(text="there is no such page\n")
        caller = await self._caller(request, route)
        return await (self._listened if route.endless else self._bounded)(request, route, caller)

    def _check_browser(self, request: web.Request) -> None:
        host = host_of(request.host)
        if self._hosts and host not in self._hosts:
            raise NotAllowed(f"this is not {host}: open it by its address")
        origin = request.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc != request.host:
            raise NotAllowed("a page of another origin may not ask")
        if request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
            raise NotAllowed("a page of another site may not ask")

    async def _caller(self, request: web.Request, route: Route) -> Caller | None:
        if route.access is Access.ANYBODY:
            return None
        if not self._remote and not is_loopback(request.remote or ""):
            # There is no TLS here: a token must not go over a network, unless somebody wants so.
            raise NotAllowed("this is shown on this very machine only: ask through a port-forward")
        token = bearer(request.headers) or self._of_cookie(request, route)
        if token is not None:
            return await self._guard(token, route.scope(request))
        if route.access is Access.NEIGHBOUR and self._neighbours and _is_neighbour(request):
            return None
        raise NotAuthenticated("show a bearer token, or come by `heddle dashboard`")

    def _of_cookie(self, request: web.Request, route: Route) -> Token | None:
        return None if route.changes else self._sessions.token(request.cookies.get(COOKIE, ""))

    async def _bounded(
        self, request: web.Request, route: Route, caller: Caller | None
    ) -> web.StreamResponse:
        if self._answering >= AT_ONCE:
            raise web.HTTPServiceUnavailable(text="too much is asked: try again\n")
        self._answering += 1
        try:
            async with asyncio.timeout(SECONDS):
                return await route.answer(request, caller)
        finally:
            self._answering -= 1

    async def _listened(
        self, request: web.Request, route: Route, caller: Caller | None
    ) -> web.StreamResponse:
        if self._listening >= ENDLESS_AT_ONCE:
            raise web.HTTPServiceUnavailable(text="too many listen: try again\n")
        self._listening += 1
        try:
            return await route.answer(request, caller)
        finally:
            self._listening -= 1


def application(routes: Sequence[Route], door: Door) -> web.Application:
    """All pages behind the door."""

    @web.middleware
    async def guarded(request: web.Request, handler: object) -> web.StreamResponse:
        del handler  # the door knows the route: what it does not know is answered there
        return await door(request)

    app = web.Application(middlewares=[guarded], client_max_size=1)
    for route in routes:
        for method in _methods(route):
            app.router.add_route(method, route.path, _unreachable)
    return app


def _methods(route: Route | None) -> Sequence[str]:
    return _CHANGING if route is not None and route.changes else _READING


async def _unreachable(request: web.Request) -> web.StreamResponse:
    raise web.HTTPNotFound  # the door answers before this is asked


@asynccontextmanager
async def listening(app: web.Application, listener: socket) -> AsyncIterator[int]:
    """Answers at a socket that listens; the port."""
    runner = web.AppRunner(
        app, access_log=None, shutdown_timeout=STOP_SECONDS, auto_decompress=False
    )
    await runner.setup()
    try:
        await web.SockSite(runner, listener).start()
        yield int(listener.getsockname()[1])
    finally:
        await runner.cleanup()


def host_of(named: str) -> str:
    """The host of a `Host` header, without the port, in lower case."""
    try:
        return (urlsplit(f"//{named}").hostname or "").lower()
    except ValueError:
        return ""


def hosts_of(address: str) -> frozenset[str]:
    """The names that a browser may have for us at this address: any, if it is not loopback."""
    return frozenset({"localhost", "127.0.0.1", "::1"}) if is_loopback(address) else frozenset()


def is_loopback(address: str) -> bool:
    """Whether only this machine reaches it."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def _is_neighbour(request: web.Request) -> bool:
    """Whether it comes from this machine, and is no page that a browser was tricked into."""
    return is_loopback(request.remote or "") and bool(hosts_of(host_of(request.host)))
