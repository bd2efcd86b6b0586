"""Inverted indexes by value: what an edit does not touch stays the identical object."""

from mesh.index import regroup

INDEX = {"a": frozenset({1, 2}), "b": frozenset({3})}


def test_members_come_and_go() -> None:
    new = regroup(INDEX, gone=[("a", 1)], come=[("a", 4), ("c", 5)])
    assert new == {"a": {2, 4}, "b": {3}, "c": {5}}


def test_an_empty_bucket_is_gone() -> None:
    """Otherwise names would stay known for ever."""
    assert "b" not in regroup(INDEX, gone=[("b", 3)], come=[])


def test_the_old_index_and_untouched_buckets_stay_as_they_are() -> None:
    new = regroup(INDEX, gone=[("a", 1)], come=[])
    assert new["b"] is INDEX["b"]
    assert INDEX["a"] == {1, 2}


def test_no_edit_gives_the_identical_index() -> None:
    assert regroup(INDEX, [], []) is INDEX


def test_what_is_replaced_by_itself_stays() -> None:
    assert regroup(INDEX, gone=[("b", 3)], come=[("b", 3)]) == INDEX


def test_a_member_that_was_never_there_may_go() -> None:
    assert regroup(INDEX, gone=[("x", 9)], come=[]) == INDEX
