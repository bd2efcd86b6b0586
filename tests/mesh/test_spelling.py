"""Did you mean: of many names, without a look at all of them."""

from random import Random  # noqa: TID251 - the same each time
from string import ascii_lowercase

import pytest

from mesh.spelling import Names, beginning, changed, closest, names_of

MANY = names_of(f"service-{number}.ns-{number % 7}" for number in range(1000))
FEW = names_of(["reviews.shop", "ratings.shop"])


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("service-15.ns-1", "service-15.ns-1"),
        ("service15.ns-1", "service-15.ns-1"),
        ("sevrice-15.ns-1", "service-15.ns-1"),
        ("service-15x.ns-1", "service-15.ns-1"),
        ("service-15.ns.1", "service-15.ns-1"),
        ("Service-15.ns-1", "service-15.ns-1"),
        ("servicess-999.ns-5", "service-999.ns-5"),
        ("reviews.shop", None),
        ("", None),
        ("s" * 2000, None),
    ],
)
def test_of_many_names_the_one_with_a_slip_is_meant(wrong: str, meant: str | None) -> None:
    assert closest(MANY, wrong, cutoff=0.8) == meant


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [("reviws.shop", "reviews.shop"), ("rivews.shop", "reviews.shop"), ("", None)],
)
def test_of_few_names_all_are_compared(wrong: str, meant: str | None) -> None:
    assert closest(FEW, wrong, cutoff=0.7) == meant


def test_a_slip_so_short_that_little_is_left_is_no_likeness() -> None:
    names = names_of(ascii_lowercase)
    assert closest(names, "1", cutoff=0.7) is None


def test_names_come_and_go() -> None:
    """As if all had been there from the beginning."""
    chance = Random(7)
    names, there = Names(), frozenset[str]()
    for _ in range(200):
        gone = frozenset(chance.sample(sorted(there), k=min(len(there), chance.randrange(3))))
        come = frozenset(f"n{chance.randrange(50)}" for _ in range(chance.randrange(4))) - gone
        there = (there - gone) | come
        names = changed(names, gone, come)
        assert names == names_of(there)
    assert changed(names, frozenset(), frozenset()) is names
    assert changed(names, frozenset({"unknown"}), frozenset(sorted(there)[:1])) is names


def test_the_first_that_begins_so() -> None:
    assert beginning(MANY, "service-15.") == "service-15.ns-1"
    assert beginning(MANY, "zz") is None
    assert beginning(MANY, "a") is None
