"""The gRPC server: the only code here that owns a socket.

A client is authenticated before a byte of its requests is read, then asked who it is, then served
by a `DeltaStream` or a `SotwStream`. Responses are bytes already, so gRPC serialises nothing.
"""

import asyncio
import random  # noqa: TID251 - only as the default of an argument
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Final

import grpc
import structlog
from envoy.service.discovery.v3 import discovery_pb2

from xds.admission import Admission
from xds.ages import stream_age
from xds.auth import Authenticator, Identity, Inspector, Resolver, Selection, nobody
from xds.csds import ClientStatusService
from xds.errors import (
    Forbidden,
    NotReady,
    Reconnect,
    StreamEnded,
    TooMuch,
    Unauthenticated,
    UnknownPart,
)
from xds.gate import Gate
from xds.headers import headers
from xds.metrics import Metrics
from xds.pacer import Pacer
from xds.publisher import Publisher
from xds.quarantine import Quarantine, release
from xds.questions import NO_SOTW, Answer, answered, questions_only
from xds.reporter import Reporter
from xds.session import Session, WriteTimeout
from xds.settings import ServerSettings, is_local, options
from xds.status import Client, Clients, ClientStatus
from xds.tls import Certificate, credentials
from xds.transport import DELTA, SOTW, Conversation, Request, Transport

__all__ = ["Server", "ServerSettings"]

log = structlog.get_logger(__name__)

_SERVICE: Final = "envoy.service.discovery.v3.AggregatedDiscoveryService"
_SHUTDOWN: Final = "the server is shutting down"
_STEP_SECONDS: Final = 0.01
_ENDED_AT_ONCE: Final = 10
"""A server that stops ends so many streams in a step, or more if there are very many."""

Context = grpc.aio.ServicerContext[bytes, bytes]
Service = Callable[[Callable[[Context], Awaitable[Identity]]], grpc.GenericRpcHandler]
"""Makes a service. It is given what says who calls, or raises a `StreamEnded` to answer with."""


