"""The history of one type in one part: what is there now, and when each name last changed.

Only the last change of a name matters to a stream that catches up, so the history is not a list of
events but each name once, in the order of its last change. It is therefore never too short for what
is there, and only the names that are gone need a bound: a stream that slept through more removals
than are remembered has to reconnect and say what it holds.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping

from xds.interest import Again, Interest, root
from xds.past import Past
from xds.resource import Resource
from xds.slices import NO_SLICE, Slice, SliceCache, sliced

_REMEMBERED_GENERATIONS = 64


class Track:
    """One type of one part. Generations are the publisher's and only grow."""

    def __init__(
        self,
        slices: SliceCache,
        *,
        chunk_bytes: int,
        tombstones: int,
        past: Past | None = None,
        secret: bool = False,
    ) -> None:
        """`past` is told of what is replaced or removed. `secret` contents are kept in no cache:
        what is replaced, or whose part is dropped, is forgotten.
        """
        self.secret = secret
        self._slices = slices
        self._past = past
        self._chunk_bytes = chunk_bytes
        self._tombstones = tombstones
        self._live: dict[str, tuple[int, Resource]] = {}
        self._gone: dict[str, int] = {}
        self._generations: list[int] = []
        self._forgotten = False
        self.changed = 0
        """The generation of the last addition or change."""
        self.removed = 0
        """The generation of the last removal."""
        self.floor = 0
        """Removals up to this generation may have been forgotten."""

    def __contains__(self, name: str) -> bool:
        return name in self._live

    def __len__(self) -> int:
        return len(self._live)

    def resources(self) -> Iterator[Resource]:
        """Everything that is there, in no particular order."""
        return (entry for _, entry in self._live.values())

    def get(self, name: str) -> Resource | None:
        """The resource of that name, if it is there."""
        held = self._live.get(name)
        return held[1] if held is not None else None

    def changed_at(self, name: str) -> int:
        """The generation in which what is there was added or last changed."""
        return self._live[name][0]

    def missing(self, names: frozenset[str]) -> frozenset[str]:
        """Those of `names` that are not there."""
        return names.difference(self._live)

    def apply(self, generation: int, upserts: Iterable[Resource], removals: Iterable[str]) -> None:
        """Take what the publisher found to be a real change."""
        for entry in upserts:
            old = self._live.pop(entry.name, None)  # re-inserted: the order is that of changes
            if old is not None and self._past is not None:
                self._past.note(old[1], generation)
            self._gone.pop(entry.name, None)
            self._live[entry.name] = (generation, entry)
            self.changed = generation
        for name in removals:
            _, gone = self._live.pop(name)
            if self._past is not None:
                self._past.note(gone, generation)
            self._gone[name] = generation
            self.removed = generation
        while len(self._gone) > self._tombstones:
            self.floor = self._gone.pop(next(iter(self._gone)))
        if self.changed == generation:
            self._remember(generation)

    def select(self, since: int, interest: Interest, again: Again) -> Slice:
        """What a stream lacks that was last served at `since` (-1: never), and what it needs again.

        Made once for all streams that stand at the same point with the same interest.
        """
        if since >= self.changed and not (again.names or again.roots):
            return NO_SLICE
        since = self._canonical(since)
        if self.secret:
            return self._slice(since, interest, again)
        key = (self, self.changed, self.removed, since, interest, again)
        return self._slices.get(key, lambda: self._slice(since, interest, again))

    def removals(self, after: int, upto: int, interest: Interest) -> tuple[str, ...]:
        """Wanted names that went away in `after < generation <= upto` and have not come back."""
        found: list[str] = []
        for name in reversed(self._gone):
            generation = self._gone[name]
            if generation <= after:
                break
            if generation <= upto and interest.wants(name):
                found.append(name)
        return tuple(sorted(found))

    def wanted(self, interest: Interest) -> Iterator[Resource]:
        """Everything that is there and wanted, in no particular order."""
        return (self._live[name][1] for name in self._wanted(interest))

    def differing(self, held: Mapping[str, str], interest: Interest) -> list[str]:
        """Wanted names of which a client with these versions lacks the current one (X-60)."""
        return [
            name for name in self._wanted(interest) if held.get(name) != self._live[name][1].version
        ]

    def _slice(self, since: int, interest: Interest, again: Again) -> Slice:
        names = set(self._changed_since(since, interest))
        names.update(n for n in again.names if n in self._live and interest.wants(n))
        if again.roots:
            names.update(n for n in self._live if root(n) in again.roots and interest.wants(n))
        return sliced((self._live[n][1] for n in sorted(names)), chunk_bytes=self._chunk_bytes)

    def _changed_since(self, since: int, interest: Interest) -> Iterator[str]:
        if since < 0:
            yield from self._wanted(interest)
            return
        for name in reversed(self._live):
            if self._live[name][0] <= since:
                return
            if interest.wants(name):
                yield name

    def _wanted(self, interest: Interest) -> Iterator[str]:
        if interest.everything:
            matches: Callable[[str], bool] = interest.wants
            return (name for name in self._live if matches(name))
        return (name for name in interest.names if name in self._live)

    def _remember(self, generation: int) -> None:
        self._generations.append(generation)
        if len(self._generations) > _REMEMBERED_GENERATIONS:
            del self._generations[0]
            self._forgotten = True

    def _canonical(self, since: int) -> int:
        """The last generation up to `since` that changed something here.

        Streams that were last served at different times, but between the same two changes, stand
        at the same point and share one slice.
        """
        position = bisect_right(self._generations, since)
        if position:
            return self._generations[position - 1]
        return since if self._forgotten else -1
