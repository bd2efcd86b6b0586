"""One delta ADS stream, without I/O: requests go in, responses come out.

The order of a push is that of `PUSH_ORDER`. What refers to clusters follows them: a type is served
up to a generation only when all types before it were, and routes and listeners wait while added
clusters are un-acknowledged, because Envoy withholds that ACK until the clusters are warm (X-29).
A cluster's removal waits for the ACK of the routes and listeners that let go of it (X-81). Both
waits end after a grace period, so that one stuck cluster never freezes a client.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, Protocol

from envoy.service.discovery.v3 import discovery_pb2

from xds import subscription as subscriptions
from xds.errors import BadRequest, Reconnect
from xds.exchange import NEVER, Exchange, InFlight, Nack, printable
from xds.interest import NO_NAMES, Again, Interest, root
from xds.publisher import PartKey, Publisher
from xds.removals import Withheld
from xds.resource import framed_absence, framed_nonce, framed_removals, framed_type
from xds.slices import NO_SLICE, Chunk, Slice
from xds.subscription import NameLimits
from xds.types import CDS, EDS, LDS, PUSH_ORDER, RDS, REFERRING_TYPES, SDS, VHDS

_UNKNOWN_TYPES: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The patience of a stream, in seconds, and its bounds."""

    grace: float = 5.0
    """How long routes wait for warming clusters, and removed clusters for routes."""
    ack_timeout: float = 60.0
    """How long a response may stay unanswered while there is something to send after it."""
    cluster_window: int = 8
    """Un-acknowledged CDS responses: Envoy withholds their ACKs while clusters warm (X-130)."""
    names: NameLimits = field(default_factory=NameLimits)


class Observer(Protocol):
    """Is told what happens on a stream, for metrics and logs."""

    def sent(self, type_url: str, size: int) -> None:
        """A response of `size` bytes was handed out."""

    def acked(self, type_url: str, seconds: float) -> None:
        """The client accepted a response after that time."""

    def rejected(self, nack: Nack) -> None:
        """The client rejected a response."""

    def stale(self, type_url: str) -> None:
        """The client answered a response that this stream is not waiting for."""


class NoObserver:
    """Tells nobody."""

    def sent(self, type_url: str, size: int) -> None:
        """See `Observer`."""

    def acked(self, type_url: str, seconds: float) -> None:
        """See `Observer`."""

    def rejected(self, nack: Nack) -> None:
        """See `Observer`."""

    def stale(self, type_url: str) -> None:
        """See `Observer`."""


def node_id(request: discovery_pb2.DeltaDiscoveryRequest) -> str:
    """The node that the first request of a stream must name (X-03)."""
    if not request.node.id:
        raise BadRequest("the first request on a stream needs node.id")
    return request.node.id


