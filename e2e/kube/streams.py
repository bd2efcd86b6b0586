"""Port-forwards into pods, as a kubelet serves them to the API server.

The program `kubelet` of scripts/kube speaks to the API server, with the library that kubelets have
for it; pods are entered from here.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from heddle.cli.dashboard import copied
from heddle.local.runner import Runner
from tests.kube.authority import ClusterAuthority
from tests.kube.process import Running
from tests.kube.programs import KUBELET, program

PORT = 10250
"""Of kubelets."""
SOCKET = "streams.sock"
_CONNECT_SECONDS = 5.0


@contextmanager
def kubelet(authority: ClusterAuthority, address: str, folder: Path) -> Iterator[None]:
    """Answers the API server at this address of the machine, while the block runs."""
    chain, key = authority.server(KUBELET, (address,), ())
    at = f"{address}:{PORT}"
    with Running((program(KUBELET), at, chain, key, authority.root, folder / SOCKET), folder):
        yield


@asynccontextmanager
async def pods_entered(runner: Runner, folder: Path) -> AsyncIterator[None]:
    """Has that program enter pods, while the block runs."""

    async def entered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            pod, _, port = (await reader.readline()).decode().partition(" ")
            connected = await _connected(runner, pod, int(port), writer)
            if connected is not None:
                there, back = await asyncio.open_connection(sock=connected)
                async with asyncio.TaskGroup() as group:
                    group.create_task(copied(reader, back))
                    group.create_task(copied(there, writer))
        except* OSError:
            pass  # one of both ends has left
        finally:
            writer.close()

    async with await asyncio.start_unix_server(entered, folder / SOCKET):
        yield


async def _connected(
    runner: Runner, pod: str, port: int, writer: asyncio.StreamWriter
) -> socket.socket | None:
    """A connection into a pod; whether there is one is said first."""
    try:
        connected = await runner.connect(pod, port, _CONNECT_SECONDS)
    except OSError as error:
        writer.write(f"{error}\n".encode())
        await writer.drain()
        return None
    connected.setblocking(False)
    writer.write(b"ok\n")
    return connected
