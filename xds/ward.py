"""Keeps what one client rejects from harming anything else: on its own stream, and on others.

A stream whose client never rejected anything, and that nothing is kept from, pays for none of it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from xds.containment import Containment, Rejection
from xds.exchange import Exchange, InFlight
from xds.limits import Limits
from xds.observer import Observer
from xds.publisher import Publisher
from xds.quarantine import Record
from xds.search import Content
from xds.slices import Slice, sliced
from xds.standing import Nack
from xds.types import CDS, LDS
from xds.warden import Warden

_HALF_APPLIED: Final = frozenset({CDS, LDS})
"""Of a rejected response of these the client takes what is good, and does not list it (X-103)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What to send to find a culprit, the search for which began at `began`."""

    slice: Slice
    removed: frozenset[str]
    began: float


class Ward(Warden):
    """What a delta stream does about rejections."""

    def __init__(
        self, record: Record, publisher: Publisher, observer: Observer, limits: Limits
    ) -> None:
        super().__init__(record, publisher, observer, limits)
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
