"""One state-of-the-world ADS stream, without I/O: for clients that do not speak delta, as gRPC's.

The shape and the order of a push are those of `DeltaStream`. Each response holds all that the
client is to have of a type, so what is owed is a comparison of two states. Virtual hosts do not
travel by themselves here: the owner selects parts with complete route configurations. Nothing is
split, so a client must take responses as large as a type is.
"""

from collections.abc import Callable, Collection, Iterable
from typing import Final

from envoy.service.discovery.v3 import discovery_pb2

from xds.errors import Reconnect, TooMuch
from xds.exchange import printable
from xds.interest import Interest
from xds.limits import Limits
from xds.node import check
from xds.observer import NoObserver, Observer
from xds.publisher import PartKey, Publisher
from xds.quarantine import Quarantine, Record
from xds.removals import NO_DEADLINE
from xds.resource import framed_nonce
from xds.search import Content
from xds.sotw_clusters import KeptClusters
from xds.sotw_exchange import FULL_STATE_TYPES, SotwExchange, SotwInFlight
from xds.sotw_state import State
from xds.sotw_ward import SotwWard
from xds.standing import NEVER, Nack
from xds.subscription import WILDCARD, Subscription
from xds.types import CDS, EDS, LDS, PUSH_ORDER, RDS, VHDS
from xds.watchdog import ClusterWatchdog

_ORDER: Final = tuple(type_url for type_url in PUSH_ORDER if type_url != VHDS)
_REFERRING: Final = (LDS, RDS)


