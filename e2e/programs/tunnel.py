"""An HTTP proxy that connects its clients to where they ask to go, by CONNECT or POST.

`PORT`. It puts what it was asked for before the first bytes of the target, so that a test sees the
way that was taken.
"""

import asyncio
import os
import signal
from asyncio import IncompleteReadError, StreamReader, StreamWriter
from collections.abc import Mapping
from contextlib import suppress


async def _serve(reader: StreamReader, writer: StreamWriter) -> None:
    try:
        asked = (await reader.readuntil(b"\r\n\r\n")).decode()
        method = asked.split()[0]
        host = dict(line.lower().split(": ", 1) for line in asked.split("\r\n")[1:] if line)["host"]
        name, _, port = host.rpartition(":")
        there, back = await asyncio.open_connection(name, int(port))
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + f"{method} {host} ".encode())
        async with asyncio.TaskGroup() as group:
            carry = _carry if method == "CONNECT" else _carry_chunks
            group.create_task(carry(reader, back))
            group.create_task(_carry(there, writer))
    except (OSError, IncompleteReadError):
        pass
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def _carry(reader: StreamReader, writer: StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def _carry_chunks(reader: StreamReader, writer: StreamWriter) -> None:
    """The body of a POST request."""
    while size := int(await reader.readline(), 16):
        writer.write((await reader.readexactly(size + 2))[:-2])
        await writer.drain()
    writer.close()


async def serve(environment: Mapping[str, str]) -> None:
    """Serves until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    host = environment.get("POD_IP") or "0.0.0.0"
    async with await asyncio.start_server(_serve, host, int(environment.get("PORT", "3128"))):
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(serve(os.environ))
