"""Turns what a type owes into responses: joins of shared bytes, each with a nonce of its own."""

from collections.abc import Collection, Sequence
from typing import Final

from xds.exchange import Exchange, InFlight
from xds.observer import Observer
from xds.resource import framed_absence, framed_nonce, framed_removals, framed_type
from xds.slices import Chunk, Slice
from xds.types import PUSH_ORDER

_TYPE_FIELDS: Final = {type_url: framed_type(type_url) for type_url in PUSH_ORDER}


class Outbox:
    """Writes the responses of one stream. Nonces are unique within it and never empty (X-20)."""

    def __init__(self, observer: Observer, *, chunk_bytes: int) -> None:
        self._observer = observer
        self._chunk_bytes = chunk_bytes
        self._nonces = 0

    def push(
        self,
        exchange: Exchange,
        slices: Sequence[Slice],
        *,
        removed: Collection[str],
        absent: Collection[str] = (),
        generation: int,
        now: float,
        trial: float | None = None,
    ) -> list[bytes]:
        """Pack the slices into responses. What is removed or absent goes with the first.

        `trial`: they are sent to find a culprit, the search for which began then.
        """
        chunks = [chunk for part in slices for chunk in part.chunks]
        if not (chunks or removed or absent or exchange.must_answer):
            return []
        base = exchange.sent if exchange.in_flight else exchange.acked
        gone = tuple(sorted(removed))
        extra = framed_removals(gone) + b"".join(map(framed_absence, sorted(absent)))
        out: list[bytes] = []
        for group in self._groups(exchange, chunks):
            response = InFlight(
                nonce=self._nonce(),
                base=base,
                generation=generation,
                sent_at=now,
                chunks=group,
                removed=() if out else gone,
                trial=trial,
            )
            out.append(self._encoded(exchange, response, b"" if out else extra))
        return out

    def refuse(self, type_url: str, names: Collection[str]) -> bytes:
        """Say that names of a type that is not served do not exist (X-06)."""
        gone = framed_removals(tuple(sorted(names)))
        return framed_type(type_url) + gone + framed_nonce(self._nonce())

    def _groups(self, exchange: Exchange, chunks: list[Chunk]) -> list[tuple[Chunk, ...]]:
        """Chunks of several parts, put together up to a size (X-109); at least one, even empty.

        A domain that moves from one virtual host to another must not be torn apart (X-129), nor an
        address that moves from one listener to another, so what a client holds already changes in
        one response, whatever its size.
        """
        if exchange.removes_at_once and not exchange.initial:
            return [tuple(chunks)]
        groups: list[list[Chunk]] = [[]]
        size = 0
        for chunk in chunks:
            if groups[-1] and size + len(chunk.body) > self._chunk_bytes:
                groups.append([])
                size = 0
            groups[-1].append(chunk)
            size += len(chunk.body)
        return [tuple(group) for group in groups]

    def _encoded(self, exchange: Exchange, response: InFlight, extra: bytes) -> bytes:
        exchange.in_flight.append(response)
        bodies = (chunk.body for chunk in response.chunks)
        nonce = framed_nonce(response.nonce)
        encoded = b"".join((_TYPE_FIELDS[exchange.type_url], *bodies, extra, nonce))
        self._observer.sent(exchange.type_url, len(encoded))
        return encoded

    def _nonce(self) -> str:
        self._nonces += 1
        return f"{self._nonces:x}"
