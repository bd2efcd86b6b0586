"""What a cloud's load balancer does, on this machine: Services of type LoadBalancer are reached
from outside of the mesh, at a port of the loopback interface.
"""

import asyncio
import itertools
import socket
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from crds.core import Service
from crds.kinds import Object
from crds.meta import Key
from mesh import hosts
from mesh.mesh import Mesh
from mesh.service_endpoints import endpoints_of

LOOPBACK = "127.0.0.1"
_UNPRIVILEGED = 1024
_INSTEAD = 8000
"""What is added to a port that only root may have: 80 becomes 8080, 443 becomes 8443."""

Listen = Callable[[str, int], socket.socket]
"""Makes a listening socket at an address and port; 0 lets the system choose."""
Target = tuple[str, int]


@dataclass(frozen=True, slots=True, order=True)
class Way:
    """One port of a Service, given as namespace/name."""

    service: str
    port: int
    name: str = ""

    @property
    def scheme(self) -> str:
        """What it speaks, by the name of the port."""
        return self.name.partition("-")[0] if self.name.startswith("http") else "tcp"


def ways(objects: Iterable[tuple[Key, Object]], mesh: Mesh) -> Mapping[Way, tuple[Target, ...]]:
    """The ports of all Services of type LoadBalancer, each with the endpoints that are ready."""
    found: dict[Way, tuple[Target, ...]] = {}
    for key, service in objects:
        if not isinstance(service, Service) or service.type != "LoadBalancer":
            continue
        host = hosts.fqdn(key.name, key.namespace)
        known = next((each for each in mesh.services.at(host) if each.key == key), None)
        endpoints = endpoints_of(mesh.endpoints, known) if known else {}
        for port in service.ports:
            ready = (each for each in endpoints.get(port.port, ()) if each.healthy)
            way = Way(f"{key.namespace}/{key.name}", port.port, port.name)
            found[way] = tuple((each.address, each.port) for each in ready)
    return found


class Doors:
    """The ports that are open. A connection goes to the endpoints in turn."""

    def __init__(self, listen: Listen) -> None:
        self._listen = listen
        self._open: dict[Way, _Door] = {}

    async def lead(self, wanted: Mapping[Way, Sequence[Target]]) -> None:
        """Opens and closes what it takes, so that each way that is `wanted` leads to its targets,
        and none else is open.
        """
        for way in self._open.keys() - wanted.keys():
            await self._open.pop(way).close()
        for way in sorted(wanted):
            if way not in self._open:
                door = _Door()
                await door.open(self._socket(way))
                self._open[way] = door
            self._open[way].targets = tuple(wanted[way])

    def _socket(self, way: Way) -> socket.socket:
        port = way.port if way.port >= _UNPRIVILEGED else way.port + _INSTEAD
        try:
            return self._listen(LOOPBACK, port)
        except OSError:  # somebody else has it
            return self._listen(LOOPBACK, 0)

    async def close(self) -> None:
        """Closes all of them, and every connection."""
        await self.lead({})

    def urls(self) -> Mapping[str, str]:
        """The Service behind each URL."""
        return {
            f"{way.scheme}://{LOOPBACK}:{door.port}": way.service
            for way, door in sorted(self._open.items(), key=lambda pair: pair[0])
        }


class _Door:
    """One listening socket."""

    def __init__(self) -> None:
        self.targets: tuple[Target, ...] = ()
        self.port = 0
        self._turns = itertools.count()
        self._server: asyncio.Server | None = None
        self._connections: set[StreamWriter] = set()

    async def open(self, listening: socket.socket) -> None:
        self.port = int(listening.getsockname()[1])
        self._server = await asyncio.start_server(self._connected, sock=listening)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in tuple(self._connections):
            writer.close()

    async def _connected(self, reader: StreamReader, writer: StreamWriter) -> None:
        self._connections.add(writer)
        try:
            with suppress(OSError):
                await self._carry(reader, writer)
        finally:
            self._connections.discard(writer)
            writer.close()

    async def _carry(self, reader: StreamReader, writer: StreamWriter) -> None:
        if not self.targets:
            return
        host, port = self.targets[next(self._turns) % len(self.targets)]
        inner, outer = await asyncio.open_connection(host, port)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_copy(reader, outer))
                group.create_task(_copy(inner, writer))
        finally:
            outer.close()


async def _copy(reader: StreamReader, writer: StreamWriter) -> None:
    """One direction; the other one goes on when this one ends."""
    with suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
