"""One delta ADS stream, without I/O: requests go in, responses come out.

The order of a push is that of `PUSH_ORDER`. What refers to clusters follows them: a type is served
up to a generation only when all types before it were, and routes and listeners wait while added
clusters are un-acknowledged, because Envoy withholds that ACK until the clusters are warm (X-29).
A cluster's removal waits for the ACK of the routes and listeners that let go of it (X-81). Both
waits end after a grace period, so that one stuck cluster never freezes a client; but as long as the
client keeps to an old route or listener because it rejected the new one, clusters stay.
"""

from collections.abc import Callable, Iterable
from typing import Final

from envoy.service.discovery.v3 import discovery_pb2

from xds import subscription as subscriptions
from xds.errors import Reconnect
from xds.exchange import Exchange, printable
from xds.interest import NO_NAMES, Again, Interest, root
from xds.limits import Limits
from xds.node import check
from xds.observer import NoObserver, Observer
from xds.outbox import Outbox
from xds.publisher import PartKey, Publisher
from xds.quarantine import Quarantine, Record
from xds.reconnect import orphans, owe_difference
from xds.removals import NO_DEADLINE, ClusterRemovals, last_removal
from xds.search import Content
from xds.slices import NO_SLICE, Slice
from xds.standing import NEVER, Nack
from xds.types import CDS, EDS, PUSH_ORDER, RDS, REFERRING_TYPES, SDS, VHDS
from xds.unknown_types import UnknownTypes
from xds.virtual_hosts import RouteTables
from xds.ward import Ward
from xds.watchdog import ClusterWatchdog

