"""Slices are cut to size and shared within a budget."""

from tests.xds.resources import cluster, raw, static_cluster
from tests.xds.rules import rules
from xds.slices import NO_SLICE, SliceCache, sliced
from xds.types import CDS


@rules("X-109")
def test_chunks_keep_to_the_size_and_an_oversized_resource_travels_alone() -> None:
    entries = [raw(CDS, name, size) for name, size in zip("abcd", (10, 10, 900, 10), strict=True)]
    part = sliced(entries, chunk_bytes=300)
    assert [[r.name for r in chunk.resources] for chunk in part.chunks] == [
        ["a", "b"],
        ["c"],
        ["d"],
    ]
    assert part.size == sum(len(entry.framed) for entry in entries)
    assert part.names == frozenset("abcd")


def test_nothing_is_the_one_empty_slice() -> None:
    assert sliced([], chunk_bytes=10) is NO_SLICE


def test_clusters_name_their_endpoints() -> None:
    part = sliced(
        [cluster("a"), cluster("b", service="c"), static_cluster("d")], chunk_bytes=1 << 20
    )
    assert part.endpoint_names == {"a", "c"}


def test_the_cache_makes_a_slice_once_and_lets_the_oldest_go() -> None:
    cache = SliceCache(max_bytes=1 << 20, max_entries=2)
    part = sliced([cluster("a")], chunk_bytes=10)
    for key in ("a", "b", "a", "c", "a", "b"):
        assert cache.get(key, lambda: part) is part
    assert cache.made == 4  # a, b, c, and b again after c took its place


def test_the_cache_is_bounded_in_bytes() -> None:
    cache = SliceCache(max_bytes=1000)
    for number in range(10):
        cache.get(number, lambda: sliced([raw(CDS, "x", 300)], chunk_bytes=10))
    assert cache._bytes <= 1000
    assert len(cache._values) < 4
