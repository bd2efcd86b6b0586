"""Keeps what one client rejects from harming anything else: on its own stream, and on others.

A stream whose client never rejected anything, and that nothing is kept from, pays for none of it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from xds.containment import Containment, Rejection
from xds.exchange import Exchange, InFlight, Nack
from xds.limits import Limits
from xds.observer import Observer
from xds.publisher import Publisher
from xds.quarantine import Record
from xds.search import Content
from xds.slices import Slice, sliced
from xds.types import CDS, LDS

_HALF_APPLIED: Final = frozenset({CDS, LDS})
"""Of a rejected response of these the client takes what is good, and does not list it (X-103)."""


class Allowance:
    """So many at once, and one more in each interval of time."""

    def __init__(self, burst: int, interval: float) -> None:
        self._burst = burst
        self._interval = interval
        self._spent_until = float("-inf")
        """When all that was taken will have been given back."""

    def allowed_at(self, now: float) -> float:
        """When the next one may be taken: not later than `now` if it may be at once."""
        return self._spent_until - (self._burst - 1) * self._interval

    def take(self, now: float) -> None:
        """Take one."""
        self._spent_until = max(self._spent_until, now) + self._interval


class Tally:
    """Tells an observer of what is kept from a client, and no longer is."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._told: dict[str, int] = {}

    def count(self, type_url: str, contained: Containment) -> None:
        """Note how the containment of a type stands now."""
        fresh = contained.take_fresh()
        told = self._told.pop(type_url, 0) + len(fresh)
        for each in fresh:
            self._observer.quarantined(each)
        if count := len(contained.quarantined):
            self._told[type_url] = count
        if told > count:
            self._observer.lifted(type_url, told - count)

    def close(self) -> None:
        """Nothing is kept any more. May be called twice."""
        for type_url, count in self._told.items():
            self._observer.lifted(type_url, count)
        self._told.clear()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What to send to find a culprit, the search for which began at `began`."""

    slice: Slice
    removed: frozenset[str]
    began: float


class Ward:
    """What a delta stream does about rejections."""

    def __init__(
        self, record: Record, publisher: Publisher, observer: Observer, limits: Limits
    ) -> None:
        self._record = record
        self._publisher = publisher
        self._tally = Tally(observer)
        self._allowance = Allowance(limits.trials, limits.trial_interval)
        self.resumes_at: float | None = None
        """When to ask for a trial again; as of the last one that was asked for."""

    def accept(self, exchange: Exchange, response: InFlight) -> None:
        """The client accepted a response."""
        contained = exchange.contained
        if contained is not None and response.trial is not None:
            contained.accepted()
            self._conclude(exchange, contained)
        if exchange.type_url in _HALF_APPLIED and self._record.doubted(exchange.type_url):
            self._record.trust(exchange.type_url, response.names)
        awaited = self._record.awaited(exchange.type_url)
        if awaited:
            self._witness(exchange.type_url, response, frozenset(awaited))

    def reject(self, exchange: Exchange, response: InFlight, nack: Nack, text: str) -> None:
        """The client rejected a response, and said `text`."""
        exchange.nack = nack
        if exchange.type_url in _HALF_APPLIED:
            self._record.doubt(exchange.type_url, response.names)
        contained = exchange.contained
        rejection = Rejection(
            resources=tuple(e for chunk in response.chunks for e in chunk.resources),
            removed=response.removed,
            base=response.base,
            text=text,
            message=nack.message,
        )
        if contained is not None and response.trial is not None:
            contained.rejected(rejection)
        elif rejection.resources:
            contained = exchange.contained = contained or self._containment(exchange, nack.at)
            contained.reject(rejection, nack.at)
        else:  # there is nothing in it that could be left out
            exchange.rejected_at = max(exchange.rejected_at, nack.generation)
            return
        self._conclude(exchange, contained)

    def trial(self, exchange: Exchange, now: float) -> Trial | None:
        """What to send now to find out more. What has changed is let go of first, so that it is
        sent with other changes.
        """
        self.resumes_at = None
        contained = exchange.contained
        if contained is None:
            return None
        contained.refresh()
        self._conclude(exchange, contained)
        if not contained.searching or contained.trying or exchange.full:
            return None
        allowed_at = self._allowance.allowed_at(now)
        if allowed_at > now:
            self.resumes_at = allowed_at
            exchange.strays |= contained.take_removed()
            return None
        self._allowance.take(now)
        entries, removed = contained.next()
        size = sum(len(entry.framed) for entry in entries)  # in one piece, as it was decided
        return Trial(
            slice=sliced(entries, chunk_bytes=size), removed=removed, began=contained.began
        )

    def unlisted(self, exchange: Exchange) -> frozenset[str]:
        """What a client that comes back may run without saying so, and should not (X-103)."""
        return frozenset(
            n for n in self._record.doubted(exchange.type_url) if not exchange.holds(n)
        )

    def held_before(self, type_url: str, held: Mapping[str, str]) -> None:
        """A client that comes back says what it accepted before."""
        for name, version in tuple(self._record.awaited(type_url)):
            if held.get(name) == version:
                self._record.accept(type_url, (name, version))

    def sifted(self, exchange: Exchange, slices: list[Slice], now: float) -> list[Slice]:
        """The slices without what is kept from the client, or looked into."""
        if exchange.contained is None and not self._record.concerned:
            return slices
        contained = exchange.contained or self._containment(exchange, now)
        entries = {e.name: e for part in slices for chunk in part.chunks for e in chunk.resources}
        gone = exchange.gone(self._publisher.generation)
        held = contained.hold_back(entries, gone, exchange.acked)
        self._conclude(exchange, contained)
        if not held:
            return slices
        left = [entry for name, entry in entries.items() if name not in held]
        return [sliced(left, chunk_bytes=self._publisher.chunk_bytes)]

    def close(self) -> None:
        """The stream ended. May be called twice."""
        self._tally.close()
        self._record.close()

    def _containment(self, exchange: Exchange, now: float) -> Containment:
        return Containment(
            exchange.type_url,
            record=self._record,
            past=self._publisher.past,
            current=exchange.current,
            began=now,
        )

    def _conclude(self, exchange: Exchange, contained: Containment) -> None:
        if not contained.searching and exchange.type_url != CDS:
            exchange.strays |= contained.take_removed()
        if again := contained.take_again():
            exchange.again |= again
        exchange.contained = contained if contained else None
        self._tally.count(exchange.type_url, contained)

    def _witness(self, type_url: str, response: InFlight, awaited: Iterable[Content]) -> None:
        """Others rejected what this client accepts."""
        sent = {(e.name, e.version) for chunk in response.chunks for e in chunk.resources}
        for content in sent.intersection(awaited):
            self._record.accept(type_url, content)
