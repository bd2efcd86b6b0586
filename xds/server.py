"""The gRPC server: the only code here that owns a socket.

A client is authenticated before a byte of its requests is read, then asked who it is, then served
by a `DeltaStream` or a `SotwStream`. Responses are bytes already, so gRPC serialises nothing.
"""

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import grpc
import structlog

from xds.auth import Authenticator, Identity, Inspector, Resolver, nobody
from xds.csds import ClientStatusService
from xds.errors import Forbidden, NotReady, Reconnect, StreamEnded, Unauthenticated, UnknownPart
from xds.exchange import Nack
from xds.limits import Limits
from xds.metrics import Metrics
from xds.pacer import Pacer
from xds.publisher import Publisher
from xds.session import Session, WriteTimeout
from xds.status import Client, Clients, ClientStatus
from xds.tls import Certificate, credentials
from xds.transport import DELTA, SOTW, Request, Transport

log = structlog.get_logger(__name__)

_SERVICE: Final = "envoy.service.discovery.v3.AggregatedDiscoveryService"
_NO_SOTW: Final = "state of the world is not served: set api_type DELTA_GRPC"

Context = grpc.aio.ServicerContext[bytes, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """Bounds of the server; times in seconds, sizes in bytes."""

    address: str = "127.0.0.1:0"
    """`host:port` (port 0: any free one) or `unix:path`."""
    plaintext: bool = False
    """Serve without TLS. Refused for anything but loopback and unix sockets."""
    max_message: int = 4 << 20
    """The largest request. 20,000 resource names with their versions need 2 MiB."""
    max_metadata: int = 16 << 10
    max_streams_per_connection: int = 16
    max_streams: int = 20_000
    first_request_timeout: float = 30.0
    """From the stream's start to its first request, authentication included."""
    write_timeout: float = 30.0
    keepalive: float = 30.0
    keepalive_timeout: float = 10.0
    min_ping_interval: float = 10.0
    """Clients that ping more often are cut off."""
    max_connection_age: float = 1800.0
    """gRPC spreads it by a tenth either way, so that clients do not return all at once."""
    drain: float = 5.0
    """How long streams may take to end when the connection is too old or the server stops."""
    limits: Limits = field(default_factory=Limits)


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
        settings: ServerSettings | None = None,
        certificate: Callable[[], Certificate] | None = None,
        clients: Clients | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        """`wall` gives unix seconds; `certificate` the current one, and may change its mind.

        `resolve_sotw` selects for clients that speak state of the world, which get no virtual hosts
        as resources of their own: its parts have complete route configurations. Without it, such
        clients are refused. `may_inspect` says to whom CSDS shows the status of all clients.
        """
        self._publisher = publisher
        self._authenticate = authenticate
        self._resolve = resolve
        self._resolve_sotw = resolve_sotw
        self._may_inspect = may_inspect
        self._wall = wall
        self._settings = settings or ServerSettings()
        self._certificate = certificate
        self._metrics = metrics or Metrics()
        self._sessions: dict[Session, Client] = {}
        self._pacer = Pacer()
        self._ids = 0
        self._draining = False
        self._server: grpc.aio.Server | None = None
        self.clients = clients if clients is not None else Clients()

    async def start(self) -> int:
        """Listen; the port (0 for a unix socket)."""
        server = grpc.aio.server(
            options=_options(self._settings), maximum_concurrent_rpcs=self._settings.max_streams
        )
        status = ClientStatusService(lambda: self.clients.snapshot(), self._admit_inspector)
        server.add_generic_rpc_handlers((self._handler(), status.handler()))
        address = self._settings.address
        if self._certificate is not None:
            port = server.add_secure_port(address, credentials(self._certificate))
        elif self._settings.plaintext and _is_local(address):
            port = server.add_insecure_port(address)
        else:
            raise ValueError(f"{address} needs a certificate: plaintext is for loopback only")
        await server.start()
        self._server = server
        return 0 if address.startswith("unix:") else port

    async def stop(self) -> None:
        """End all streams, so that clients go elsewhere, and stop. May be called twice."""
        self._draining = True
        self.close_streams(lambda _: True, why="the server is shutting down")
        if self._server is not None:
            await self._server.stop(self._settings.drain)

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
        if self._resolve_sotw is None:
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, _NO_SOTW)
        else:
            await self._converse(context, SOTW, self._resolve_sotw)

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
            raise Reconnect("the server is shutting down")
        try:
            async with asyncio.timeout(self._settings.first_request_timeout):
                identity = await self._identify(context)
                first = await _read(context, transport)
        except TimeoutError:
            raise Reconnect("no request in time") from None
        if first is None:
            return
        node = transport.node_id(first)
        selection = await resolve(first.node, identity)
        session = Session(self.clients, self._pacer, write_timeout=self._settings.write_timeout)
        try:
            stream = transport.open(
                self._publisher,
                selection.parts,
                node=node,
                now=asyncio.get_running_loop().time(),
                wake=session.wake,
                limits=self._settings.limits,
                observer=_Observer(self._metrics, node, identity.name),
            )
        except UnknownPart as error:
            raise NotReady("nothing to serve to this node yet") from error
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

    @contextmanager
    def _connected(self, session: Session, client: Client, identity: Identity) -> Iterator[None]:
        expiry = self._end_at_expiry(session, identity)
        self._sessions[session] = client
        self.clients.add(client)
        self._metrics.clients.inc()
        try:
            yield
        finally:
            client.stream.close()
            if expiry is not None:
                expiry.cancel()
            del self._sessions[session]
            self.clients.remove(client)
            self._metrics.clients.dec()

    async def _admit_inspector(self, context: Context) -> None:
        try:
            async with asyncio.timeout(self._settings.first_request_timeout):
                identity = await self._identify(context)
        except TimeoutError:
            raise Reconnect("not authenticated in time") from None
        if not self._may_inspect(identity):
            raise Forbidden("not allowed to see the status of clients")

    async def _identify(self, context: Context) -> Identity:
        try:
            identity = await self._authenticate(_metadata(context), context.peer())
        except Unauthenticated as error:
            self._metrics.auth.labels("refused").inc()
            log.info("client refused", peer=context.peer(), reason=str(error))
            raise Unauthenticated("credentials refused") from error  # and no hint of what is wrong
        self._metrics.auth.labels("accepted").inc()
        return identity

    def _end_at_expiry(self, session: Session, identity: Identity) -> asyncio.TimerHandle | None:
        if identity.expires_at is None:
            return None
        left = identity.expires_at - self._wall()
        reason = Reconnect("the credentials have expired: come back with new ones")
        return asyncio.get_running_loop().call_later(max(left, 0.0), session.end, reason)


