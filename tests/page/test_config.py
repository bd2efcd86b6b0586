"""The entries of *Config*, from facts and messages."""

import pytest

from analysis import istio_codes as istio
from analysis.message import Message, finding
from analysis.severity import Severity
from crds.meta import Key, Origin
from crds.problem import error
from heddle.conditions import Facts
from heddle.liveness import Live, Rejected, Standing, Waiting
from heddle.page.config import ConfigView, Health, Known, config_view

LIVE = Live(used=True)
REJECTED = Rejected(pods=("shop/a",), proxies=1, users=2, resource="80/x:80", words="no way")


def key(name: str, kind: str = "VirtualService") -> Key:
    return Key("networking.istio.io", kind, "shop", name)


def known(name: str, *, refused: bool = False, standing: Standing = LIVE) -> Known:
    problems = (error("bad-duration", "spec", "is no duration"),) if refused else ()
    facts = Facts(generation=1, problems=problems, refused=refused, standing=standing)
    return Known(key=key(name), facts=facts, origin=Origin("a.yaml", 1, 7))


def message(about: Key | None, severity: Severity = Severity.WARNING) -> Message:
    return finding(
        istio.REFERENCED_RESOURCE_NOT_FOUND, about, "spec", "is not there", severity=severity
    )


def view(
    *entries: Known, said: tuple[Message, ...] = (), wanted: str = "", only: str = ""
) -> ConfigView:
    return config_view(entries, said, wanted=wanted, only=only)


@pytest.mark.parametrize(
    ("given", "said", "health"),
    [
        (known("x"), (), Health.OK),
        (known("x"), (message(key("x"), Severity.INFO),), Health.OK),
        (known("x"), (message(key("x")),), Health.WARNING),
        (known("x"), (message(key("x"), Severity.ERROR),), Health.ERROR),
        (known("x", refused=True), (), Health.ERROR),
        (known("x", standing=Waiting(proxies=2)), (), Health.PENDING),
        (known("x", standing=Waiting(proxies=2)), (message(key("x")),), Health.WARNING),
        (known("x", standing=REJECTED), (), Health.ERROR),
    ],
)
def test_health_is_the_worst_that_holds(
    given: Known, said: tuple[Message, ...], health: Health
) -> None:
    (entry,) = view(given, said=said).entries
    assert entry.health is health


@pytest.mark.parametrize(
    ("standing", "words"),
    [
        (LIVE, ""),
        (Waiting(proxies=2), "not yet acknowledged by 2 connected proxies"),
        (REJECTED, "1 of 2 connected proxies that use it reject 80/x:80 (shop/a): no way"),
    ],
)
def test_what_proxies_say_is_told_whole(standing: Standing, words: str) -> None:
    (entry,) = view(known("x", standing=standing)).entries
    assert entry.under_way == words


def test_messages_stand_with_their_object_the_worst_first() -> None:
    weak, bad = message(key("b")), message(key("b"), Severity.ERROR)
    found = view(known("a"), known("b"), said=(weak, bad))
    assert [(entry.key.name, list(entry.messages)) for entry in found.entries] == [
        ("b", [bad, weak]),
        ("a", []),
    ]
    assert found.summary == "2 objects: 1 error, 1 ok."
    assert not found.loose


def test_messages_about_anything_else_stand_apart() -> None:
    of_file, of_service = message(None), message(Key("", "Service", "shop", "web"))
    assert set(view(known("a"), said=(of_file, of_service)).loose) == {of_file, of_service}


@pytest.mark.parametrize(
    ("wanted", "only", "left"),
    [
        ("", "", ["one", "two"]),
        ("VirtualService shop/o", "", ["one"]),
        ("two.shop", "", ["two"]),
        ("", "ok", ["one", "two"]),
        ("", "error", []),
    ],
)
def test_a_filter_leaves_what_fits(wanted: str, only: str, left: list[str]) -> None:
    found = view(known("one"), known("two"), wanted=wanted, only=only)
    assert [entry.key.name for entry in found.entries] == left
    assert found.total == 2


def test_nothing_configured_is_said_so() -> None:
    assert view().summary == "No mesh object is configured."
