"""The page of a control plane, at an address of this machine."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from heddle.debug.run_file import running
from heddle.debug.serving import DebugSettings, debugging
from heddle.page.routes import page_routes
from heddle.proxies.admin import ToAdmin
from tests.features.plane import Plane


@dataclass
class Site:
    """Where it is, and what lets one in."""

    base: str
    token: str
    session: aiohttp.ClientSession

    @property
    def bearer(self) -> Mapping[str, str]:
        """The header that lets one in."""
        return {"Authorization": f"Bearer {self.token}"}

    async def get(self, path: str, **headers: str) -> tuple[aiohttp.ClientResponse, str]:
        """The answer and its text, for who may see all."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.session.get(self.base + path, headers={**self.bearer, **given}) as answer:
            return answer, await answer.text()

    async def login(self) -> str:
        """An address that lets a browser in, once."""
        answer, _ = await self.get("/login/invitation")
        return self.base + str((await answer.json())["path"])


@asynccontextmanager
async def showing(
    plane: Plane, folder: Path, to_admin: ToAdmin | None = None
) -> AsyncIterator[Site]:
    """`folder` is for its run file, `to_admin` leads to proxies."""
    clients = plane.server.clients
    settings = DebugSettings(
        listener=socket.create_server(("127.0.0.1", 0)),
        host="127.0.0.1",
        source="/mesh",
        run_files=folder / "runs",
    )
    routes = page_routes(plane.control, clients, "/mesh", to_admin)
    async with (
        debugging(settings, plane.control, clients, routes),
        aiohttp.ClientSession() as session,
    ):
        (run,) = await asyncio.to_thread(running, folder / "runs")
        yield Site(f"http://{run.address}", run.token.reveal().decode(), session)
