"""Removals of clusters, which wait until nothing that the client runs refers to them (X-81).

A removal may go once the routes and listeners of its generation are acknowledged, and goes anyway
after a grace period: a client that never acknowledges keeps no cluster for ever. A removal whose
name has come back meanwhile has lapsed.
"""

from xds.exchange import Exchange
from xds.interest import NO_NAMES
from xds.standing import NEVER

NO_DEADLINE = float("-inf")
_LIMIT = 8


class ClusterRemovals:
    """What one stream still has to take from its client. Bounded: late generations merge."""

    def __init__(self, grace: float) -> None:
        self._grace = grace
        self._waiting: list[tuple[int, float]] = []
        self._strays: frozenset[str] = NO_NAMES
        self._strays_at = NEVER

    def __bool__(self) -> bool:
        return bool(self._waiting)

    @property
    def deadline(self) -> float | None:
        """When the oldest may go in any case."""
        return self._waiting[0][1] if self._waiting else None

    def stray(self, names: frozenset[str], generation: int, now: float) -> None:
        """Clusters that the client said, or shows, it has, and that no part holds."""
        if names:
            self._strays |= names
            self._strays_at = generation
            self._add(generation, now)

    def notice(self, clusters: Exchange, now: float) -> bool:
        """Let what was removed since the last look wait; whether anything waits."""
        newest = last_removal(clusters)
        if newest > clusters.removed:
            self._add(newest, now)
        return bool(self._waiting)

    def release(self, clusters: Exchange, confirmed: int, now: float) -> set[str]:
        """The names that may go now, given the generation that routes and listeners have reached.

        Moves the cursor of removals. With the time `NO_DEADLINE` no grace period has passed.
        """
        released = self._due(confirmed, now)
        if released == NEVER:
            return set()
        gone: set[str] = set()
        if released >= self._strays_at:
            gone.update(name for name in self._strays if not clusters.holds(name))
            self._strays = NO_NAMES
        for track in clusters.tracks:
            gone.update(track.removals(clusters.removed, released, clusters.interest))
        if gone:  # until the client says so, it has not accepted that these are gone
            clusters.acked = min(clusters.acked, clusters.removed)
        clusters.removed = max(clusters.removed, released)
        return gone

    def _add(self, generation: int, now: float) -> None:
        if self._waiting and self._waiting[-1][0] >= generation:
            return
        if len(self._waiting) >= _LIMIT:
            self._waiting.pop()
        self._waiting.append((generation, now + self._grace))

    def _due(self, confirmed: int, now: float) -> int:
        released = NEVER
        while self._waiting:
            generation, deadline = self._waiting[0]
            if generation > confirmed and deadline > now:
                break
            released = generation
            del self._waiting[0]
        return released


def last_removal(clusters: Exchange) -> int:
    """The newest generation in which one of the parts lost a cluster."""
    return max([track.removed for track in clusters.tracks], default=0)
