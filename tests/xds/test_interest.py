"""Interests are values, and equal clients share them."""

import gc

from xds.interest import NO_NAMES, Interest, Interner, root


def test_a_wildcard_wants_everything() -> None:
    assert Interest(everything=True).wants("x")
    assert not Interest().wants("x")


def test_names_are_wanted_whatever_the_roots() -> None:
    interest = Interest(True, frozenset({"90/a"}), frozenset({"80"}))
    assert [interest.wants(n) for n in ("80/a", "90/a", "90/b")] == [True, True, False]


def test_the_root_ends_at_the_last_slash() -> None:
    assert [root(n) for n in ("a/b/c", "a/b", "a")] == ["a/b", "a", ""]


def test_equal_sets_become_one_object() -> None:
    interner = Interner()
    one = interner.step(NO_NAMES, frozenset({"a", "b"}))
    two = interner.step(interner.step(NO_NAMES, frozenset({"b"})), frozenset({"a"}))
    assert one is two
    assert interner.step(one, NO_NAMES, frozenset({"a", "b"})) is NO_NAMES


def test_a_set_is_forgotten_with_the_last_client_that_holds_it() -> None:
    interner = Interner(steps=1)
    kept = interner.step(NO_NAMES, frozenset({"a"}))
    interner.step(NO_NAMES, frozenset({"b"}))
    interner.step(NO_NAMES, frozenset({"c"}))
    gc.collect()
    assert set(interner._sets) == {kept, frozenset({"c"})}
