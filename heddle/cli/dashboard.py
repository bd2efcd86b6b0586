"""`heddle dashboard`: opens the page of a mesh that runs, in a browser, logged in.

On this machine that is all. The page of a cluster is reached through the API server, for as long as
the command runs: a port of this machine's loopback leads there, with nothing of our own in between.
"""

import asyncio
import json
import sys
import webbrowser
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Annotated, Final

import typer

from heddle.cli.reach import Where, ask
from heddle.cli.reached import Reached, Unreached
from heddle.cli.where import reaching
from heddle.debug.addresses import INVITATION
from sources.errors import ApiError

_LOOPBACK: Final = "127.0.0.1"
_CHUNK: Final = 1 << 16


@reaching
def dashboard_command(
    port: Annotated[
        int, typer.Option("-p", "--port", min=0, max=65535, help="Of this machine; 0: a free one.")
    ] = 0,
    browser: Annotated[
        bool, typer.Option(help="Open a browser, or only print the address.")
    ] = True,
    *,
    where: Where,
) -> None:
    """Open the page of a mesh that runs: sync, configuration, proxies.

    The address that is printed works once, for a minute.
    """
    with suppress(KeyboardInterrupt):
        ask(where, partial(_shown, port=port, browser=browser))


async def _shown(plane: Reached, *, port: int, browser: bool) -> None:
    if plane.address:
        await _opened(plane, plane.address, browser=browser)
        return
    async with relay(plane, port) as address:
        await _opened(plane, address, browser=browser)
        typer.echo(f"{plane.name} is there until Ctrl-C.", err=True)
        await asyncio.Event().wait()


async def _opened(plane: Reached, address: str, *, browser: bool) -> None:
    url = f"http://{address}{await invitation(plane)}"
    typer.echo(url)
    sys.stdout.flush()
    if browser and not await asyncio.to_thread(webbrowser.open, url):
        typer.echo("There is no browser to open: this address works once, for a minute.", err=True)


async def invitation(plane: Reached) -> str:
    """The path that lets a browser in, once. Raises `Unreached`."""
    answer = await plane.get(INVITATION)
    with suppress(ValueError):
        said = json.loads(answer.body)
        if isinstance(said, dict) and isinstance(path := said.get("path"), str):
            return path
    raise Unreached(f"{plane.name} has no page: is it an older release?")


@asynccontextmanager
async def relay(plane: Reached, port: int) -> AsyncIterator[str]:
    """Has a port of this machine (0: a free one) lead to a control plane; its address. Raises
    `Unreached` if the port cannot be had.
    """

    async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with plane.connect() as connected:
                there, back = await asyncio.open_connection(sock=connected)
                async with asyncio.TaskGroup() as group:
                    group.create_task(copied(reader, back))
                    group.create_task(copied(there, writer))
        except* (OSError, ApiError):
            pass  # the browser sees a connection that ends, and says so
        finally:
            writer.close()

    try:
        server = await asyncio.start_server(accepted, _LOOPBACK, port)
    except OSError as error:
        raise Unreached(f"port {port} of this machine: {error}") from error
    async with server:
        yield f"{_LOOPBACK}:{server.sockets[0].getsockname()[1]}"


async def copied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """All that one side says, to the other; then that it has ended."""
    while data := await reader.read(_CHUNK):
        writer.write(data)
        await writer.drain()
    writer.close()
