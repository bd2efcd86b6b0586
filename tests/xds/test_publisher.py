"""Publishing is atomic, silent when nothing differs, and wakes only those concerned."""

import pytest

from tests.xds.resources import cluster, endpoints, listener, remove, upsert
from tests.xds.rules import rules
from xds.errors import PublishError, UnknownPart
from xds.publisher import PartChange, Publisher
from xds.types import CDS, EDS


def test_a_publish_of_several_parts_is_one_generation(publisher: Publisher) -> None:
    assert (
        publisher.publish({"a": upsert(cds=[cluster("x")]), "b": upsert(cds=[cluster("y")])}) == 1
    )
    assert set(publisher.resources("a", CDS)) == {"x"}
    assert publisher.keys() == ("a", "b")


@rules("X-108")
def test_equal_content_is_no_change_and_wakes_nobody(publisher: Publisher) -> None:
    publisher.publish({"a": upsert(cds=[cluster("x")])})
    woken: list[str] = []
    publisher.watch(["a"], lambda: woken.append("a"))
    assert publisher.publish({"a": upsert(cds=[cluster("x")])}) == 1
    assert publisher.publish({"a": remove(cds=["never", "there"])}) == 1
    assert woken == []


def test_only_streams_of_changed_parts_are_woken_and_once(publisher: Publisher) -> None:
    publisher.publish({"a": PartChange(), "b": PartChange(), "c": PartChange()})
    woken: list[str] = []
    publisher.watch(["a", "b"], lambda: woken.append("ab"))
    publisher.watch(["c"], lambda: woken.append("c"))
    publisher.publish({"a": upsert(cds=[cluster("x")]), "b": upsert(cds=[cluster("y")])})
    assert woken == ["ab"]


def test_an_empty_change_makes_a_part_exist(publisher: Publisher) -> None:
    assert publisher.publish({"a": PartChange()}) == 0
    assert publisher.interest("a") == 0
    publisher.watch(["a"], lambda: None)


def test_replace_removes_what_is_left_out(publisher: Publisher) -> None:
    publisher.replace("a", {CDS: [cluster("x"), cluster("y")], EDS: [endpoints("x")]})
    assert publisher.replace("a", {CDS: [cluster("y"), cluster("z")]}) == 2
    assert set(publisher.resources("a", CDS)) == {"y", "z"}
    assert not publisher.resources("a", EDS)


def test_interest_counts_the_streams_of_a_part(publisher: Publisher) -> None:
    publisher.publish({"a": PartChange()})
    watch = publisher.watch(["a", "a"], lambda: None)
    assert (publisher.interest("a"), publisher.interest("nobody's")) == (1, 0)
    watch.close()
    watch.close()
    assert publisher.interest("a") == 0


def test_a_part_must_exist_to_be_watched(publisher: Publisher) -> None:
    with pytest.raises(UnknownPart):
        publisher.watch(["a"], lambda: None)


def test_dropping_a_part_wakes_its_streams(publisher: Publisher) -> None:
    publisher.publish({"a": PartChange()})
    woken: list[str] = []
    publisher.watch(["a"], lambda: woken.append("a"))
    publisher.drop("a")
    publisher.drop("a")
    assert (woken, publisher.keys()) == (["a"], ())


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(upsert(cds=[cluster("x"), cluster("x", 2)]), id="one name twice"),
        pytest.param(
            PartChange(upserts={CDS: [cluster("x")]}, removals={CDS: ["x"]}), id="sent and removed"
        ),
        pytest.param(PartChange(upserts={"no.such.Type": []}), id="unknown type"),
    ],
)
def test_a_contradiction_is_refused_as_a_whole(publisher: Publisher, change: PartChange) -> None:
    with pytest.raises(PublishError):
        publisher.publish({"good": upsert(lds=[listener("l")]), "bad": change})
    assert (publisher.generation, publisher.keys()) == (0, ())


def test_a_watch_and_a_part_say_when_what_they_have_changed_last(publisher: Publisher) -> None:
    publisher.publish({"a": upsert(cds=[cluster("x")])})
    publisher.publish({"a": upsert(cds=[cluster("y")]), "b": PartChange()})
    publisher.publish({"a": PartChange(removals={CDS: ["y"]})})
    watched = [publisher.watch(parts, lambda: None) for parts in (("a", "b"), ("b",), ())]
    assert [watch.changed_after(2) for watch in watched] == [True, False, False]
    assert [watch.changed_after(3) for watch in watched] == [False, False, False]
    assert publisher.changed_at("a", CDS, "x") == 1
    assert publisher.changed_at("a", CDS, "y") is None
    assert publisher.changed_at("none", CDS, "x") is None
