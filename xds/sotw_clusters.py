"""Clusters that are gone, and that a state-of-the-world client keeps for a while (X-81).

Each response of clusters is everything, so a cluster is kept by sending it along, unchanged, until
the routes and listeners that let go of it are acknowledged, or a grace period has passed.
"""

from dataclasses import dataclass

from xds.interest import Interest
from xds.resource import Resource
from xds.sotw_state import State


@dataclass(frozen=True, slots=True)
class _Kept:
    entry: Resource
    generation: int
    deadline: float


class KeptClusters:
    """What one stream keeps. A name that comes back is not kept but held."""

    def __init__(self, grace: float) -> None:
        self._grace = grace
        self._kept: dict[str, _Kept] = {}

    def __bool__(self) -> bool:
        return bool(self._kept)

    @property
    def resources(self) -> tuple[Resource, ...]:
        """What is sent along, by name."""
        return tuple(self._kept[name].entry for name in sorted(self._kept))

    @property
    def oldest(self) -> int:
        """The first generation that something is kept from."""
        return min(kept.generation for kept in self._kept.values())

    @property
    def deadline(self) -> float:
        """When the first one goes in any case."""
        return min(kept.deadline for kept in self._kept.values())

    def update(
        self, held: State | None, wanted: State, interest: Interest, generation: int, now: float
    ) -> None:
        """Keep what the client holds and is not to hold from `generation` on."""
        if held is None:
            return
        there = wanted.versions
        self._kept = {
            entry.name: self._kept.get(entry.name) or _Kept(entry, generation, now + self._grace)
            for entry in held.resources
            if entry.name not in there and interest.wants(entry.name)
        }

    def release(self, confirmed: int, now: float) -> bool:
        """Let go of what nothing refers to up to generation `confirmed`; whether there is such."""
        before = len(self._kept)
        self._kept = {
            name: kept
            for name, kept in self._kept.items()
            if kept.generation > confirmed and kept.deadline > now
        }
        return len(self._kept) < before