class DeltaStream:
    """The server's half of one delta ADS stream. All times are of one clock, in seconds."""

    def __init__(
        self,
        publisher: Publisher,
        parts: Iterable[PartKey],
        *,
        node: str,
        now: float,
        wake: Callable[[], None] = lambda: None,
        limits: Limits | None = None,
        observer: Observer | None = None,
    ) -> None:
        self._publisher = publisher
        self._watch = publisher.watch(parts, wake)
        self._node = node
        self._started = now
        self._limits = limits or Limits()
        self._observer: Observer = observer or NoObserver()
        self._exchanges: dict[str, Exchange] = {}
        self._unknown: dict[str, frozenset[str]] = {}
        self._nonces = 0
        self._roots = NO_NAMES
        self._new_roots = NO_NAMES
        self._sent_endpoint_names = NO_NAMES
        self._cluster_strays = NO_NAMES
        self._withheld = Withheld()
        self._wakeup: float | None = None
        self._waiting = False

    def close(self) -> None:
        """Give up the parts. May be called twice."""
        self._watch.close()

    def next_wakeup(self) -> float | None:
        """When to poll even if nothing happens before; as of the last poll."""
        return self._wakeup

    def exchanges(self) -> Iterator[Exchange]:
        """The state of each type that the client asked for, to look at."""
        return iter(self._exchanges.values())

    def acknowledged(self) -> int:
        """The newest generation that the client has accepted all of; NEVER before its first ACK.

        What the client has not asked for does not count, and what does not concern it is accepted.
        """
        if not self._exchanges:
            return NEVER
        lowest = self._publisher.generation
        for exchange in self._exchanges.values():
            if not exchange.settled:
                lowest = min(lowest, exchange.acked)
        clusters = self._exchanges.get(CDS)
        if clusters is not None and (self._withheld or _last_removal(clusters) > clusters.removed):
            lowest = min(lowest, clusters.removed)
        return lowest

    # --- what the client says ---

    def receive(self, request: discovery_pb2.DeltaDiscoveryRequest, now: float) -> bool:
        """Take a request; whether `poll` may have something to send because of it."""
        if request.node.id and request.node.id != self._node:  # X-04; X-01: empty means the same
            raise BadRequest("node.id changed in mid-stream")
        type_url = request.type_url
        if not type_url:
            raise BadRequest("a request on an aggregated stream needs a type_url")
        if type_url not in PUSH_ORDER:
            return self._ask_unknown(request)
        exchange = self._exchanges.get(type_url)
        if exchange is None:
            self._begin(request, now)
            return True
        if request.response_nonce:
            self._answered(exchange, request, now)
        return self._ask(exchange, request) or self._waiting

    def _ask_unknown(self, request: discovery_pb2.DeltaDiscoveryRequest) -> bool:
        """X-06: names of a type that is not served do not exist; a wildcard of it is empty."""
        known = self._unknown.get(request.type_url, NO_NAMES)
        if not request.resource_names_subscribe or (
            request.type_url not in self._unknown and len(self._unknown) >= _UNKNOWN_TYPES
        ):
            return False
        asked, _ = subscriptions.changed(
            subscriptions.Subscription(names=known),
            request.type_url,
            request.resource_names_subscribe,
            (),
            self._publisher.interner,
            self._limits.names,
        )
        self._unknown[request.type_url] = asked.names
        return True

    def _begin(self, request: discovery_pb2.DeltaDiscoveryRequest, now: float) -> None:
        """The first request of a type on this stream. A nonce in it is of another stream (X-28)."""
        type_url = request.type_url
        wanted, asked = subscriptions.first(
            type_url,
            request.resource_names_subscribe,
            request.resource_names_unsubscribe,
            self._publisher.interner,
            self._limits.names,
        )
        generation = self._publisher.generation
        exchange = Exchange(
            type_url=type_url,
            tracks=tuple(part.tracks[type_url] for part in self._watch.parts),
            window=self._limits.cluster_window if type_url == CDS else 1,
            subscription=wanted,
            interest=Interest(),
            sent=generation,
            removed=generation,
        )
        self._exchanges[type_url] = exchange
        held = dict(request.initial_resource_versions)
        if type_url == VHDS:
            self._hold_roots(frozenset(root(name) for name in held))
        elif type_url == RDS:
            self._hold_roots(wanted.names & held.keys())
        self._set_interest(exchange)
        if held:
            self._reconcile(exchange, asked.names, held, now)
        else:
            exchange.initial = True
            exchange.ask(asked)
        if type_url in (CDS, EDS):
            self._sweep(now)

    def _reconcile(
        self, exchange: Exchange, asked: frozenset[str], held: dict[str, str], now: float
    ) -> None:
        """X-60: send what differs from what the client holds, remove what it should not hold."""
        if exchange.type_url == EDS and CDS not in self._exchanges:
            # A client that asks for endpoints first is warming the clusters. It waits
            # for every answer, also for those that it held for the clusters' last version (X-61).
            exchange.again = asked
        else:
            differing = [n for t in exchange.tracks for n in t.differing(held, exchange.interest)]
            missing = {name for name in asked if not exchange.holds(name)}
            exchange.again = frozenset(differing) | missing
        if exchange.type_url == EDS:
            # a cluster that was sent on this stream waits for its endpoints, equal or not.
            exchange.again |= self._sent_endpoint_names & asked
            self._sent_endpoint_names = NO_NAMES
        strays = frozenset(n for n in held if n not in asked and not exchange.holds(n))
        if exchange.type_url == CDS:
            self._withhold_strays(strays, now)
        else:
            exchange.strays = strays

    def _sweep(self, now: float) -> None:
        """Remove clusters that the client did not list but asks endpoints for (section 1.7).

        Envoy does not list the clusters of a response that it rejected in part, but runs them.
        """
        clusters, endpoints = self._exchanges.get(CDS), self._exchanges.get(EDS)
        if clusters is None or endpoints is None or not clusters.interest.everything:
            return
        orphans = (name for name in endpoints.subscription.names if not clusters.holds(name))
        self._withhold_strays(frozenset(orphans), now)

    def _withhold_strays(self, strays: frozenset[str], now: float) -> None:
        if not strays:
            return
        self._cluster_strays |= strays
        if self._publisher.generation > self._withheld.newest:
            self._withheld.add(self._publisher.generation, now + self._limits.grace)

    def _answered(
        self, exchange: Exchange, request: discovery_pb2.DeltaDiscoveryRequest, now: float
    ) -> None:
        response = exchange.answer(request.response_nonce)
        if response is None:  # only the nonce is stale, not what else the request says
            self._observer.stale(exchange.type_url)
            return
        if not request.HasField("error_detail"):
            exchange.ack(response)
            self._observer.acked(exchange.type_url, now - response.sent_at)
            return
        nack = Nack(
            type_url=exchange.type_url,
            nonce=response.nonce,
            message=printable(request.error_detail.message),
            generation=response.generation,
            at=now,
            names=response.names,
        )
        exchange.reject(nack)
        self._observer.rejected(nack)

    def _ask(self, exchange: Exchange, request: discovery_pb2.DeltaDiscoveryRequest) -> bool:
        """Take what a later request adds to or takes from the subscription (X-25)."""
        wanted, asked = subscriptions.changed(
            exchange.subscription,
            exchange.type_url,
            request.resource_names_subscribe,
            request.resource_names_unsubscribe,
            self._publisher.interner,
            self._limits.names,
        )
        if wanted == exchange.subscription and not asked:
            return False
        left = exchange.subscription.names - wanted.names
        exchange.subscription = wanted
        if left and exchange.type_url == RDS:
            self._roots = self._publisher.interner.step(self._roots, NO_NAMES, left)
            self._new_roots -= left
        if left and not wanted.wildcard:
            exchange.again -= left
            exchange.asked -= left
        self._set_interest(exchange)
        exchange.ask(asked)
        return bool(asked)

    def _set_interest(self, exchange: Exchange) -> None:
        roots = self._roots if exchange.type_url == VHDS else None
        wanted = exchange.subscription
        exchange.interest = Interest(wanted.wildcard, wanted.names, roots)

    def _hold_roots(self, names: frozenset[str]) -> None:
        """The client holds these route configurations, so it is to hold their virtual hosts."""
        self._roots = self._publisher.interner.step(self._roots, names)
        if (virtual_hosts := self._exchanges.get(VHDS)) is not None:
            self._set_interest(virtual_hosts)

    # --- what the client is told ---

    def poll(self, now: float) -> list[bytes]:
        """The responses to send now, in order."""
        generation = self._publisher.generation
        self._check(now)
        self._wakeup = None
        self._waiting = False
        out: list[bytes] = []
        behind = False
        for type_url in PUSH_ORDER:
            exchange = self._exchanges.get(type_url)
            if exchange is None:
                continue
            if not self._is_owed(exchange):
                exchange.advance(generation)
            elif type_url in REFERRING_TYPES and (behind or self._is_warming(exchange, now)):
                self._waiting = True
            elif len(exchange.in_flight) >= exchange.window:
                self._wait_until(exchange.in_flight[0].sent_at + self._limits.ack_timeout)
            else:
                out.extend(self._advance(exchange, generation, now))
            behind = behind or (type_url != SDS and exchange.sent != generation)
        out.extend(self._answer_unknown())
        out.extend(self._remove_clusters(now))
        return out

    def _check(self, now: float) -> None:
        """End the stream where it can no longer be served right."""
        if any(part.dropped for part in self._watch.parts):
            raise Reconnect("the configuration of this node is selected anew")
        for exchange in self._exchanges.values():
            if exchange.type_url in (CDS, LDS, VHDS) and any(
                track.floor > exchange.removed for track in exchange.tracks
            ):
                raise Reconnect("too far behind to be told what was removed")
            if (
                len(exchange.in_flight) >= exchange.window
                and exchange.in_flight[0].sent_at + self._limits.ack_timeout <= now
                and self._is_owed(exchange)
            ):
                raise Reconnect("a response was not acknowledged in time")

    def _is_owed(self, exchange: Exchange) -> bool:
        return exchange.owes() or (exchange.type_url == VHDS and bool(self._new_roots))

    def _is_warming(self, exchange: Exchange, now: float) -> bool:
        """Whether the type must wait until clusters that were added are warm (X-29).

        Not on a client's very first sync: Envoy itself asks for listeners only once it is warm.
        """
        clusters = self._exchanges.get(CDS)
        if clusters is None or exchange.initial:
            return False
        ends = max((r.sent_at for r in clusters.in_flight if r.chunks), default=now)
        if not clusters.in_flight or ends + self._limits.grace <= now:
            return False
        self._wait_until(ends + self._limits.grace)
        return True

    def _advance(self, exchange: Exchange, generation: int, now: float) -> list[bytes]:
        new_roots = self._new_roots if exchange.type_url == VHDS else NO_NAMES
        again = Again(exchange.again, new_roots)
        slices = [
            track.select(exchange.sent, exchange.interest, again) for track in exchange.tracks
        ]
        removed, absent = self._removed(exchange, generation)
        out = self._responses(exchange, slices, removed, absent, generation, now)
        if exchange.type_url == CDS:
            self._follow_with_endpoints(slices)
        elif exchange.type_url == RDS:
            self._follow_with_virtual_hosts(exchange, slices)
        elif exchange.type_url == VHDS:
            self._new_roots = NO_NAMES
        exchange.advance(generation)
        exchange.initial = exchange.initial and not out
        return out

    def _removed(
        self, exchange: Exchange, generation: int
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The names to remove, and those to answer as absent, with this push."""
        gone = {name for name in exchange.again if not exchange.holds(name)}
        absent = gone & exchange.subscription.names if exchange.type_url == VHDS else set()
        gone -= absent
        if exchange.type_url != CDS:
            gone.update(name for name in exchange.strays if not exchange.holds(name))
        if exchange.removes_at_once:
            for track in exchange.tracks:
                gone.update(track.removals(exchange.removed, generation, exchange.interest))
        return tuple(sorted(gone)), tuple(sorted(absent))

    def _responses(
        self,
        exchange: Exchange,
        slices: list[Slice],
        removed: tuple[str, ...],
        absent: tuple[str, ...],
        generation: int,
        now: float,
    ) -> list[bytes]:
        """Pack the slices into responses; removals go with the first."""
        chunks = [chunk for part in slices for chunk in part.chunks]
        if not chunks and not removed and not absent and not exchange.must_answer:
            return []
        # a domain that moves from one virtual host to another must not be torn apart.
        whole = exchange.type_url == VHDS and not exchange.initial
        groups = [tuple(chunks)] if whole else _packed(chunks, self._publisher.chunk_bytes)
        base = exchange.sent if exchange.in_flight else exchange.acked
        out: list[bytes] = []
        for group in groups or [()]:
            extra = b"" if out else _extra(removed, absent)
            gone = () if out else removed
            out.append(self._response(exchange, group, extra, gone, base, generation, now))
        return out

    def _response(
        self,
        exchange: Exchange,
        chunks: tuple[Chunk, ...],
        extra: bytes,
        removed: tuple[str, ...],
        base: int,
        generation: int,
        now: float,
    ) -> bytes:
        nonce = self._nonce()
        body = b"".join(
            (
                _TYPE_FIELDS[exchange.type_url],
                *(chunk.body for chunk in chunks),
                extra,
                framed_nonce(nonce),
            )
        )
        exchange.in_flight.append(
            InFlight(
                nonce=nonce,
                base=base,
                generation=generation,
                sent_at=now,
                chunks=chunks,
                removed=removed,
            )
        )
        self._observer.sent(exchange.type_url, len(body))
        return body

    def _follow_with_endpoints(self, slices: list[Slice]) -> None:
        """X-61, X-83: Envoy does not ask again for the endpoints of a cluster that changed."""
        endpoints = self._exchanges.get(EDS)
        reconnected = not self._exchanges[CDS].initial
        for part in slices:
            if part is NO_SLICE:
                continue
            if endpoints is not None:
                endpoints.again |= part.endpoint_names & endpoints.subscription.names
            elif reconnected:
                self._sent_endpoint_names |= part.endpoint_names

    def _follow_with_virtual_hosts(self, exchange: Exchange, slices: list[Slice]) -> None:
        """X-123: a route configuration that is new to the client starts with an empty table."""
        names = NO_NAMES.union(*(part.names for part in slices))
        if names:
            self._new_roots |= (names - self._roots) | (names & exchange.asked)
            self._hold_roots(names)

    def _remove_clusters(self, now: float) -> list[bytes]:
        """Removals that waited, and may go now. Those whose name has come back have lapsed."""
        clusters = self._exchanges.get(CDS)
        if clusters is None:
            return []
        newest = _last_removal(clusters)
        if newest > max(clusters.removed, self._withheld.newest):
            self._withheld.add(newest, now + self._limits.grace)
        if not self._withheld or len(clusters.in_flight) >= clusters.window:
            return []
        released = self._withheld.release(self._confirmed(now), now)
        if self._withheld:
            self._wait_until(self._withheld.deadline)
        if released == NEVER:
            return []
        gone = {n for n in self._cluster_strays if not clusters.holds(n)}
        self._cluster_strays = NO_NAMES
        for track in clusters.tracks:
            gone.update(track.removals(clusters.removed, released, clusters.interest))
        base = clusters.sent if clusters.in_flight else clusters.acked
        clusters.removed = max(clusters.removed, released)
        if not gone:
            return []
        names = tuple(sorted(gone))
        return [
            self._response(clusters, (), framed_removals(names), names, base, clusters.sent, now)
        ]

    def _confirmed(self, now: float) -> int:
        """The generation up to which no route or listener of the client names a removed cluster.

        A type that the client has not asked for may still come: right after a reconnect it holds
        routes of which the server knows nothing yet.
        """
        lowest = self._publisher.generation
        for type_url in REFERRING_TYPES:
            exchange = self._exchanges.get(type_url)
            if exchange is not None:
                lowest = min(lowest, exchange.acked)
            elif now < self._started + self._limits.grace:
                self._wait_until(self._started + self._limits.grace)
                return NEVER
        return lowest

    def _answer_unknown(self) -> list[bytes]:
        out = [
            framed_type(type_url)
            + framed_removals(tuple(sorted(names)))
            + framed_nonce(self._nonce())
            for type_url, names in self._unknown.items()
        ]
        self._unknown.clear()
        return out

    def _nonce(self) -> str:
        self._nonces += 1
        return f"{self._nonces:x}"

    def _wait_until(self, deadline: float | None) -> None:
        self._waiting = True
        if deadline is not None and (self._wakeup is None or deadline < self._wakeup):
            self._wakeup = deadline


_TYPE_FIELDS: Final = {type_url: framed_type(type_url) for type_url in PUSH_ORDER}


def _packed(chunks: list[Chunk], limit: int) -> list[tuple[Chunk, ...]]:
    """Chunks of several parts, put together up to `limit` bytes a response (X-109)."""
    groups: list[list[Chunk]] = []
    size = 0
    for chunk in chunks:
        if not groups or size + len(chunk.body) > limit:
            groups.append([])
            size = 0
        groups[-1].append(chunk)
        size += len(chunk.body)
    return [tuple(group) for group in groups]


def _extra(removed: tuple[str, ...], absent: tuple[str, ...]) -> bytes:
    return b"".join(framed_absence(name) for name in absent) + framed_removals(removed)


def _last_removal(clusters: Exchange) -> int:
    return max((track.removed for track in clusters.tracks), default=0)
