"""What there is to serve, in parts: opaque keys here, shared by all streams that select them.

A publish is atomic and has a generation, one counter for all parts: a stream may skip generations,
and never mixes two of them (X-86). Streams whose parts did not change are not even visited.
"""

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from xds.errors import PublishError, UnknownPart
from xds.interest import Interner
from xds.past import Past
from xds.resource import Resource
from xds.slices import SliceCache
from xds.sotw_state import States
from xds.track import Track
from xds.types import PUSH_ORDER, SDS, VHDS

PartKey = Hashable
"""Names a part. What it means is the owner's affair; the engine may use any hashable value."""


def _none() -> Mapping[str, tuple[()]]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class PartChange:
    """What one publish changes in one part, by type URL. An equal upsert is no change."""

    upserts: Mapping[str, Sequence[Resource]] = field(default_factory=_none)
    removals: Mapping[str, Collection[str]] = field(default_factory=_none)


class Part:
    """One part: a track per type, and the streams that have it."""

    def __init__(
        self, slices: SliceCache, past: Past, *, chunk_bytes: int, tombstones: int
    ) -> None:
        self.tracks = {
            type_url: Track(
                slices,
                chunk_bytes=chunk_bytes,
                tombstones=tombstones,
                past=past if type_url == VHDS else None,
                secret=type_url == SDS,
            )
            for type_url in PUSH_ORDER
        }
        self.watches: dict[Watch, None] = {}
        self.changed = 0
        """The generation of the last change of any kind."""
        self.dropped = False


class Watch:
    """A stream's claim on its parts: `wake` is called after a publish that changed one of them."""

    def __init__(self, parts: tuple[Part, ...], wake: Callable[[], None]) -> None:
        self.parts = parts
        self.wake = wake
        for part in parts:
            part.watches[self] = None

    def changed_after(self, generation: int) -> bool:
        """Whether a later generation has changed any of the parts."""
        for part in self.parts:  # noqa: SIM110  # asked of every stream: `any` takes twice as long
            if part.changed > generation:
                return True
        return False

    def close(self) -> None:
        """Give the parts up. May be called twice."""
        for part in self.parts:
            part.watches.pop(self, None)


