"""The proxies' process: any number of simulated sidecars, each on a connection of its own."""

import asyncio
import ssl
import time
from multiprocessing.connection import Connection

from bench import shapes
from bench.http2 import GrpcStream, StreamOver
from bench.loop import Turns
from bench.messages import Collect, Connect, Count, Disconnect, Done, Expect, Received
from bench.proxy import Memory, Proxy, node
from bench.server import LOOPBACK
from bench.wire import Garbled
from bench.worker import obey
from ca.serving import SERVER_NAME
from xds.types import VHDS

PATH = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"


async def fleet(connection: Connection, _: Turns) -> None:
    """The body of the worker."""
    await obey(connection, Fleet().handle)


class Fleet:
    """Obeys the commands to the proxies."""

    def __init__(self) -> None:
        self._tally = _Tally()
        self._memory = Memory()
        self._sidecars: list[_Sidecar] = []
        self._numbers = 0

    async def handle(self, command: object) -> object:
        match command:
            case Connect():
                return await self._connect(command)
            case Disconnect():
                return await self._disconnect()
            case Expect():
                return self._expect(command)
            case Collect():
                return await self._tally.finished()
            case Count():
                return self._tally.received()
            case _:
                raise TypeError(f"the proxies know no {command!r}")

    async def _connect(self, command: Connect) -> Received:
        wanted = {kind: n for kind, n in command.server.resources.items() if n}
        context = _context(command.server.root_pem) if command.tls else None
        self._tally.begin(command.count)
        async with asyncio.TaskGroup() as tasks:
            for _ in range(command.count):
                home = shapes.namespace(self._numbers % command.namespaces)
                self._numbers += 1
                proxy = Proxy(self._memory, wanted, inline=VHDS not in wanted)
                hello = proxy.hello(node(self._numbers, home, shapes.CLIENT_LABELS))
                tokens = command.server.tokens
                token = tokens[self._numbers - 1] if tokens else ""
                stream = _stream(token, tls=command.tls)
                sidecar = _Sidecar(proxy, home, hello, self._tally, stream)
                self._sidecars.append(sidecar)
                tasks.create_task(_open(sidecar, command.server.port, context))
        return await self._tally.finished()

    async def _disconnect(self) -> Done:
        for sidecar in self._sidecars:
            sidecar.leave()
        self._sidecars.clear()
        await asyncio.sleep(0)
        return Done()

    def _expect(self, command: Expect) -> Done:
        concerned = [s for s in self._sidecars if command.namespace in (None, s.home)]
        self._tally.begin(len(concerned))
        for sidecar in concerned:
            sidecar.expect(command.marks)
        return Done()


def _stream(token: str, *, tls: bool) -> GrpcStream:
    scheme = "https" if tls else "http"
    return GrpcStream(path=PATH, authority=SERVER_NAME, scheme=scheme, token=token)


async def _open(sidecar: "_Sidecar", port: int, context: ssl.SSLContext | None) -> None:
    loop = asyncio.get_running_loop()
    name = SERVER_NAME if context else None
    await loop.create_connection(lambda: sidecar, LOOPBACK, port, ssl=context, server_hostname=name)


class _Tally:
    """How many are still waiting, and what all of them have received."""

    def __init__(self) -> None:
        self.responses = 0
        self.size = 0
        self._began = self._first = self._last = 0
        self._concerned = self._waiting = 0
        self._cpu = 0.0
        self._changed = asyncio.Event()
        self._lost: str | None = None

    def begin(self, waiting: int) -> None:
        self.responses = self.size = 0
        self._began, self._first, self._last = time.monotonic_ns(), 0, 0
        self._concerned = self._waiting = waiting
        self._cpu = time.process_time()
        self._changed.clear()

    def arrived(self, at: int) -> None:
        """One more has all that it expects."""
        self._first = self._first or at
        self._last = at
        self._waiting -= 1
        if self._waiting <= 0:
            self._changed.set()

    def lost(self, why: str) -> None:
        """A connection ended that was to stay."""
        self._lost = why
        self._changed.set()

    async def finished(self) -> Received:
        await self._changed.wait()
        if self._lost is not None:
            raise RuntimeError(f"a proxy lost its stream: {self._lost}")
        return self.received()

    def received(self) -> Received:
        return Received(
            began=self._began,
            first=self._first,
            last=self._last,
            concerned=self._concerned,
            responses=self.responses,
            size=self.size,
            cpu=time.process_time() - self._cpu,
        )


class _Sidecar(asyncio.Protocol):
    """A proxy's socket."""

    def __init__(
        self, proxy: Proxy, home: str, hello: bytes, tally: _Tally, stream: GrpcStream
    ) -> None:
        self.home = home
        self._proxy = proxy
        self._hello = hello
        self._tally = tally
        self._stream = stream
        self._transport: asyncio.Transport | None = None
        self._marks: list[tuple[str, bytes]] = []
        self._synced = self._leaving = False

    def expect(self, marks: tuple[tuple[str, bytes], ...]) -> None:
        self._marks = list(marks)

    def leave(self) -> None:
        self._leaving = True
        if self._transport is not None:
            self._transport.abort()  # TLS would wait for the other side to say goodbye

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not isinstance(transport, asyncio.Transport):
            raise TypeError("a stream's transport is needed")
        self._transport = transport
        self._stream.send(self._hello)
        transport.write(self._stream.take())

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._leaving:
            self._tally.lost(repr(exc) if exc else "closed")

    def data_received(self, data: bytes) -> None:
        now = time.monotonic_ns()
        try:
            for body in self._stream.feed(data):
                self._take(body, now)
        except (StreamOver, Garbled) as error:
            self._tally.lost(str(error))
            self.leave()
            return
        out = self._stream.take()
        if out and self._transport is not None:
            self._transport.write(out)

    def _take(self, body: bytes, now: int) -> None:
        head, requests = self._proxy.receive(body)
        for request in requests:
            self._stream.send(request)
        self._tally.responses += 1
        self._tally.size += len(body)
        if not self._synced:
            if self._proxy.is_synced():
                self._synced = True
                self._tally.arrived(now)
        elif self._marks:
            found = [m for m in self._marks if m[0] == head.type_url and m[1] in body]
            for mark in found:
                self._marks.remove(mark)
            if found and not self._marks:
                self._tally.arrived(now)


def _context(root_pem: bytes) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=root_pem.decode())
    context.set_alpn_protocols(["h2"])
    return context
