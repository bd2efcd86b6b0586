"""A real Envoy judges as the policies say: random policies, random calls, and a second opinion.

Tokens are not among the calls: whoever comes without one is asked for one in vain.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from crds.authorization_policy import AuthorizationPolicy
from explain.call import Call
from tests.authorization import oracle
from tests.authorization.guarded import CALLED, DOMAIN, Door, Guarded, guarded, request
from tests.authorization.strategies import calls, policies
from tests.security_rows import guards

pytestmark = pytest.mark.envoy

SETS, CALLS = 110, 10
ALL_DOMAINS = (DOMAIN, "other.test")


@st.composite
def over_the_wire(draw: st.DrawFn) -> Call:
    """A call that can be made on this machine."""
    call = draw(calls)
    return replace(
        call,
        claims={},
        address=CALLED,
        peer_address=draw(st.sampled_from(["127.0.0.9", "127.1.0.1"])),
        sni=call.sni if call.peer else "",
    )


Given = tuple[list[AuthorizationPolicy], list[Call]]


def chosen() -> list[Given]:
    """Policies, and the calls that are made under them."""
    found: list[Given] = []

    @settings(
        max_examples=SETS,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(
        st.lists(policies, max_size=3, unique_by=lambda each: each.meta.name),
        st.lists(over_the_wire(), min_size=CALLS, max_size=CALLS),
    )
    def choose(some: list[AuthorizationPolicy], made: list[Call]) -> None:
        found.append((some, made))

    choose()
    return found


def verdict(door: Door, call: Call) -> bool:
    """Whether a call got through."""
    headers = [f"{name}: {value}" for name, value in call.headers.items()]
    sent = request(call.path, method=call.method, host=call.host, headers=headers)
    heard = door.ask(
        sent,
        peer=call.peer,
        sni=call.sni,
        source=call.peer_address,
        told=call.remote_address,
        port=call.port,
    )
    assert heard.status in (200, 403 if call.http else 0), heard
    return heard.status == 200


@guards("C11", "P3")
@pytest.mark.timeout(300)
def test_every_verdict_of_envoy_is_that_of_the_policies(envoy_binary: Path, tmp_path: Path) -> None:
    sets = chosen()
    ports = {
        f"{index} {http}": Guarded(policies=some, http=http, domains=ALL_DOMAINS)
        for index, (some, _) in enumerate(sets)
        for http in (True, False)
    }
    with guarded(envoy_binary, tmp_path, ports) as doors:
        wrong = [
            (some, call)
            for index, (some, made) in enumerate(sets)
            for call in made
            if verdict(doors[f"{index} {call.http}"], call) != oracle.allowed(some, call)
        ]
    assert wrong == []
    assert len(sets) * CALLS >= 1000
    assert _both(sets)


def _both(sets: Sequence[Given]) -> bool:
    """Guards the check: a good part of the calls get through, and a good part do not."""
    answers = [oracle.allowed(some, call) for some, made in sets for call in made]
    return min(answers.count(True), answers.count(False)) > len(answers) // 10
