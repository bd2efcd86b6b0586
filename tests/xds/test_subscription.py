"""What a request asks for, rule by rule."""

from collections.abc import Sequence

import pytest

from tests.xds.rules import rules
from xds.errors import TooMuch
from xds.interest import Interner
from xds.limits import NameLimits
from xds.subscription import Asked, Subscription, changed, first
from xds.types import CDS, EDS, LDS, RDS, SDS, VHDS

INTERNER = Interner()
LIMITS = NameLimits(names=3, length=5)


def begin(
    type_url: str, subscribe: Sequence[str] = (), unsubscribe: Sequence[str] = ()
) -> tuple[Subscription, Asked]:
    return first(type_url, subscribe, unsubscribe, INTERNER, LIMITS)


def later(
    old: Subscription,
    type_url: str,
    subscribe: Sequence[str] = (),
    unsubscribe: Sequence[str] = (),
) -> tuple[Subscription, Asked]:
    return changed(old, type_url, subscribe, unsubscribe, INTERNER, LIMITS)


def named(*names: str, wildcard: bool = False) -> Subscription:
    return Subscription(wildcard, frozenset(names))


def asked(*names: str, everything: bool = False) -> Asked:
    return Asked(frozenset(names), everything)


@rules("X-40")
@pytest.mark.parametrize("type_url", [CDS, LDS, VHDS])
def test_an_empty_first_request_is_the_wildcard(type_url: str) -> None:
    assert begin(type_url) == (named(wildcard=True), asked(everything=True))


@rules("X-42")
@pytest.mark.parametrize("type_url", [EDS, RDS, SDS])
@pytest.mark.parametrize("subscribe", [(), ("*",)])
def test_types_that_may_not_be_listed_have_no_wildcard(
    type_url: str, subscribe: tuple[str, ...]
) -> None:
    subscription, owed = begin(type_url, subscribe)
    assert not subscription.wildcard
    assert owed == asked(*subscribe)  # a star is then a name like any other, that does not exist


@rules("X-40")
def test_a_first_request_with_names_is_no_wildcard() -> None:
    assert begin(CDS, ["a"]) == (named("a"), asked("a"))


@rules("X-41")
def test_an_on_demand_client_subscribes_to_nothing() -> None:
    assert begin(CDS, [], ["*"]) == (named(), asked())


@rules("X-41")
def test_an_explicit_star_is_the_wildcard_and_names_keep_it() -> None:
    everything, owed = begin(CDS, ["*"])
    assert (everything, owed) == (named(wildcard=True), asked(everything=True))
    assert later(everything, CDS, ["a"]) == (named("a", wildcard=True), asked("a"))


@rules("X-41")
def test_giving_up_the_star_keeps_names_and_giving_up_all_leaves_nothing() -> None:
    subscription, owed = later(named("a", wildcard=True), CDS, [], ["*"])
    assert (subscription, owed) == (named("a"), asked())
    nothing, owed = later(subscription, CDS, [], ["a"])
    assert (nothing, owed) == (named(), asked())
    assert later(nothing, CDS) == (named(), asked())


@rules("X-43")
def test_a_name_that_is_subscribed_is_asked_for_again() -> None:
    assert later(named("a", "b"), EDS, ["a"]) == (named("a", "b"), asked("a"))


@rules("X-44")
def test_giving_up_what_was_never_asked_for_is_no_event() -> None:
    assert later(named("a"), EDS, [], ["z"]) == (named("a"), asked())
    assert later(named(wildcard=True), CDS, [], ["z"]) == (named(wildcard=True), asked())


@rules("X-45")
def test_under_the_wildcard_giving_up_a_name_is_answered() -> None:
    assert later(named("a", wildcard=True), CDS, [], ["a"]) == (named(wildcard=True), asked("a"))
    assert later(named("a"), CDS, [], ["a"]) == (named(), asked())


def test_a_name_in_both_lists_stays_subscribed() -> None:
    assert later(named("a"), EDS, ["a"], ["a"]) == (named("a"), asked("a"))


def test_too_many_or_too_long_names_are_refused() -> None:
    with pytest.raises(TooMuch, match="more than 3"):
        later(named("a", "b"), EDS, ["c", "d"])
    with pytest.raises(TooMuch, match="more than 5"):
        begin(EDS, ["abcdef"])


def test_equal_clients_share_their_names() -> None:
    one, _ = begin(EDS, ["a", "b"])
    two, _ = begin(EDS, ["b", "a"])
    assert one.names is two.names