class _Observer:
    """Counts for all, and logs what a client rejects."""

    def __init__(self, metrics: Metrics, node: str, identity: str) -> None:
        self._metrics = metrics
        self._node = node
        self._identity = identity
        self.sent = metrics.sent
        self.acked = metrics.acked
        self.stale = metrics.stale

    def rejected(self, nack: Nack) -> None:
        self._metrics.rejected(nack.type_url)
        log.warning(
            "configuration rejected",
            node=self._node,
            identity=self._identity,
            type=nack.type_url,
            generation=nack.generation,
            message=nack.message,
        )


async def _read(context: Context, transport: Transport[Request]) -> Request | None:
    """The next request, or `None` when the client has hung up."""
    body = await context.read()
    return transport.decoded(body) if isinstance(body, bytes) else None  # else grpc.aio.EOF


def _metadata(context: Context) -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in context.invocation_metadata() or ():
        if isinstance(value, str):
            found[key] = f"{found[key]},{value}" if key in found else value
    return found


def _is_local(address: str) -> bool:
    if address.startswith("unix:"):
        return True
    host = address.rpartition(":")[0].strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _options(settings: ServerSettings) -> Sequence[tuple[str, int]]:
    return (
        ("grpc.max_receive_message_length", settings.max_message),
        ("grpc.max_send_message_length", -1),
        ("grpc.max_metadata_size", settings.max_metadata),
        ("grpc.absolute_max_metadata_size", settings.max_metadata),
        ("grpc.max_concurrent_streams", settings.max_streams_per_connection),
        ("grpc.keepalive_time_ms", _ms(settings.keepalive)),
        ("grpc.keepalive_timeout_ms", _ms(settings.keepalive_timeout)),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_ping_interval_without_data_ms", _ms(settings.min_ping_interval)),
        ("grpc.http2.max_ping_strikes", 2),
        ("grpc.max_connection_age_ms", _ms(settings.max_connection_age)),
        ("grpc.max_connection_age_grace_ms", _ms(settings.drain)),
        ("grpc.so_reuseport", 0),  # two servers on one port would each get some of the clients
    )


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
