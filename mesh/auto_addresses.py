"""Virtual IPs for hosts of ServiceEntries that name none, from the ranges of Istio's automatic
allocation.

An address follows from the names alone: the hash of namespace, entry and host points at a place,
and of two that point at the same one the older stays and the younger moves to the next free place.
So all replicas agree without talking, and an entry keeps its address through restarts and through
the edits of others, but for the few that share a place with one that comes or goes.

The table is an ordered hash table with linear probing: what is in it decides its layout, not the
order in which it came.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from ipaddress import ip_address

from crds.meta import Key
from mesh.order import Rank

_FIRST_IPV4 = int(ip_address("240.240.0.1"))
_FIRST_IPV6 = int(ip_address("2001:2::1"))
PLACES = 65_534
"""Of 240.240.0.0/16, without its first and its last address. A host that finds none free has no
address.
"""


@dataclass(frozen=True, slots=True, order=True)
class Claim:
    """A host of an entry that needs an address; the smaller one goes first."""

    rank: Rank
    key: Key
    host: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Claims by place, from 0 to `size` - 1, and those that found none free."""

    size: int = PLACES
    taken: Mapping[int, Claim] = field(default_factory=dict)
    waiting: frozenset[Claim] = frozenset()

    def addresses(self, claim: Claim) -> tuple[str, ...]:
        """The IPv4 and the IPv6 address of a claim; none if there was no room for it."""
        place = _place(self.taken, self.size, claim)
        if place is None:
            return ()
        return str(ip_address(_FIRST_IPV4 + place)), str(ip_address(_FIRST_IPV6 + place))


def advance(table: Table, gone: Iterable[Claim], come: Iterable[Claim]) -> tuple[Table, set[Claim]]:
    """`table` without the claims of `gone` and with those of `come`, and the claims whose address
    is another than before.
    """
    out, new = set(gone), set(come)
    if out == new:
        return table, set()
    draft = _Draft(table)
    for claim in out - new:
        draft.remove(claim)
    for claim in new - out:
        draft.put(claim)
    return draft.done()


class _Draft:
    """A table while it changes."""

    def __init__(self, table: Table) -> None:
        self._old = table
        self._taken = dict(table.taken)
        self._waiting = set(table.waiting)
        self._touched: set[int] = set()

    def remove(self, claim: Claim) -> None:
        """Those that follow without a gap may move up, and those without a place may get one."""
        self._waiting.discard(claim)
        place = _place(self._taken, self._old.size, claim)
        if place is None:
            return
        pulled: list[Claim] = []
        while (there := self._taken.pop(place, None)) is not None:
            self._touched.add(place)
            pulled.append(there)
            place = (place + 1) % self._old.size
        self._waiting, again = set(), [*pulled[1:], *self._waiting]
        for other in again:
            self.put(other)

    def put(self, claim: Claim) -> None:
        """At the first place from its own on that no older claim has."""
        place = _home(claim, self._old.size)
        for _ in range(self._old.size):
            there = self._taken.get(place)
            if there is None or claim < there:
                self._taken[place] = claim
                self._touched.add(place)
                if there is None:
                    return
                claim = there
            place = (place + 1) % self._old.size
        self._waiting.add(claim)

    def done(self) -> tuple[Table, set[Claim]]:
        """The table that came of it, and the claims that have moved."""
        new = Table(size=self._old.size, taken=self._taken, waiting=frozenset(self._waiting))
        before = {(p, self._old.taken[p]) for p in self._touched if p in self._old.taken}
        after = {(p, self._taken[p]) for p in self._touched if p in self._taken}
        return new, {claim for _, claim in before ^ after}


def _home(claim: Claim, size: int) -> int:
    name = f"{claim.key.namespace}/{claim.key.name}/{claim.host}"
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big") % size


def _place(taken: Mapping[int, Claim], size: int, claim: Claim) -> int | None:
    place = _home(claim, size)
    for _ in range(size):
        there = taken.get(place)
        if there is None:
            return None
        if there == claim:
            return place
        place = (place + 1) % size
    return None
