"""All that a state-of-the-world client is to hold of one type: computed and joined once for all
streams that stand there.

`version_info` is a hash of what is held, so it is equal on every replica and after a restart, and a
client that reconnects with it needs nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b

from xds.interest import Interest
from xds.resource import Resource, framed_type, framed_version
from xds.slices import Cache, endpoint_name
from xds.track import Track

_ENTRY_SIZE = 64
"""Roughly what a state costs for each resource, which it only refers to, in bytes."""


@dataclass(frozen=True, eq=False)
class State:
    """The resources of one type, sorted by name; `version` is the hash of names and versions.
    `secret` ones are kept in no cache.
    """

    version: str
    resources: tuple[Resource, ...]
    secret: bool = False

    @property
    def size(self) -> int:
        """What it costs to keep, in bytes."""
        return _ENTRY_SIZE * len(self.resources)

    @cached_property
    def versions(self) -> dict[str, str]:
        """The version of each resource."""
        return {entry.name: entry.version for entry in self.resources}


@dataclass(frozen=True, slots=True)
class _Body:
    """A response without its nonce, and what it brings."""

    encoded: bytes = field(repr=False)
    state: State

    @property
    def size(self) -> int:
        return len(self.encoded)


@dataclass(frozen=True, slots=True)
class _Names:
    """Names of endpoints."""

    names: frozenset[str]

    @property
    def size(self) -> int:
        return _ENTRY_SIZE * len(self.names)


def state(resources: Iterable[Resource], *, secret: bool = False) -> State:
    """The state that holds these, whatever their order."""
    ordered = tuple(sorted(resources, key=lambda entry: entry.name))
    pairs = "".join(f"{entry.name}\0{entry.version}\0" for entry in ordered)
    return State(blake2b(pairs.encode(), digest_size=8).hexdigest(), ordered, secret)


class States:
    """The states that streams stand at, and their bytes; bounded."""

    def __init__(self, *, max_bytes: int = 64 << 20) -> None:
        self._states: Cache[State] = Cache(max_bytes=max_bytes, keeps=lambda made: not made.secret)
        self._bodies: Cache[_Body] = Cache(
            max_bytes=max_bytes, keeps=lambda made: not made.state.secret
        )
        self._names: Cache[_Names] = Cache(max_bytes=max_bytes)

    @property
    def made(self) -> int:
        """How many bodies were joined, not found."""
        return self._bodies.made

    def current(self, tracks: Sequence[Track], interest: Interest) -> State:
        """What a client of these parts with this interest is to hold now."""
        key = (interest, *((track, track.changed, track.removed) for track in tracks))
        secret = any(track.secret for track in tracks)
        found = (entry for track in tracks for entry in track.wanted(interest))
        return self._states.get(key, lambda: state(found, secret=secret))

    def with_kept(self, wanted: State, kept: tuple[Resource, ...]) -> State:
        """`wanted`, and what is kept beside it for a while."""
        if not kept:
            return wanted
        key = (wanted.version, tuple((entry.name, entry.version) for entry in kept))
        return self._states.get(
            key, lambda: state((*wanted.resources, *kept), secret=wanted.secret)
        )

    def narrowed(self, held: State, interest: Interest) -> State:
        """What is left of `held` for a client that no longer wants all of it."""
        key = (held.version, interest)
        return self._states.get(
            key,
            lambda: state(
                (entry for entry in held.resources if interest.wants(entry.name)),
                secret=held.secret,
            ),
        )

    def body(self, type_url: str, sent: State) -> bytes:
        """The response that brings a state, but for its nonce."""
        return self._bodies.get((type_url, sent.version), lambda: _body(type_url, sent)).encoded

    def sent(self, type_url: str, version: str) -> State | None:
        """What a client holds that says it has this version, if it was sent here and lately."""
        found = self._bodies.peek((type_url, version))
        return found.state if found is not None else None

    def endpoint_names(self, held: State | None, sent: State) -> frozenset[str]:
        """The endpoints of clusters that `sent` adds to `held` or changes there."""
        key = (held.version if held is not None else None, sent.version)
        return self._names.get(key, lambda: _changed_endpoint_names(held, sent)).names


def _body(type_url: str, sent: State) -> _Body:
    entries = (entry.framed_any(type_url) for entry in sent.resources)
    encoded = b"".join((framed_version(sent.version), *entries, framed_type(type_url)))
    return _Body(encoded, sent)


def _changed_endpoint_names(held: State | None, sent: State) -> _Names:
    before = held.versions if held is not None else {}
    changed = (entry for entry in sent.resources if before.get(entry.name) != entry.version)
    return _Names(frozenset(n for entry in changed if (n := endpoint_name(entry)) is not None))