class Publisher:
    """Holds the parts and wakes the streams. Sans-I/O: `wake` callbacks must not block."""

    def __init__(
        self,
        *,
        chunk_bytes: int = 1 << 20,
        cache_bytes: int = 64 << 20,
        tombstones: int = 4096,
    ) -> None:
        self.generation = 0
        """Counts the publishes that changed something."""
        self.interner = Interner()
        self.slices = SliceCache(max_bytes=cache_bytes)
        self.states = States(max_bytes=cache_bytes)
        self.past = Past()
        self.chunk_bytes = chunk_bytes
        self._tombstones = tombstones
        self._parts: dict[PartKey, Part] = {}

    def publish(self, changes: Mapping[PartKey, PartChange]) -> int:
        """Apply all changes at once; the generation that has them.

        A part that nobody has published before begins to exist, even when its change is empty. If
        nothing differs from what is there, the generation stays and nobody is woken.
        """
        effective = {key: self._effective(key, change) for key, change in changes.items()}
        for key in changes:
            if key not in self._parts:
                self._parts[key] = Part(
                    self.slices,
                    self.past,
                    chunk_bytes=self.chunk_bytes,
                    tombstones=self._tombstones,
                )
        changed = {key: change for key, change in effective.items() if _is_change(change)}
        if not changed:
            return self.generation
        self.generation += 1
        watches: dict[Watch, None] = {}
        for key, change in changed.items():
            part = self._parts[key]
            part.changed = self.generation
            for type_url in change.upserts.keys() | change.removals.keys():
                part.tracks[type_url].apply(
                    self.generation,
                    change.upserts.get(type_url, ()),
                    change.removals.get(type_url, ()),
                )
            watches.update(part.watches)
        for watch in watches:
            watch.wake()
        return self.generation

    def replace(self, key: PartKey, full: Mapping[str, Iterable[Resource]]) -> int:
        """Make `full` all that the part holds."""
        return self.publish({key: self.difference(key, full)})

    def difference(self, key: PartKey, full: Mapping[str, Iterable[Resource]]) -> PartChange:
        """The change that makes `full` all that the part holds; types left out become empty."""
        upserts = {type_url: tuple(resources) for type_url, resources in full.items()}
        part = self._parts.get(key)
        if part is None:
            return PartChange(upserts=upserts)
        removals = {}
        for type_url, track in part.tracks.items():
            kept = {entry.name for entry in upserts.get(type_url, ())}
            removals[type_url] = tuple(
                sorted(e.name for e in track.resources() if e.name not in kept)
            )
        return PartChange(upserts=upserts, removals=removals)

    def drop(self, key: PartKey) -> None:
        """Forget the part. Streams that have it end, and their clients ask for a new selection."""
        part = self._parts.pop(key, None)
        if part is None:
            return
        part.dropped = True
        for watch in tuple(part.watches):
            watch.wake()

    def exists(self, key: PartKey) -> bool:
        """Whether there is such a part."""
        return key in self._parts

    def interest(self, key: PartKey) -> int:
        """How many streams have the part."""
        part = self._parts.get(key)
        return len(part.watches) if part is not None else 0

    def changed_at(self, key: PartKey, type_url: str, name: str) -> int | None:
        """The generation that a resource of the part has its content from, if it has the
        resource."""
        track = _track(self._parts.get(key), type_url)
        return track.changed_at(name) if track is not None and name in track else None

    def keys(self) -> tuple[PartKey, ...]:
        """All parts that exist."""
        return tuple(self._parts)

    def resources(self, key: PartKey, type_url: str) -> Mapping[str, Resource]:
        """What the part holds of one type, by name."""
        track = self._part(key).tracks[type_url]
        return {entry.name: entry for entry in track.resources()}

    def watch(self, keys: Iterable[PartKey], wake: Callable[[], None]) -> Watch:
        """Claim parts for a stream; `UnknownPart` if one does not exist."""
        return Watch(tuple(self._part(key) for key in dict.fromkeys(keys)), wake)

    def _part(self, key: PartKey) -> Part:
        part = self._parts.get(key)
        if part is None:
            raise UnknownPart(f"no part {key!r}")
        return part

    def _effective(self, key: PartKey, change: PartChange) -> PartChange:
        """The change without what is there already, checked for contradictions."""
        part = self._parts.get(key)
        upserts: dict[str, tuple[Resource, ...]] = {}
        removals: dict[str, tuple[str, ...]] = {}
        for type_url, resources in change.upserts.items():
            track = _track(part, type_url)
            named = {entry.name: entry for entry in resources}
            if len(named) != len(resources):
                raise PublishError(f"part {key!r} names a resource of {type_url} twice")
            upserts[type_url] = tuple(
                e for e in resources if track is None or not _same(track.get(e.name), e)
            )
            if both := named.keys() & set(change.removals.get(type_url, ())):
                raise PublishError(f"part {key!r} both sends and removes {sorted(both)[0]!r}")
        for type_url, names in change.removals.items():
            track = _track(part, type_url)
            removals[type_url] = tuple(n for n in dict.fromkeys(names) if track and n in track)
        return PartChange(upserts=upserts, removals=removals)


def _track(part: Part | None, type_url: str) -> Track | None:
    if type_url not in PUSH_ORDER:
        raise PublishError(f"type {type_url!r} is not served")
    return part.tracks[type_url] if part is not None else None


def _same(held: Resource | None, new: Resource) -> bool:
    return held is new or (held is not None and held.version == new.version)


def _is_change(change: PartChange) -> bool:
    return any(change.upserts.values()) or any(change.removals.values())