class SotwStream:
    """The server's half of one ADS stream. All times are of one clock, in seconds."""

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
        self._exchanges: dict[str, SotwExchange] = {}
        self._kept = KeptClusters(self._limits.grace)
        record = record or Quarantine().record(node)
        record.open(self._runs, wake)
        self._ward = SotwWard(record, publisher, self._observer, self._limits)
        self._watchdog = ClusterWatchdog(started=now, patience=self._limits.clusters_within)
        self._nonces = 0
        self._wakeup: float | None = None
        self._waiting = False

    def close(self) -> None:
        """Give up the parts. May be called twice."""
        self._watch.close()
        self._ward.close()

    def next_wakeup(self) -> float | None:
        """When to poll even if nothing happens before; as of the last poll."""
        return self._wakeup

    def exchanges(self) -> tuple[SotwExchange, ...]:
        """The state of each type that the client asked for. To look at, not to change."""
        return tuple(self._exchanges.values())

    def changed_after(self, generation: int) -> bool:
        """Whether a later generation has changed what there is for the client."""
        return self._watch.changed_after(generation)

    def acknowledged(self) -> int:
        """The newest generation that the client has accepted all of; NEVER before its first ACK."""
        if not self._exchanges:
            return NEVER
        lowest = self._publisher.generation
        for exchange in self._exchanges.values():
            if not exchange.settled:
                lowest = min(lowest, exchange.acked)
        if self._kept:
            lowest = min(lowest, self._kept.oldest - 1)
        return lowest

    # What the client says

    def receive(self, request: discovery_pb2.DiscoveryRequest, now: float) -> bool:
        """Take a request; whether `poll` may have something to send because of it."""
        check(request, self._node)
        type_url = request.type_url
        if type_url not in _ORDER:
            return False  # here there is no way to say that something does not exist
        exchange = self._exchanges.get(type_url)
        if exchange is None:
            self._begin(request, now)
            return True
        nonce = request.response_nonce
        if nonce and not self._take_answer(exchange, request, now):
            return self._waiting
        if nonce and nonce != exchange.nonce:
            return self._waiting  # the answer to the newest response names all again
        asked = self._ask(exchange, request.resource_names)
        return asked or self._waiting or exchange.contained is not None

    def _begin(self, request: discovery_pb2.DiscoveryRequest, now: float) -> None:
        """The first request of a type on this stream. A nonce in it is of another stream (X-28)."""
        type_url = request.type_url
        wanted = self._subscription(type_url, request.resource_names, named=False)
        exchange = SotwExchange(
            type_url=type_url,
            tracks=tuple(part.tracks[type_url] for part in self._watch.parts),
            window=self._limits.cluster_window if type_url == CDS else 1,
            subscription=wanted,
            interest=Interest(wanted.wildcard, wanted.names),
            sent=NEVER,
            initial=not request.version_info,
            named=bool(request.resource_names),
        )
        self._exchanges[type_url] = exchange
        if wanted.wildcard or wanted.names:
            exchange.held = self._held_before(exchange, request.version_info, now)
            exchange.accepted = exchange.held
            exchange.asked = True
            exchange.forced = self._is_owed(type_url)
        else:
            exchange.advance(self._publisher.generation)

    def _held_before(self, exchange: SotwExchange, version: str, now: float) -> State | None:
        """What the client holds that says so with a version; `None` if that is not known here."""
        states = self._publisher.states
        current = states.current(exchange.tracks, exchange.interest)
        current = self._ward.sifted(exchange, current, now)
        if version == current.version:  # of any replica, or from before a restart
            return current
        held = states.sent(exchange.type_url, version)
        return states.narrowed(held, exchange.interest) if held is not None else None

    def _is_owed(self, type_url: str) -> bool:
        """Whether the client waits for an answer even if it would be what it holds.

        A client that asks for endpoints before it asks for clusters is warming them (X-02, X-64),
        and clusters that were sent on this stream wait for their endpoints (X-61).
        """
        if type_url != EDS:
            return False
        clusters = self._exchanges.get(CDS)
        return clusters is None or bool(clusters.nonce) or clusters.asked

    def _take_answer(
        self, exchange: SotwExchange, request: discovery_pb2.DiscoveryRequest, now: float
    ) -> bool:
        """Note an ACK or a NACK; whether the nonce is one of those that this stream knows."""
        response = exchange.answer(request.response_nonce)
        if response is None:
            if request.response_nonce == exchange.nonce:
                return True  # answered before: the client only changes what it subscribes to
            self._observer.stale(exchange.type_url)
            return False
        if not request.HasField("error_detail"):
            self._ward.accept(exchange, response)
            exchange.ack()
            self._observer.acked(exchange.type_url, now - response.sent_at)
            return True
        nack = Nack(
            type_url=exchange.type_url,
            nonce=response.nonce,
            message=printable(request.error_detail.message, request.type_url),
            generation=response.generation,
            at=now,
            names=tuple(response.state.versions),
            trial=response.trial,
        )
        self._observer.rejected(nack)
        self._ward.reject(exchange, response, nack, request.error_detail.message)
        return True

    def _ask(self, exchange: SotwExchange, names: Collection[str]) -> bool:
        """Let the names of a request replace those of the one before it."""
        wanted = self._subscription(exchange.type_url, names, named=exchange.named)
        exchange.named = exchange.named or bool(names)
        old = exchange.subscription
        if wanted == old:
            return False
        exchange.subscription = wanted
        exchange.interest = Interest(wanted.wildcard, wanted.names)
        if exchange.held is not None:
            # What the client gave up it no longer has: it is sent again when it is asked for again.
            exchange.held = self._publisher.states.narrowed(exchange.held, exchange.interest)
        if exchange.accepted is not None:
            narrowed = self._publisher.states.narrowed(exchange.accepted, exchange.interest)
            exchange.accepted = narrowed
        added = bool(wanted.names - old.names) or (wanted.wildcard and not old.wildcard)
        exchange.asked = exchange.asked or added
        return added

    def _subscription(self, type_url: str, names: Collection[str], *, named: bool) -> Subscription:
        limits = self._limits.names
        if len(names) > limits.names:
            raise TooMuch(f"more than {limits.names} resource names in one type")
        if any(len(name) > limits.length for name in names):
            raise TooMuch(f"a resource name has more than {limits.length} characters")
        if type_url not in FULL_STATE_TYPES:
            return Subscription(False, self._publisher.interner.shared(frozenset(names)))
        wildcard = WILDCARD in names or (not names and not named)
        return Subscription(
            wildcard, self._publisher.interner.shared(frozenset(names) - {WILDCARD})
        )

    # What the client is told

    def poll(self, now: float) -> list[bytes]:
        """The responses to send now, in order."""
        self._check(now)
        self._wakeup = None
        self._waiting = False
        generation = self._publisher.generation
        out: list[bytes] = []
        behind = False
        for type_url in _ORDER:
            exchange = self._exchanges.get(type_url)
            if exchange is None:
                continue
            self._ward.refresh(exchange)
            if not exchange.owes():
                exchange.advance(generation)
            elif type_url in _REFERRING and (behind or self._is_warming(exchange, now)):
                self._waiting = True
                exchange.hold(now)
            elif exchange.full:
                self._wait_until(exchange.in_flight[0].sent_at + self._limits.ack_timeout)
            else:
                out.extend(self._advance(exchange, generation, now))
            behind = behind or exchange.sent != generation
        out.extend(self._remove_clusters(now))
        if (deadline := self._watchdog.deadline(self._asked())) is not None:
            self._wake_at(deadline)
        return out

    def _asked(self) -> Collection[str]:
        """For the watchdog: a client that is no Envoy has no clusters until its routes name some,
        and asks for no endpoints before.
        """
        return self._exchanges if EDS in self._exchanges else ()

    def _check(self, now: float) -> None:
        """End the stream where it can no longer be served right."""
        if self._watchdog.is_late(self._asked(), now):
            raise Reconnect("clusters were not asked for in time")
        if any(part.dropped for part in self._watch.parts):
            raise Reconnect("the configuration of this node is selected anew")
        for exchange in self._exchanges.values():
            late = exchange.full and exchange.in_flight[0].sent_at + self._limits.ack_timeout <= now
            if late and exchange.owes():
                raise Reconnect("a response was not acknowledged in time")

    def _is_warming(self, exchange: SotwExchange, now: float) -> bool:
        """Whether the type must wait until clusters that were added are warm (X-29).

        Not on a client's very first sync: it asks for listeners when it is ready for them.
        """
        clusters = self._exchanges.get(CDS)
        if clusters is None or exchange.initial:
            return False
        added = [response.sent_at for response in clusters.in_flight if response.brings]
        if not added or max(added) + self._limits.grace <= now:
            return False
        self._wait_until(max(added) + self._limits.grace)
        return True

    def _advance(self, exchange: SotwExchange, generation: int, now: float) -> list[bytes]:
        """Bring the client up to `generation`, if it is not there."""
        resumes_at = self._ward.resumes_at(exchange, now)
        if resumes_at > now:
            self._wait_until(resumes_at)
            return []
        target = self._publisher.states.current(exchange.tracks, exchange.interest)
        target, trial = self._ward.target(exchange, target, now)
        if exchange.type_url == CDS:
            self._kept.update(exchange.held, target, exchange.interest, generation, now)
            target = self._publisher.states.with_kept(target, self._kept.resources)
        base = exchange.sent if exchange.in_flight else exchange.acked
        out = self._send(exchange, target, base=base, generation=generation, now=now, trial=trial)
        exchange.advance(generation)
        exchange.initial = exchange.initial and not out
        return out

    def _send(
        self,
        exchange: SotwExchange,
        target: State,
        *,
        base: int,
        generation: int,
        now: float,
        trial: bool = False,
    ) -> list[bytes]:
        """The response that brings `target`, unless the client was sent just that before."""
        held = exchange.held
        if held is not None and held.version == target.version and not exchange.forced:
            return []
        changed = _brings(held, target)
        if exchange.type_url == CDS and changed:
            self._follow_with_endpoints(held, target)
        self._nonces += 1
        exchange.nonce = f"{self._nonces:x}"
        response = SotwInFlight(
            nonce=exchange.nonce,
            base=base,
            generation=generation,
            sent_at=now,
            state=target,
            brings=changed,
            trial=trial,
        )
        exchange.in_flight.append(response)
        exchange.held = target
        body = self._publisher.states.body(exchange.type_url, target)
        encoded = body + framed_nonce(exchange.nonce)
        self._observer.sent(exchange.type_url, len(encoded))
        return [encoded]

    def _follow_with_endpoints(self, held: State | None, target: State) -> None:
        """X-61, X-83: a client waits for the endpoints of a cluster that it is sent."""
        endpoints = self._exchanges.get(EDS)
        if endpoints is not None:
            wanted = endpoints.subscription.names
            names = self._publisher.states.endpoint_names(held, target)
            endpoints.forced = endpoints.forced or not wanted.isdisjoint(names)

    def _remove_clusters(self, now: float) -> list[bytes]:
        """Removals that had to wait, and may go now."""
        clusters = self._exchanges.get(CDS)
        if clusters is None or not self._kept:
            return []
        if clusters.full or (clusters.contained is not None and clusters.contained.searching):
            self._waiting = True
            return []
        before = self._kept.oldest - 1  # not accepted until the client says so
        keeps = any(e.quarantined for t, e in self._exchanges.items() if t in _REFERRING)
        released = self._kept.release(self._confirmed(now), NO_DEADLINE if keeps else now)
        if self._kept and not keeps:
            self._wait_until(self._kept.deadline)
        if not released:
            return []
        wanted = self._publisher.states.current(clusters.tracks, clusters.interest)
        wanted = self._ward.sifted(clusters, wanted, now)
        target = self._publisher.states.with_kept(wanted, self._kept.resources)
        clusters.acked = min(clusters.acked, before)
        return self._send(clusters, target, base=before, generation=clusters.sent, now=now)

    def _confirmed(self, now: float) -> int:
        """The generation up to which no route or listener of the client names a removed cluster.

        A type that the client has not asked for may still come: right after a reconnect it runs
        routes that the server has not heard of yet.
        """
        lowest = self._publisher.generation
        for type_url in _REFERRING:
            exchange = self._exchanges.get(type_url)
            if exchange is not None:
                lowest = min(lowest, exchange.acked)
            elif now < self._started + self._limits.grace:
                self._wait_until(self._started + self._limits.grace)
                return NEVER
        return lowest

    def _runs(self, type_url: str, content: Content) -> bool:
        exchange = self._exchanges.get(type_url)
        if exchange is None or exchange.accepted is None:
            return False
        return exchange.accepted.versions.get(content[0]) == content[1]

    def _wait_until(self, deadline: float) -> None:
        self._waiting = True
        self._wake_at(deadline)

    def _wake_at(self, deadline: float) -> None:
        if self._wakeup is None or deadline < self._wakeup:
            self._wakeup = deadline


def _brings(held: State | None, target: State) -> bool:
    """Whether `target` has anything that `held` does not."""
    if held is None:
        return bool(target.resources)
    return not target.versions.items() <= held.versions.items()
