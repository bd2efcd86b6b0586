"""Who gets past the door, and what the rest is told."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
import pytest
from aiohttp import web

from ca.secret import Token
from heddle.debug import application as limits
from heddle.debug.application import Door, application, hosts_of, listening
from heddle.debug.guard import Caller, NobodyToAsk, NotAllowed, NotAuthenticated, Scope
from heddle.debug.routes import Access, Route
from heddle.debug.sessions import COOKIE, Sessions
from tests.fakes.clock import FakeClock
from tests.security_rows import guards

GOOD = {"Authorization": "Bearer good"}


class OnlyShop:
    """Lets `good` see the namespace `shop`, and nothing else."""

    def __init__(self) -> None:
        self.asked: list[Scope] = []

    async def __call__(self, token: Token, scope: Scope) -> Caller:
        self.asked.append(scope)
        if token == Token(b"away"):
            raise NobodyToAsk("away")
        if token != Token(b"good"):
            raise NotAuthenticated("who?")
        if scope.namespace != "shop":
            raise NotAllowed(f"not {scope}")
        return Caller(name="somebody", token=token)


@dataclass
class Site:
    """The pages of a test, at an address."""

    base: str
    session: aiohttp.ClientSession
    guard: OnlyShop
    sessions: Sessions

    async def get(
        self, path: str, headers: Mapping[str, str] = GOOD, method: str = "GET"
    ) -> aiohttp.ClientResponse:
        async with self.session.request(method, self.base + path, headers=headers) as answer:
            await answer.read()
            return answer


async def said(request: web.Request, caller: Caller | None) -> web.StreamResponse:
    return web.Response(text=f"{request.path} for {caller.name if caller else 'anybody'}")


PAGES = (
    Route(path="/open", answer=said, access=Access.ANYBODY),
    Route(path="/mesh", answer=said),
    Route(path="/near", answer=said, access=Access.NEIGHBOUR),
    Route(path="/set", answer=said, changes=True),
)


@asynccontextmanager
async def site(
    routes: Sequence[Route] = PAGES,
    *,
    host: str = "127.0.0.1",
    neighbours: bool = False,
    remote: bool = False,
) -> AsyncIterator[Site]:
    clock, numbers, guard = FakeClock(), iter(range(1000)), OnlyShop()
    sessions = Sessions(clock=clock, secret=lambda: f"secret-{next(numbers)}")
    named = hosts_of(host)
    door = Door(routes, guard, sessions, hosts=named, neighbours=neighbours, remote=remote)
    listener = socket.create_server(("127.0.0.1", 0))
    async with (
        listening(application(routes, door), listener) as port,
        aiohttp.ClientSession() as session,
    ):
        yield Site(f"http://127.0.0.1:{port}", session, guard, sessions)


@guards("C6")
@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/open", {}, 200),
        ("/mesh?namespace=shop", GOOD, 200),
        ("/mesh?namespace=shop", {"Authorization": "bearer good"}, 200),
        ("/mesh?namespace=shop", {}, 401),
        ("/mesh?namespace=shop", {"Authorization": "Bearer bad"}, 401),
        ("/mesh?namespace=shop", {"Authorization": "Basic good"}, 401),
        ("/mesh?namespace=shop", {"Authorization": "Bearer "}, 401),
        ("/mesh?namespace=shop", {"Authorization": f"Bearer {'x' * 9000}"}, 400),
        ("/mesh?namespace=shop", {"Authorization": "Bearer away"}, 503),
        ("/mesh?namespace=other", GOOD, 403),
        ("/mesh", GOOD, 403),
        ("/near?namespace=shop", {}, 401),
        ("/other", GOOD, 404),
        ("/", {}, 404),
    ],
)
async def test_who_gets_in(path: str, headers: Mapping[str, str], status: int) -> None:
    """An open page to anybody; else with a token that may see what the page is about."""
    async with site() as there:
        answer = await there.get(path, headers)
        assert answer.status == status
        assert ("WWW-Authenticate" in answer.headers) == (status == 401)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
async def test_it_only_reads(method: str) -> None:
    async with site() as there:
        assert (await there.get("/mesh?namespace=shop", GOOD, method)).status == 405


@guards("C6")
async def test_what_changes_something_is_for_who_shows_a_token() -> None:
    """By POST, and not for a browser that was only logged in."""
    path = "/set?namespace=shop"
    async with site() as there:
        cookie = there.sessions.redeem(there.sessions.invite(Token(b"good")))
        browser = {"Cookie": f"{COOKIE}={cookie}"}
        assert (await there.get("/mesh?namespace=shop", browser)).status == 200
        assert (await there.get(path, browser, "POST")).status == 401
        assert (await there.get(path, GOOD)).status == 404
        assert (
            await there.get(path, {**GOOD, "Origin": "http://evil.example"}, "POST")
        ).status == 403
        assert (await there.get(path, GOOD, "POST")).status == 200


@guards("C6")
@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:15014"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "[::1"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
@pytest.mark.parametrize("path", ["/open", "/mesh?namespace=shop"])
async def test_a_page_of_another_site_gets_nothing(path: str, headers: Mapping[str, str]) -> None:
    """Neither by a name that leads here (DNS rebinding), nor from another origin, token or not."""
    async with site() as there:
        assert (await there.get(path, {**GOOD, **headers})).status in (400, 403)
        assert there.guard.asked == []


async def test_our_own_page_may_ask() -> None:
    async with site() as there:
        own = {"Origin": there.base, "Sec-Fetch-Site": "same-origin"}
        assert (await there.get("/mesh?namespace=shop", {**GOOD, **own})).status == 200
        local = {"Host": "localhost:80", "Sec-Fetch-Site": "none"}
        assert (await there.get("/mesh?namespace=shop", {**GOOD, **local})).status == 200


@pytest.mark.parametrize(
    ("neighbours", "host", "status"),
    [(True, "localhost:15014", 200), (True, "evil.example", 401), (False, "localhost", 401)],
)
async def test_a_neighbour_is_let_in_if_the_operator_wants_so(
    neighbours: bool, host: str, status: int
) -> None:
    """Who port-forwards to the pod comes from its loopback; a browser must not be tricked into
    it. Nothing but what is for neighbours is open to him.
    """
    async with site(host="0.0.0.0", neighbours=neighbours) as there:
        assert (await there.get("/near", {"Host": host})).status == status
        assert (await there.get("/mesh?namespace=shop", {"Host": host})).status == 401


@pytest.mark.parametrize(("remote", "status"), [(False, 403), (True, 200)])
async def test_a_token_does_not_go_over_a_network_unless_the_operator_wants_so(
    monkeypatch: pytest.MonkeyPatch, remote: bool, status: int
) -> None:
    """From elsewhere only what is for anybody is shown: there is no TLS."""
    monkeypatch.setattr(limits, "is_loopback", lambda address: False)
    async with site(host="0.0.0.0", neighbours=True, remote=remote) as there:
        assert (await there.get("/mesh?namespace=shop")).status == status
        assert (await there.get("/open")).status == 200
        assert (await there.get("/near", {})).status == (401 if remote else 403)


async def test_a_browser_logs_in_once() -> None:
    """The address works once; the cookie has what the token has, and no more."""
    async with site() as there:
        once = there.sessions.invite(Token(b"good"))
        cookie = there.sessions.redeem(once)
        assert there.sessions.redeem(once) is None
        shown = {"Cookie": f"heddle-session={cookie}"}
        assert (await there.get("/mesh?namespace=shop", shown)).status == 200
        assert (await there.get("/mesh?namespace=other", shown)).status == 403
        guess = {"Cookie": "heddle-session=secret-9"}
        assert (await there.get("/mesh?namespace=shop", guess)).status == 401


async def test_nothing_is_kept_or_framed_by_a_browser() -> None:
    async with site() as there:
        for path in ("/open", "/mesh", "/other"):
            answer = await there.get(path, {})
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_there_is_an_end_to_what_is_answered_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "AT_ONCE", 1)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(request: web.Request, caller: Caller | None) -> web.StreamResponse:
        begun.set()
        await go_on.wait()
        return web.Response()

    async with site([Route(path="/slow", answer=slow, access=Access.ANYBODY)]) as there:
        async with asyncio.TaskGroup() as group:
            first = group.create_task(there.get("/slow"))
            await begun.wait()
            assert (await there.get("/slow")).status == 503
            go_on.set()
        assert first.result().status == 200


async def test_there_is_an_end_to_the_time_of_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SECONDS", 0.01)

    async def never(request: web.Request, caller: Caller | None) -> web.StreamResponse:
        await asyncio.Event().wait()
        return web.Response()

    async with site([Route(path="/never", answer=never, access=Access.ANYBODY)]) as there:
        assert (await there.get("/never")).status == 504


def test_a_session_ends() -> None:
    clock, numbers = FakeClock(), iter(range(1000))
    sessions = Sessions(clock=clock, secret=lambda: f"secret-{next(numbers)}")
    once = sessions.invite(Token(b"t"))
    clock.advance(61)
    assert sessions.redeem(once) is None
    cookie = sessions.redeem(sessions.invite(Token(b"t")))
    assert cookie is not None
    assert sessions.token(cookie) == Token(b"t")
    clock.advance(9 * 3600)
    assert sessions.token(cookie) is None
