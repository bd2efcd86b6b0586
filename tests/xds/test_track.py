"""A track knows what a stream lacks that stands anywhere in its history."""

from tests.xds.resources import cluster, virtual_host
from xds.interest import NOTHING_AGAIN, Again, Interest
from xds.resource import Resource
from xds.slices import NO_SLICE, SliceCache
from xds.track import Track

ALL = Interest(everything=True)


def track(*, tombstones: int = 100) -> Track:
    return Track(SliceCache(), chunk_bytes=1 << 20, tombstones=tombstones)


def clusters(*names: str, version: int = 1) -> list[Resource]:
    return [cluster(name, version) for name in names]


def test_a_stream_lacks_what_changed_since_it_was_served() -> None:
    history = track()
    history.apply(1, clusters("a", "b", "c"), [])
    history.apply(2, clusters("b", version=2), [])
    history.apply(3, clusters("d"), ["a"])
    lacks = {since: history.select(since, ALL, NOTHING_AGAIN).names for since in (-1, 0, 1, 2, 3)}
    assert lacks == {-1: set("bcd"), 0: set("bcd"), 1: set("bd"), 2: {"d"}, 3: frozenset()}
    assert (len(history), "a" in history, history.get("a")) == (3, False, None)


def test_only_what_is_wanted_is_selected() -> None:
    history = track()
    history.apply(1, clusters("a", "b"), [])
    named = Interest(names=frozenset({"b", "nowhere"}))
    assert history.select(-1, named, NOTHING_AGAIN).names == {"b"}
    assert history.select(0, Interest(), NOTHING_AGAIN).names == frozenset()


def test_names_and_roots_are_selected_again() -> None:
    history = track()
    history.apply(1, [virtual_host("80/a"), virtual_host("80/b"), virtual_host("90/a")], [])
    interest = Interest(True, frozenset(), frozenset({"80", "90"}))
    assert history.select(1, interest, Again(frozenset({"90/a", "90/x"}))).names == {"90/a"}
    again = Again(roots=frozenset({"80"}))
    assert history.select(1, interest, again).names == {"80/a", "80/b"}


def test_streams_between_the_same_two_changes_share_one_slice() -> None:
    history = track()
    for generation in (3, 7):
        history.apply(generation, clusters(f"c{generation}"), [])
    assert history.select(3, ALL, NOTHING_AGAIN) is history.select(6, ALL, NOTHING_AGAIN)
    assert history.select(-1, ALL, NOTHING_AGAIN) is history.select(2, ALL, NOTHING_AGAIN)
    assert history.select(7, ALL, NOTHING_AGAIN) is NO_SLICE


def test_streams_share_also_what_lies_further_back_than_generations_are_remembered() -> None:
    history = track()
    for generation in range(1, 100):
        history.apply(generation, clusters(f"c{generation}"), [])
    assert len(history.select(10, ALL, NOTHING_AGAIN).names) == 89
    assert len(history.select(-1, ALL, NOTHING_AGAIN).names) == 99


def test_removals_lapse_when_the_name_comes_back() -> None:
    history = track()
    history.apply(1, clusters("a", "b", "c"), [])
    history.apply(2, [], ["a", "b"])
    history.apply(3, clusters("a"), ["c"])
    assert history.removals(1, 3, ALL) == ("b", "c")
    assert history.removals(1, 2, ALL) == ("b",)
    assert history.removals(2, 3, ALL) == ("c",)
    assert history.removals(1, 3, Interest(names=frozenset({"c"}))) == ("c",)


def test_forgotten_removals_are_known_to_be_forgotten() -> None:
    history = track(tombstones=2)
    history.apply(1, clusters("a", "b", "c"), [])
    history.apply(2, [], ["a"])
    history.apply(3, [], ["b", "c"])
    assert (history.floor, history.removals(2, 3, ALL)) == (2, ("b", "c"))


def test_differing_names_are_those_whose_version_the_client_lacks() -> None:
    history = track()
    history.apply(1, clusters("a", "b", "c"), [])
    held = {"a": cluster("a").version, "b": "old", "x": "y"}
    assert sorted(history.differing(held, ALL)) == ["b", "c"]
    assert history.differing(held, Interest(names=frozenset({"a", "b"}))) == ["b"]
