"""What lies between two points in a type's history, joined once for all streams that stand there.

A slice is computed per part, type, starting point and interest, and kept in a cache bounded in
bytes: big slices are needed only while clients connect, small ones only while a push goes round.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Generic, Protocol, TypeVar

from envoy.config.cluster.v3 import cluster_pb2

from xds.resource import Resource


@dataclass(frozen=True, eq=False)
class Chunk:
    """Resources that travel together in one response; `body` is their framed bytes, joined. It does
    not show, for they may be secrets.
    """

    resources: tuple[Resource, ...]
    body: bytes = field(repr=False)


@dataclass(frozen=True, eq=False)
class Slice:
    """The resources of one part and type that a stream lacks, in chunks of bounded size."""

    chunks: tuple[Chunk, ...]

    @cached_property
    def size(self) -> int:
        """How many bytes the bodies have."""
        return sum(len(chunk.body) for chunk in self.chunks)

    @cached_property
    def names(self) -> frozenset[str]:
        """The names of all resources in it."""
        return frozenset(entry.name for chunk in self.chunks for entry in chunk.resources)

    @cached_property
    def endpoint_names(self) -> frozenset[str]:
        """For a slice of clusters: the EDS names that they refer to (X-61)."""
        return frozenset(
            name
            for chunk in self.chunks
            for entry in chunk.resources
            if (name := endpoint_name(entry)) is not None
        )


NO_SLICE = Slice(())


def sliced(resources: Iterable[Resource], *, chunk_bytes: int) -> Slice:
    """Join resources into chunks of at most `chunk_bytes`, or of one larger resource (X-109)."""
    chunks: list[Chunk] = []
    pending: list[Resource] = []
    size = 0
    for entry in resources:
        if pending and size + len(entry.framed) > chunk_bytes:
            chunks.append(_chunk(pending))
            pending, size = [], 0
        pending.append(entry)
        size += len(entry.framed)
    if pending:
        chunks.append(_chunk(pending))
    return Slice(tuple(chunks)) if chunks else NO_SLICE


class Sized(Protocol):
    """What a cache may hold."""

    @property
    def size(self) -> int:
        """How many bytes it has."""


Value = TypeVar("Value", bound=Sized)


class Cache(Generic[Value]):
    """The least recently used go first; the largest possible total is bounded in bytes."""

    def __init__(
        self,
        *,
        max_bytes: int = 64 << 20,
        max_entries: int = 4096,
        keeps: Callable[[Value], bool] = lambda value: True,
    ) -> None:
        """`keeps`: whether a value is kept at all, or made each time."""
        self._keeps = keeps
        self._max_bytes = max_bytes
        self._max_entries = max_entries
        self._bytes = 0
        self._values: OrderedDict[Hashable, Value] = OrderedDict()
        self.made = 0
        """How many values were computed, not found: the sharing that a benchmark can prove."""

    def peek(self, key: Hashable) -> Value | None:
        """The value under `key`, if it is still there."""
        return self._values.get(key)

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The value under `key`, made now if nobody has needed it lately."""
        known = self._values.get(key)
        if known is not None:
            self._values.move_to_end(key)
            return known
        made = make()
        self.made += 1
        if not self._keeps(made):
            return made
        self._values[key] = made
        self._bytes += made.size
        while self._bytes > self._max_bytes or len(self._values) > self._max_entries:
            _, oldest = self._values.popitem(last=False)
            self._bytes -= oldest.size
        return made


class SliceCache(Cache[Slice]):
    """The slices of one publisher."""


def _chunk(resources: list[Resource]) -> Chunk:
    return Chunk(tuple(resources), b"".join(entry.framed for entry in resources))


def endpoint_name(entry: Resource) -> str | None:
    """The EDS name that a cluster refers to, if it is of that kind."""
    cluster = cluster_pb2.Cluster.FromString(entry.message_bytes)
    if cluster.type != cluster_pb2.Cluster.EDS:
        return None
    return cluster.eds_cluster_config.service_name or cluster.name
