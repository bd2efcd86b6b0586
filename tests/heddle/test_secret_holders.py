"""Whom a step of a rotation waits for: nobody who holds old secrets may be overlooked."""

import pytest

from ca.reports import Lack
from heddle.secret_holders import YOUNG_SECONDS, SecretHolders
from tests.fakes.clock import FakeClock
from tests.heddle.holding import State, client, clients
from xds.containment import Quarantined
from xds.status import Clients
from xds.types import CDS, LDS, SDS


def holders(clock: FakeClock, connected: Clients, *pods: str, generation: int = 5) -> SecretHolders:
    found = SecretHolders(connected, lambda: pods, generation=lambda: generation, wall=clock)
    clock.advance(YOUNG_SECONDS)
    return found


def kept(name: str) -> Quarantined:
    return Quarantined(type_url=SDS, name=name, version="1", message="")


@pytest.mark.parametrize(
    ("states", "has"),
    [
        ((State(SDS),), True),
        ((State(SDS, settled=False),), False),
        ((State(LDS), State(SDS, settled=False)), False),
        ((State(SDS, settled=False, sent=5, quarantined=(kept("gateway"),)),), True),
        ((State(SDS, settled=False, sent=4, quarantined=(kept("gateway"),)),), False),
        (
            (State(SDS, settled=False, sent=5, in_flight=(1,), quarantined=(kept("gateway"),)),),
            False,
        ),
        ((State(SDS, settled=False, sent=5, quarantined=(kept("ROOTCA"),)),), False),
        ((State(SDS, settled=False, sent=5, quarantined=(kept("default"),)),), False),
        ((State(LDS), State(CDS)), True),
        ((State(LDS), State(CDS, settled=False)), False),
        ((State(CDS),), False),
    ],
    ids=[
        "all",
        "not-yet",
        "only-listeners",
        "all-but-a-gateways",
        "not-sent-yet",
        "on-the-way",
        "rejected-roots",
        "rejected-certificate",
        "needs-none",
        "may-still-ask",
        "asks-on",
    ],
)
def test_a_proxy_has_its_secrets_when_it_has_acknowledged_them(
    clock: FakeClock, states: tuple[State, ...], has: bool
) -> None:
    connected = clients(client(1, "a", *states, since=clock()))
    standing = holders(clock, connected, "shop/a").standing()
    assert standing.taken == ({"shop/a"} if has else set())
    assert standing.lacking == ({} if has else {"shop/a": Lack.UNTAKEN})


def test_a_proxy_that_just_came_back_may_still_ask_for_secrets(clock: FakeClock) -> None:
    """It holds those of its last stream; on the new one it asks for its listeners first."""
    connected = clients()
    found = holders(clock, connected, "shop/a")
    connected.add(client(1, "a", State(LDS), since=clock()))
    assert found.standing().lacking == {"shop/a": Lack.UNTAKEN}
    clock.advance(6)
    assert found.standing().lacking == {}


def test_one_of_two_streams_is_not_enough(clock: FakeClock) -> None:
    connected = clients(client(1, "a"), client(2, "a", State(SDS, settled=False)))
    assert holders(clock, connected, "shop/a").standing().lacking == {"shop/a": Lack.UNTAKEN}


def test_a_pod_that_has_gone_away_is_waited_for_until_it_is_deleted(clock: FakeClock) -> None:
    pods = ["shop/a", "shop/b"]
    one = client(1, "a")
    connected = clients(one)
    found = SecretHolders(connected, lambda: pods, generation=lambda: 0, wall=clock)
    clock.advance(YOUNG_SECONDS)
    assert found.standing().lacking == {}  # b was never there, and holds nothing
    connected.remove(one)
    assert found.standing().lacking == {"shop/a": Lack.AWAY}
    pods.remove("shop/a")
    assert found.standing().lacking == {}
    pods.append("shop/a")
    assert found.standing().lacking == {}  # another one


def test_pods_of_a_replica_that_has_ended_are_waited_for(clock: FakeClock) -> None:
    connected = clients()
    found = holders(clock, connected, "shop/a", "shop/b")
    found.remember(("shop/a", "shop/deleted"))
    assert found.standing().lacking == {"shop/a": Lack.AWAY}
    connected.add(client(1, "a"))
    assert found.standing().lacking == {}


def test_who_has_just_started_waits_for_all_that_there_should_be(clock: FakeClock) -> None:
    """Else a restart in the middle of a rotation would find nobody to wait for."""
    found = SecretHolders(clients(), lambda: ["shop/a"], generation=lambda: 0, wall=clock)
    assert found.standing().lacking == {"shop/a": Lack.AWAY}
    clock.advance(YOUNG_SECONDS)
    assert found.standing().lacking == {}