class Server:
    """Serves what a publisher publishes. Belongs to one event loop."""

    def __init__(
        self,
        publisher: Publisher,
        *,
        authenticate: Authenticator,
        resolve: Resolver,
        resolve_sotw: Resolver | None = None,
        may_inspect: Inspector = nobody,
        wall: Callable[[], float],
        chance: Callable[[], float] = random.random,
        settings: ServerSettings | None = None,
        certificate: Callable[[], Certificate] | None = None,
        clients: Clients | None = None,
        metrics: Metrics | None = None,
        services: Sequence[Service] = (),
        answers: Mapping[str, Answer] | None = None,
    ) -> None:
        """`wall` gives unix seconds, `chance` numbers from 0 up to 1, `certificate` the current one
        at each handshake.

        `resolve_sotw` selects for clients that speak state of the world, which get no virtual hosts
        as resources of their own: its parts have complete route configurations. Without it, such
        clients are refused. `may_inspect` says to whom CSDS shows the status of all clients.
        `services` are the owner's own, on the same port and for the same clients. `answers` are his
        to questions on ADS, by type URL (xds/questions.py).
        """
        self._publisher = publisher
        self._authenticate = authenticate
        self._resolve = resolve
        self._resolve_sotw = resolve_sotw
        self._may_inspect = may_inspect
        self._wall = wall
        self._chance = chance
        self._settings = settings or ServerSettings()
        self._certificate = certificate
        self._metrics = metrics or Metrics()
        self._services = tuple(services)
        self._answers = dict(answers or {})
        self._sessions: dict[Session, Client] = {}
        self._streams: Counter[str] = Counter()
        self._pacer = Pacer()
        self._gate = Gate(
            Admission(at_once=self._settings.initial_syncs, patience=self._settings.sync_patience),
            self._metrics,
        )
        self._quarantine = Quarantine()
        self._ids = 0
        self._draining = False
        self._server: grpc.aio.Server | None = None
        self.clients = clients if clients is not None else Clients()

    async def start(self) -> int:
        """Listen; the port (0 for a unix socket)."""
        server = grpc.aio.server(
            options=options(self._settings), maximum_concurrent_rpcs=self._settings.max_streams
        )
        status = ClientStatusService(self.clients.snapshot, self._admit_inspector, self._wall)
        others = (make(self._identified) for make in self._services)
        server.add_generic_rpc_handlers((self._handler(), status.handler(), *others))
        address = self._settings.address
        if self._certificate is not None:
            port = server.add_secure_port(address, credentials(self._certificate))
        elif self._settings.plaintext and is_local(address):
            port = server.add_insecure_port(address)
        else:
            raise ValueError(f"{address} needs a certificate: plaintext is for loopback only")
        await server.start()
        self._server = server
        return 0 if address.startswith("unix:") else port

    async def stop(self) -> None:
        """End all streams, so that clients go elsewhere, and stop. May be called twice.

        New streams are refused at once. Those that are there end in the order in which they came,
        each with a status, over half of the time that `drain` allows; what is left then is cut off.
        """
        self._draining = True
        self._gate.close(_SHUTDOWN)
        async with asyncio.TaskGroup() as tasks:
            if self._server is not None:
                tasks.create_task(self._server.stop(self._settings.drain))
            await self._end_all()

    async def _end_all(self) -> None:
        sessions = list(self._sessions)
        steps = max(round(self._settings.drain / 2 / _STEP_SECONDS), 1)
        at_once = max(-(-len(sessions) // steps), _ENDED_AT_ONCE)
        for start in range(0, len(sessions), at_once):
            if start:
                await asyncio.sleep(_STEP_SECONDS)
            for session in sessions[start : start + at_once]:
                session.end(Reconnect(_SHUTDOWN))

    def close_streams(
        self,
        predicate: Callable[[ClientStatus], bool],
        *,
        why: str = "the configuration of this node is selected anew",
    ) -> int:
        """End the streams of the clients that `predicate` picks; how many. They reconnect."""
        picked = [s for s, client in self._sessions.items() if predicate(client.status())]
        for session in picked:
            session.end(Reconnect(why))
        return len(picked)

    def _handler(self) -> grpc.GenericRpcHandler:
        return grpc.method_handlers_generic_handler(
            _SERVICE,
            {
                "DeltaAggregatedResources": grpc.stream_stream_rpc_method_handler(self._delta),
                "StreamAggregatedResources": grpc.stream_stream_rpc_method_handler(self._sotw),
            },
        )

    async def _delta(self, _: AsyncIterator[bytes], context: Context) -> None:
        await self._converse(context, DELTA, self._resolve)

    async def _sotw(self, _: AsyncIterator[bytes], context: Context) -> None:
        if self._resolve_sotw is None and not self._answers:
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, NO_SOTW)
        else:
            await self._converse(context, SOTW, self._resolve_sotw or questions_only)

    async def _converse(
        self, context: Context, transport: Transport[Request], resolve: Resolver
    ) -> None:
        status, message = "OK", ""
        try:
            await self._stream(context, transport, resolve)
        except WriteTimeout:
            # A write is still under way, so no status can follow it: leave without one, which
            # resets the stream.
            self._metrics.write_timeouts.inc()
            self._metrics.closed.labels("CANCELLED").inc()
            raise asyncio.CancelledError from None
        except StreamEnded as reason:
            status, message = reason.status, str(reason)
        self._metrics.closed.labels(status).inc()
        if status != "OK":
            await context.abort(grpc.StatusCode[status], message)

    async def _stream(
        self, context: Context, transport: Transport[Request], resolve: Resolver
    ) -> None:
        if self._draining:
            raise Reconnect(_SHUTDOWN)
        with ExitStack() as held:
            try:
                async with asyncio.timeout(self._settings.first_request_timeout):
                    identity = await self._identify(context)
                    held.enter_context(self._counted(identity))
                    body = await _body(context)
            except TimeoutError:
                raise Reconnect("no request in time") from None
            if body is None:
                return
            ticket = await self._gate.enter()
            leave = partial(self._gate.leave, ticket)
            held.callback(leave)
            await self._serve(context, transport, resolve, identity, body, leave)

    async def _serve(
        self,
        context: Context,
        transport: Transport[Request],
        resolve: Resolver,
        identity: Identity,
        body: bytes,
        synced: Callable[[], None],
    ) -> None:
        first = transport.decoded(body)
        if isinstance(first, discovery_pb2.DiscoveryRequest) and first.type_url in self._answers:
            synced()
            await self._asked(context, first, identity)
            return
        node = transport.node_id(first)
        selection = await resolve(first.node, identity)
        try:
            session = Session(
                self.clients,
                self._pacer,
                write_timeout=self._settings.write_timeout,
                synced=synced,
            )
            stream = self._opened(transport, selection, first, identity, session)
            self._ids += 1
            client = Client(
                id=self._ids,
                node=node,
                identity=identity.name,
                peer=context.peer(),
                key=selection.key,
                since=self._wall(),
                stream=stream,
            )
            with self._connected(session, client, identity):
                await session.run(
                    client, stream.receive, first, lambda: _read(context, transport), context.write
                )
        finally:
            for key in selection.private:
                self._publisher.drop(key)

    async def _asked(
        self, context: Context, first: discovery_pb2.DiscoveryRequest, identity: Identity
    ) -> None:
        await answered(
            first,
            self._answers[first.type_url],
            identity,
            read=lambda: _read(context, SOTW),
            write=context.write,
            seconds=self._settings.questions_timeout,
        )

    def _opened(
        self,
        transport: Transport[Request],
        selection: Selection,
        first: Request,
        identity: Identity,
        session: Session,
    ) -> Conversation[Request]:
        node = transport.node_id(first)
        try:
            return transport.open(
                self._publisher,
                selection.parts,
                node=node,
                now=asyncio.get_running_loop().time(),
                wake=session.wake,
                limits=self._settings.limits,
                observer=Reporter(self._metrics, node, identity.name),
                record=self._quarantine.record(
                    (identity.name, node),
                    release=release(first.node),
                    principal=selection.principal,
                ),
            )
        except UnknownPart as error:
            raise NotReady("nothing to serve to this node yet") from error

    @contextmanager
    def _counted(self, identity: Identity) -> Iterator[None]:
        limit, name = self._settings.max_streams_per_identity, identity.name
        if limit is not None and self._streams[name] >= limit:
            raise TooMuch(f"{limit} streams of this client are open already")
        self._streams[name] += 1
        try:
            yield
        finally:
            self._streams[name] -= 1
            if not self._streams[name]:
                del self._streams[name]

    @contextmanager
    def _connected(self, session: Session, client: Client, identity: Identity) -> Iterator[None]:
        timers = tuple(self._timers(session, identity))
        self._sessions[session] = client
        self.clients.add(client)
        self._metrics.clients.inc()
        try:
            yield
        finally:
            client.stream.close()
            for timer in timers:
                timer.cancel()
            del self._sessions[session]
            self.clients.remove(client)
            self._metrics.clients.dec()

    async def _identified(self, context: Context) -> Identity:
        try:
            async with asyncio.timeout(self._settings.first_request_timeout):
                return await self._identify(context)
        except TimeoutError:
            raise Reconnect("not authenticated in time") from None

    async def _admit_inspector(self, context: Context) -> None:
        if not self._may_inspect(await self._identified(context)):
            raise Forbidden("not allowed to see the status of clients")

    async def _identify(self, context: Context) -> Identity:
        try:
            identity = await self._authenticate(
                headers(context.invocation_metadata()), context.peer()
            )
        except Unauthenticated as error:
            self._metrics.auth.labels("refused").inc()
            log.info("client refused", peer=context.peer(), reason=str(error))
            raise Unauthenticated("credentials refused") from error  # and no hint of what is wrong
        self._metrics.auth.labels("accepted").inc()
        return identity

    def _timers(self, session: Session, identity: Identity) -> Iterator[asyncio.TimerHandle]:
        """What ends the stream in time."""
        loop = asyncio.get_running_loop()
        age = stream_age(self._settings.max_connection_age, self._chance())
        yield loop.call_later(age, session.end, Reconnect("the connection is old: open another"))
        if identity.expires_at is not None:
            left = max(identity.expires_at - self._wall(), 0.0)
            reason = Reconnect("the credentials have expired: come back with new ones")
            yield loop.call_later(left, session.end, reason)


async def _body(context: Context) -> bytes | None:
    """The next message, or `None` when the client has hung up."""
    body = await context.read()
    return body if isinstance(body, bytes) else None  # else grpc.aio.EOF


async def _read(context: Context, transport: Transport[Request]) -> Request | None:
    """The next request, or `None` when the client has hung up."""
    body = await _body(context)
    return None if body is None else transport.decoded(body)