_ALWAYS_ANSWERED: Final = frozenset({EDS, RDS, SDS})
"""Types of which a client that asks for a name waits for an answer, and ignores a removal (X-105):
so what is kept from it is answered as removed, and what it holds stays.
"""


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
        record: Record | None = None,
    ) -> None:
        """`record` is what is known of the client from before; by default nothing is."""
        self._publisher = publisher
        self._watch = publisher.watch(parts, wake)
        self._node = node
        self._started = now
        self._limits = limits or Limits()
        self._observer: Observer = observer or NoObserver()
        self._outbox = Outbox(self._observer, chunk_bytes=publisher.chunk_bytes)
        self._exchanges: dict[str, Exchange] = {}
        self._unknown = UnknownTypes(publisher.interner, self._limits)
        self._tables = RouteTables(publisher.interner)
        self._removals = ClusterRemovals(self._limits.grace)
        self._sent_endpoint_names = NO_NAMES
        record = record or Quarantine().record(node)
        record.open(self._runs, wake)
        self._ward = Ward(record, publisher, self._observer, self._limits)
        self._watchdog = ClusterWatchdog(started=now, patience=self._limits.clusters_within)
        self._wakeup: float | None = None
        self._waiting = False

    def close(self) -> None:
        """Give up the parts. May be called twice."""
        self._watch.close()
        self._ward.close()

    def next_wakeup(self) -> float | None:
        """When to poll even if nothing happens before; as of the last poll."""
        return self._wakeup

    def exchanges(self) -> tuple[Exchange, ...]:
        """The state of each type that the client asked for. To look at, not to change."""
        return tuple(self._exchanges.values())

    def changed_after(self, generation: int) -> bool:
        """Whether a later generation has changed what there is for the client."""
        return self._watch.changed_after(generation)

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
        if clusters and (self._removals or last_removal(clusters) > clusters.removed):
            lowest = min(lowest, clusters.removed)
        return lowest

    # What the client says

    def receive(self, request: discovery_pb2.DeltaDiscoveryRequest, now: float) -> bool:
        """Take a request; whether `poll` may have something to send because of it."""
        check(request, self._node)
        type_url = request.type_url
        if type_url not in PUSH_ORDER:
            names, held = request.resource_names_subscribe, request.initial_resource_versions
            return self._unknown.ask(type_url, names, held)
        exchange = self._exchanges.get(type_url)
        if exchange is None:
            self._begin(request, now)
            return True
        if request.response_nonce:
            self._take_answer(exchange, request, now)
        asked = self._ask(exchange, request)
        return asked or self._waiting or exchange.contained is not None

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
        exchange = Exchange(
            type_url=type_url,
            tracks=tuple(part.tracks[type_url] for part in self._watch.parts),
            window=self._limits.cluster_window if type_url == CDS else 1,
            subscription=wanted,
            interest=Interest(),
            sent=self._publisher.generation,
            removed=self._publisher.generation,
        )
        self._exchanges[type_url] = exchange
        held = dict(request.initial_resource_versions)
        if type_url == VHDS:
            self._tables.keep(frozenset(root(name) for name in held))
        elif type_url == RDS:
            self._tables.keep(wanted.names.intersection(held))
        self._set_interests(exchange)
        strays = self._ward.unlisted(exchange)
        if held:
            strays |= self._reconcile(exchange, asked.names, held)
        else:
            exchange.initial = True
            exchange.ask(asked)
        if type_url == CDS:
            self._removals.stray(strays, self._publisher.generation, now)
        else:
            exchange.strays = strays
        if type_url in (CDS, EDS):
            self._removals.stray(orphans(self._exchanges), self._publisher.generation, now)

    def _reconcile(
        self, exchange: Exchange, asked: frozenset[str], held: dict[str, str]
    ) -> frozenset[str]:
        """X-60: owe what differs from what the client holds; the names that it should not hold."""
        self._ward.held_before(exchange.type_url, held)
        warming, followed = CDS not in self._exchanges, self._sent_endpoint_names
        if exchange.type_url == EDS and not warming:
            self._sent_endpoint_names = NO_NAMES
        return owe_difference(exchange, asked, held, warming=warming, followed=followed)

    def _take_answer(
        self, exchange: Exchange, request: discovery_pb2.DeltaDiscoveryRequest, now: float
    ) -> None:
        response = exchange.answer(request.response_nonce)
        if response is None:  # only the nonce is stale, not what else the request says
            self._observer.stale(exchange.type_url)
            return
        if not request.HasField("error_detail"):
            self._ward.accept(exchange, response)
            exchange.ack(response)
            self._observer.acked(exchange.type_url, now - response.sent_at)
            return
        if exchange.type_url == RDS:
            self._tables.doubt(frozenset(response.names))
        nack = Nack(
            type_url=exchange.type_url,
            nonce=response.nonce,
            message=printable(request.error_detail.message, request.type_url),
            generation=response.generation,
            at=now,
            names=response.names,
            trial=response.trial is not None,
        )
        self._observer.rejected(nack)
        self._ward.reject(exchange, response, nack, request.error_detail.message)

    def _ask(self, exchange: Exchange, request: discovery_pb2.DeltaDiscoveryRequest) -> bool:
        """Take what a later request adds to the subscription or takes from it (X-25)."""
        wanted, asked = subscriptions.changed(
            exchange.subscription,
            exchange.type_url,
            request.resource_names_subscribe,
            request.resource_names_unsubscribe,
            self._publisher.interner,
            self._limits.names,
        )
        if wanted is exchange.subscription:
            return False
        left = exchange.subscription.names - wanted.names
        if left and exchange.type_url == RDS:
            self._tables.let_go(left)
        if left and not wanted.wildcard:
            exchange.again -= left
            exchange.asked -= left
        exchange.subscription = wanted
        exchange.ask(asked)
        self._set_interests(exchange)
        return bool(asked)

    def _set_interests(self, exchange: Exchange) -> None:
        """Note what a subscription has come to; that of routes also decides on virtual hosts."""
        wanted = exchange.subscription
        roots = self._tables.held if exchange.type_url == VHDS else None
        exchange.interest = Interest(wanted.wildcard, wanted.names, roots)
        if exchange.type_url == RDS and VHDS in self._exchanges:
            self._set_interests(self._exchanges[VHDS])

    # What the client is told

    def poll(self, now: float) -> list[bytes]:
        """The responses to send now, in order."""
        self._check(now)
        self._wakeup = None
        self._waiting = False
        generation = self._publisher.generation
        out: list[bytes] = []
        behind = False
        for type_url in PUSH_ORDER:
            exchange = self._exchanges.get(type_url)
            if exchange is None:
                continue
            if exchange.contained is not None:
                out.extend(self._contain(exchange, now))
            if not self._owes(exchange):
                exchange.advance(generation)
            elif type_url in REFERRING_TYPES and (behind or self._is_warming(exchange, now)):
                self._waiting = True
                exchange.hold(now)
            elif exchange.full:
                self._wait_until(exchange.in_flight[0].sent_at + self._limits.ack_timeout)
            else:
                out.extend(self._advance(exchange, generation, now))
            behind = behind or exchange.sent != generation
        out.extend(self._remove_clusters(now))
        out.extend(self._unknown.answers(self._outbox.refuse))
        if (deadline := self._watchdog.deadline(self._exchanges)) is not None:
            self._wake_at(deadline)
        return out

    def _check(self, now: float) -> None:
        """End the stream where it can no longer be served right."""
        if any(part.dropped for part in self._watch.parts):
            raise Reconnect("the configuration of this node is selected anew")
        if self._watchdog.is_late(self._exchanges, now):
            raise Reconnect("clusters were not asked for in time")
        for exchange in self._exchanges.values():
            if exchange.lost_removals:
                raise Reconnect("too far behind to be told what was removed")
            late = exchange.full and exchange.in_flight[0].sent_at + self._limits.ack_timeout <= now
            if late and self._owes(exchange):
                raise Reconnect("a response was not acknowledged in time")

    def _contain(self, exchange: Exchange, now: float) -> list[bytes]:
        """Send what finds out more about a rejection, if it is time for that."""
        trial = self._ward.trial(exchange, now)
        if self._ward.resumes_at is not None:
            self._wait_until(self._ward.resumes_at)
        if trial is None:
            return []
        self._follow(exchange, [trial.slice])
        return self._outbox.push(
            exchange,
            [trial.slice],
            removed=trial.removed,
            generation=exchange.sent,
            now=now,
            trial=trial.began,
        )

    def _owes(self, exchange: Exchange) -> bool:
        return exchange.owes() or (exchange.type_url == VHDS and bool(self._tables.new))

    def _is_warming(self, exchange: Exchange, now: float) -> bool:
        """Whether the type must wait until clusters that were added are warm (X-29).

        Not on a client's very first sync: Envoy itself asks for listeners only once it is warm.
        """
        clusters = self._exchanges.get(CDS)
        if clusters is None or exchange.initial:
            return False
        deadline = clusters.warm_by(self._limits.grace)
        if deadline > now:
            self._wait_until(deadline)
        return deadline > now

    def _advance(self, exchange: Exchange, generation: int, now: float) -> list[bytes]:
        """Send all that a type owes up to `generation`."""
        new = self._tables.take_new() if exchange.type_url == VHDS else NO_NAMES
        again = Again(exchange.again, new)
        slices = [t.select(exchange.sent, exchange.interest, again) for t in exchange.tracks]
        slices = self._ward.sifted(exchange, slices, now)
        unknown = exchange.unknown()
        if exchange.contained is not None and exchange.type_url in _ALWAYS_ANSWERED:
            unknown |= exchange.kept(exchange.asked)
        # a virtual host that was asked for by name is answered as absent, not as removed.
        absent = unknown & exchange.subscription.names if exchange.type_url == VHDS else NO_NAMES
        out = self._outbox.push(
            exchange,
            slices,
            removed=(unknown - absent) | exchange.gone(generation),
            absent=absent,
            generation=generation,
            now=now,
        )
        self._follow(exchange, slices)
        exchange.advance(generation)
        exchange.initial = exchange.initial and not out
        return out

    def _follow(self, exchange: Exchange, slices: list[Slice]) -> None:
        """Owe what must come after these resources because Envoy will not ask for it."""
        if exchange.type_url == CDS:
            for part in slices:
                if part is not NO_SLICE:
                    self._follow_with_endpoints(exchange, part)
        elif exchange.type_url == RDS:
            names = NO_NAMES.union(*(part.names for part in slices))
            if names:
                self._tables.sent(names, exchange.asked)
                self._set_interests(exchange)

    def _follow_with_endpoints(self, clusters: Exchange, part: Slice) -> None:
        """X-61, X-83: Envoy does not ask again for the endpoints of a cluster that changed."""
        endpoints = self._exchanges.get(EDS)
        if endpoints is not None:
            endpoints.owe(part.endpoint_names & endpoints.subscription.names)
        elif not clusters.initial:
            self._sent_endpoint_names |= part.endpoint_names

    def _remove_clusters(self, now: float) -> list[bytes]:
        """Removals that had to wait, and may go now."""
        clusters = self._exchanges.get(CDS)
        if clusters is None or not self._removals.notice(clusters, now):
            return []
        if clusters.full:
            self._waiting = True
            return []
        keeps = any(
            e.quarantined for e in self._exchanges.values() if e.type_url in REFERRING_TYPES
        )
        deadline = NO_DEADLINE if keeps else now
        gone = self._removals.release(clusters, self._confirmed(now), deadline)
        if self._removals.deadline is not None and not keeps:
            self._wait_until(self._removals.deadline)
        return self._outbox.push(clusters, (), removed=gone, generation=clusters.sent, now=now)

    def _confirmed(self, now: float) -> int:
        """The generation up to which no route or listener of the client names a removed cluster.

        A type that the client has not asked for may still come: right after a reconnect it runs
        routes that the server has not heard of yet.
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

    def _runs(self, type_url: str, content: Content) -> bool:
        exchange = self._exchanges.get(type_url)
        return exchange is not None and exchange.runs(content)

    def _wait_until(self, deadline: float) -> None:
        self._waiting = True
        self._wake_at(deadline)

    def _wake_at(self, deadline: float) -> None:
        if self._wakeup is None or deadline < self._wakeup:
            self._wakeup = deadline
