"""The search for culprits: that it finds them, clears everybody else, and how much it sends."""

from collections.abc import Collection
from itertools import combinations
from math import ceil, log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.xds.rules import rules
from xds.search import Atom, Culprit, Search


def atom(number: int) -> Atom:
    return Atom(contents=((f"n{number:03}", "v"),))


def atoms(count: int) -> list[Atom]:
    return [atom(number) for number in range(count)]


class Client:
    """Rejects whatever has one of the culprits in it, and names some of those that it sees."""

    def __init__(self, culprits: Collection[Atom], names: Collection[Atom] = ()) -> None:
        self.culprits = set(culprits)
        self.names = set(names)
        self.accepted: set[Atom] = set()
        self.sends = 0
        self.sends_until_found = 0

    def run(self, search: Search, everything: list[Atom]) -> list[Atom]:
        """Reject a response of everything, then answer until the search ends; what it found."""
        search.suspect(everything, "no", self.names)
        found = [culprit.atom for culprit in search.take_found()]
        while search:
            sent = search.next()
            self.sends += 1
            if self.culprits.isdisjoint(sent):
                self.accepted.update(sent)
                search.accepted()
            else:
                search.rejected("no", lambda seen: self.names.intersection(seen))
            fresh = [culprit.atom for culprit in search.take_found()]
            if fresh:
                self.sends_until_found = self.sends
            found.extend(fresh)
        return found


@rules("X-23")
@pytest.mark.parametrize("count", [1, 2, 3, 4, 7, 8, 16, 33])
def test_one_culprit_is_found_in_log2_sends_and_the_rest_taken_after_one_more(count: int) -> None:
    everything = atoms(count)
    for culprit in everything:
        client = Client([culprit])
        assert client.run(Search(), everything) == [culprit]
        assert client.accepted == set(everything) - {culprit}
        assert client.sends_until_found <= ceil(log2(count))
        assert client.sends <= ceil(log2(count)) + 1


@rules("X-30")
def test_a_culprit_that_is_named_costs_one_send() -> None:
    everything = atoms(100)
    client = Client([atom(41)], names=[atom(41)])
    assert client.run(Search(), everything) == [atom(41)]
    assert client.sends == 1
    assert client.accepted == set(everything) - {atom(41)}


@rules("X-30")
def test_a_wrong_name_misleads_nobody() -> None:
    everything = atoms(8)
    client = Client([atom(3)], names=[atom(5)])
    assert client.run(Search(), everything) == [atom(3)]
    assert client.accepted == set(everything) - {atom(3)}


def test_all_that_is_named_is_halved() -> None:
    client = Client([atom(1)], names=atoms(4))
    assert client.run(Search(), atoms(4)) == [atom(1)]
    assert client.accepted == {atom(0), atom(2), atom(3)}


@pytest.mark.parametrize("entangled", [False, True])
def test_any_culprits_are_found_and_nobody_else(entangled: bool) -> None:
    everything = atoms(6)
    for count in range(1, 7):
        for culprits in combinations(everything, count):
            client = Client(culprits)
            assert sorted(client.run(Search(entangled=entangled), everything), key=str) == sorted(
                culprits, key=str
            )
            assert client.accepted == set(everything) - set(culprits)
            assert client.sends <= count * (ceil(log2(6)) + 2)


@given(st.sets(st.integers(0, 63)), st.sets(st.integers(0, 63)), st.booleans())
def test_what_is_named_only_changes_the_cost(
    culprits: set[int], names: set[int], entangled: bool
) -> None:
    client = Client([*map(atom, culprits)], [*map(atom, names)])
    search = Search(entangled=entangled)
    if not culprits:
        search.wonder(atoms(64))
        assert len(search.next()) == 64
        return
    assert set(client.run(search, atoms(64))) == set(map(atom, culprits))
    assert client.accepted == set(atoms(64)) - set(map(atom, culprits))


@rules("X-129")
def test_what_was_found_while_others_were_missing_is_tried_again() -> None:
    """`b` is taken only once `a` is: Envoy takes a domain only if nobody else has it."""
    a, b, bad, other = (Atom(contents=((name, "v"),)) for name in ("a", "b", "bad", "other"))
    search = Search(entangled=True)
    search.suspect((bad, b, other, a), "no", ())
    taken: set[Atom] = set()
    found: list[Culprit] = []
    while search:
        sent = search.next()
        if bad in sent or (b in sent and a not in taken | set(sent)):
            search.rejected("no", lambda _: ())
        else:
            taken.update(sent)
            search.accepted()
        found += search.take_found()
    assert [culprit.atom for culprit in found] == [bad]
    assert taken == {a, b, other}


def test_the_words_are_those_about_the_culprit() -> None:
    search = Search()
    search.suspect(atoms(4), "first", ())
    assert search.next() == (atom(0), atom(1))
    search.rejected("second", lambda _: ())
    assert search.next() == (atom(0),)
    search.accepted()
    assert search.next() == (atom(2), atom(3))
    search.accepted()
    ((culprit),) = search.take_found()
    assert (culprit.atom, culprit.words) == (atom(1), "second")


def test_who_was_suspected_with_what_has_changed_is_not_convicted() -> None:
    search = Search()
    search.suspect(atoms(2), "no", ())
    search.forget(lambda each: each == atom(0))
    assert search.next() == (atom(1),)
    search.accepted()
    assert not search
    assert search.take_found() == ()


@pytest.mark.parametrize("stale", [0, 1])
def test_an_answer_about_what_has_changed_meanwhile_proves_nothing(stale: int) -> None:
    search = Search()
    search.suspect(atoms(4), "no", ())
    search.next()
    search.forget(lambda each: each == atom(stale))
    search.rejected("no", lambda _: ())
    assert set(search.next()) == {atom(1 - stale), atom(2), atom(3)}
    assert search.take_found() == ()


def test_what_changed_among_those_that_wait_clears_the_others_that_wait() -> None:
    search = Search()
    search.suspect(atoms(4), "no", ())
    search.next()
    search.forget(lambda each: each == atom(2))
    search.accepted()
    assert search.take_found() == ()
    assert search.next() == (atom(3),)


def test_what_is_doubted_and_changes_is_forgotten() -> None:
    search = Search(entangled=True)
    search.suspect(atoms(2), "no", ())
    search.next()
    search.rejected("no", lambda _: ())
    search.forget(lambda each: each == atom(0))
    assert search.next() == (atom(1),)
    search.accepted()
    assert not search
    assert search.take_found() == ()


def test_what_joins_a_trial_is_suspected_with_it() -> None:
    search = Search(entangled=True)
    search.suspect((atom(0),), "no", ())
    assert [culprit.atom for culprit in search.take_found()] == [atom(0)]
    search.wonder((atom(1),))
    search.suspect((atom(2),), "no", ())
    assert search.next() == (atom(1),)
    search.accepted()
    assert search.next() == (atom(2),)
    search.join([atom(3)])
    search.rejected("no", lambda _: ())
    assert search.take_found() == ()
    assert search.next() == (atom(2),)


def test_an_answer_that_nobody_awaits_means_nothing() -> None:
    search = Search()
    search.join([atom(0)])
    search.accepted()
    search.rejected("no", lambda _: ())
    assert not search
    assert not search.trying
