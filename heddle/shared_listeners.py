"""The listeners that the hosts of one scope share, remade only where something about them has
changed.
"""

from collections import Counter
from collections.abc import Iterator

from heddle.encode import Encoded, encode
from heddle.host_cache import Host
from heddle.stamps import NO_STAMPS, Stamps
from mesh.binds import Bind
from translator import frames, names
from translator.config import Config
from translator.listeners_outbound import ANY_ADDRESS, Settings
from translator.listeners_shared import Claim, Place
from xds.types import LDS


class SharedListeners:
    """What hosts want of each place, and the listener that was made there last."""

    def __init__(self, stamps: Stamps = NO_STAMPS) -> None:
        self._stamps = stamps
        self._claims: dict[Place, dict[str, list[Claim]]] = {}
        self._ports: frozenset[int] = frozenset()
        self._own: Counter[str] = Counter()
        """The listeners that hosts have for themselves, by name."""
        self._made: dict[Place, Encoded] = {}
        self._touched: set[Place] = set()

    def replace(self, host: str, old: Host, new: Host) -> None:
        """Takes in that a host has become another."""
        if old.claims != new.claims:
            for claim in old.claims:
                self._claims[claim.place].pop(host, None)
            for claim in new.claims:
                self._claims.setdefault(claim.place, {}).setdefault(host, []).append(claim)
            self._touched |= {claim.place for claim in (*old.claims, *new.claims)}
        before, after = old.resources.get(LDS, {}).keys(), new.resources.get(LDS, {}).keys()
        self._own.subtract(before - after)
        self._own.update(after - before)
        for name in before - after:
            if not self._own[name]:
                del self._own[name]
        self._touched |= {Place(*names.parse_listener(name)) for name in before ^ after}

    def remade(
        self, ports: frozenset[int], settings: Settings, *, everything: bool
    ) -> Iterator[tuple[Encoded, Encoded]]:
        """What was and what is now, for each place where that may differ; `ports` are those of HTTP
        services.
        """
        places = self._touched | {Place(ANY_ADDRESS, port) for port in ports ^ self._ports}
        binds = {Place(bind.address, bind.port): bind for bind in settings.outgoing.binds}
        if everything:
            places |= self._made.keys() | binds.keys()
        self._ports, self._touched = ports, set()
        for place in sorted(places):
            old = self._made.pop(place, {})
            new = encode(self._listeners(place, settings, binds.get(place)), self._stamps)
            if new[LDS]:
                self._made[place] = new
            yield old, new

    def _listeners(self, place: Place, settings: Settings, bind: Bind | None) -> Config:
        by_host = self._claims.get(place, {})
        if not by_host:
            self._claims.pop(place, None)
        any_address = place.address == ANY_ADDRESS
        return frames.shared(
            {place.port} if any_address and place.port in self._ports else (),
            [claim for claimed in by_host.values() for claim in claimed],
            self._own,
            settings,
            (bind,) if bind else (),
        )
