"""The address that lets a browser in, and the way to the page of a cluster."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import aiohttp
import pytest
from typer import Exit

from ca.secret import Token
from heddle.cli.dashboard import dashboard_command, invitation, relay
from heddle.cli.reached import Connect, Reached, Unreached
from heddle.debug.sessions import ONCE_SECONDS, SESSION_SECONDS, Invitation, Sessions
from tests.fakes.clock import FakeClock
from tests.page.site import Site


def to(address: str) -> Connect:
    host, _, port = address.rpartition(":")

    @asynccontextmanager
    async def connect() -> AsyncIterator[socket.socket]:
        with await asyncio.to_thread(socket.create_connection, (host, int(port))) as made:
            yield made

    return connect


def plane(site: Site) -> Reached:
    address = site.base.removeprefix("http://")
    return Reached(name="it", connect=to(address), authorization=site.bearer["Authorization"])


async def test_a_browser_comes_to_the_page_of_a_cluster_through_this_machine(site: Site) -> None:
    """Pages, files and news, over as many connections as it likes."""
    reached = plane(site)
    jar = aiohttp.CookieJar(unsafe=True)  # it would else keep none of an address without a name
    async with relay(reached, 0) as address, aiohttp.ClientSession(cookie_jar=jar) as browser:
        base = f"http://{address}"
        async with browser.get(base + await invitation(reached)) as answer:
            assert answer.status == 200
            assert "reviews" in await answer.text()
        async with (
            browser.get(f"{base}/events") as events,
            browser.get(f"{base}/static/cytoscape.min.js") as file,
        ):
            assert await events.content.readline() == b": listening\n"
            assert len(await file.read()) > 400_000


async def test_a_way_that_ends_ends_the_connection_alone(site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        dead = f"127.0.0.1:{taken.getsockname()[1]}"
    async with relay(replace(plane(site), connect=to(dead)), 0) as address:
        for _ in range(2):
            reader, writer = await asyncio.open_connection(*address.split(":"))
            assert await reader.read() == b""
            writer.close()


async def test_a_port_that_is_taken_is_said(site: Site) -> None:
    port = int(site.base.rpartition(":")[2])
    with pytest.raises(Unreached, match=f"port {port} of this machine"):
        async with relay(plane(site), port):
            pass


def test_without_a_mesh_there_is_no_page(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Exit) as failed:
        dashboard_command(mesh="/nowhere", browser=False)
    assert failed.value.exit_code == 2
    assert "no mesh of /nowhere runs here" in capsys.readouterr().err


def test_an_address_that_is_shown_all_the_time_changes_once_it_is_used() -> None:
    clock, numbers = FakeClock(), iter(range(100))
    sessions = Sessions(clock=clock, secret=lambda: f"secret-{next(numbers)}")
    shown = Invitation(sessions, Token(b"mine"))
    first = shown.path()
    clock.advance(ONCE_SECONDS * 2)
    assert shown.path() == first
    cookie = sessions.redeem(first.partition("=")[2])
    assert cookie is not None
    assert sessions.token(cookie) == Token(b"mine")
    second = shown.path()
    assert second != first
    clock.advance(SESSION_SECONDS)
    assert shown.path() != second
