"""The pages of a control plane, for its own user."""

import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from heddle.debug.run_file import running
from heddle.debug.serving import DebugSettings, debugging
from heddle.every_page import every_page
from heddle.proxies.admin import ToAdmin
from tests.features.plane import Plane


@dataclass(frozen=True, slots=True)
class Debugged:
    """What a test asks."""

    base: str
    session: aiohttp.ClientSession

    async def text(self, path: str, status: int = 200) -> str:
        """What a page says."""
        async with self.session.get(self.base + path) as answer:
            said = await answer.text()
            assert answer.status == status, said
            return said

    async def json(self, path: str) -> object:
        """What a page says as JSON."""
        return json.loads(await self.text(path))


@asynccontextmanager
async def debugged(
    plane: Plane, folder: Path, to_admin: ToAdmin | None = None
) -> AsyncIterator[Debugged]:
    """`folder` is for the run file."""
    settings = DebugSettings(
        listener=socket.create_server(("127.0.0.1", 0)),
        host="127.0.0.1",
        source="a test",
        to_admin=to_admin,
        run_files=folder / "meshes",
    )
    more = every_page(plane.control, plane.server.clients, "a test", to_admin)
    async with debugging(settings, plane.control, plane.server.clients, more) as shown_at:
        (run,) = running(folder / "meshes")
        shown = {"Authorization": f"Bearer {run.token.reveal().decode()}"}
        async with aiohttp.ClientSession(headers=shown) as session:
            yield Debugged(f"http://127.0.0.1:{shown_at.port}", session)
