"""A rotation of the root leaves nobody out: each step waits, and can be taken back."""

from datetime import UTC, datetime

import pytest

from ca.authority import new_intermediate, new_root
from ca.errors import RotationRefused
from ca.rotation import Phase, Rotation, approached, back, begin, forward, replaced

NOW = datetime(2030, 1, 1, tzinfo=UTC)
DOMAIN = "cluster.local"
OLD_ROOT, NEW_ROOT = new_root(NOW, DOMAIN), new_root(NOW, DOMAIN)
OLD, NEW = new_intermediate(OLD_ROOT, NOW, DOMAIN), new_intermediate(NEW_ROOT, NOW, DOMAIN)
START = Rotation(current=OLD)


def test_the_three_steps() -> None:
    steps = [START, begin(START, NEW, NOW)]
    steps += [forward(steps[-1], (), NOW)]
    steps += [forward(steps[-1], (), NOW)]
    assert [step.phase for step in steps] == ["stable", "trusting", "switched", "stable"]
    assert [step.signer for step in steps] == [OLD, OLD, NEW, NEW]
    assert [set(step.roots) for step in steps] == [
        {OLD.root},
        {OLD.root, NEW.root},
        {OLD.root, NEW.root},
        {NEW.root},
    ]


@pytest.mark.parametrize("phase", [Phase.TRUSTING, Phase.SWITCHED])
def test_a_step_waits_for_every_proxy_and_names_them(phase: Phase) -> None:
    rotation = begin(START, NEW, NOW)
    rotation = rotation if phase is Phase.TRUSTING else forward(rotation, (), NOW)
    waiting = [f"shop/pod-{number}" for number in range(7)]
    with pytest.raises(RotationRefused, match=r"^7 proxies .*: shop/pod-0, .*pod-4 and 2 more$"):
        forward(rotation, waiting, NOW)


def test_each_step_but_the_last_can_be_taken_back() -> None:
    trusting = begin(START, NEW, NOW)
    switched = forward(trusting, (), NOW)
    returned = back(switched, ("shop/pod",), NOW)
    assert (returned.phase, returned.signer) == (Phase.TRUSTING, OLD)
    assert set(returned.roots) == set(trusting.roots)
    assert back(returned, (), NOW).roots == START.roots
    with pytest.raises(RotationRefused, match="nothing to take back"):
        back(START, (), NOW)


def test_a_root_that_has_signed_is_dropped_only_when_nobody_shows_a_certificate_of_it() -> None:
    trusting = begin(START, NEW, NOW)
    assert back(trusting, ("shop/pod",), NOW).signer == OLD
    returned = back(forward(trusting, (), NOW), (), NOW)
    with pytest.raises(RotationRefused, match="1 proxy does not have this step yet: shop/pod"):
        back(returned, ("shop/pod",), NOW)


def test_the_servers_own_certificate_changes_last() -> None:
    """Nobody acknowledges that the new root is in the file that his bootstrap names."""
    trusting = begin(START, NEW, NOW)
    switched = forward(trusting, (), NOW)
    assert [step.server for step in (START, trusting, switched)] == [OLD, OLD, OLD]
    assert forward(switched, (), NOW).server == NEW


def test_a_step_that_changes_only_the_signer_sends_nobody_his_trust_anew() -> None:
    trusting = begin(START, NEW, NOW)
    assert forward(trusting, (), NOW).roots == trusting.roots


def test_each_state_has_a_name_of_its_own() -> None:
    trusting = begin(START, NEW, NOW)
    switched = forward(trusting, (), NOW)
    states = (START, trusting, switched, forward(switched, (), NOW))
    assert len({state.name for state in states}) == 4
    assert back(trusting, (), NOW).name == START.name


BOTH = (NEW.root,)


@pytest.mark.parametrize("taken", [False, True])
def test_what_is_plugged_in_is_taken_step_by_step(taken: bool) -> None:
    """Trust at once; the signer, and the end of a root, when everybody has what comes before."""
    both = approached(START, Rotation(current=OLD, more=BOTH), taken=taken)
    assert (both.signer, set(both.roots)) == (OLD, {OLD.root, NEW.root})
    switched = approached(both, Rotation(current=NEW, more=(OLD.root,)), taken=taken)
    assert switched.signer == (NEW if taken else OLD)
    assert set(switched.roots) == {OLD.root, NEW.root}
    last = approached(Rotation(current=NEW, more=(OLD.root,)), Rotation(current=NEW), taken=taken)
    assert set(last.roots) == ({NEW.root} if taken else {OLD.root, NEW.root})


def test_steps_that_come_at_once_are_taken_one_after_the_other() -> None:
    wanted, served, seen = Rotation(current=NEW, more=(OLD.root,)), START, []
    for _ in range(4):
        served = approached(served, wanted, taken=True)
        seen.append((served.signer is NEW, len(served.roots)))
    assert seen == [(False, 2), (True, 2), (True, 2), (True, 2)]


@pytest.mark.parametrize("taken", [False, True])
def test_a_leap_to_another_root_is_refused(taken: bool) -> None:
    with pytest.raises(RotationRefused, match=r"Put the old and the new root into root-cert\.pem"):
        approached(START, Rotation(current=NEW), taken=taken)


def test_a_plugged_in_intermediate_of_the_same_root_signs_at_once() -> None:
    newer = new_intermediate(OLD_ROOT, NOW, DOMAIN)
    assert approached(START, Rotation(current=newer), taken=False).signer == newer
    more = approached(START, Rotation(current=newer, more=BOTH), taken=False)
    assert (more.signer, len(more.roots)) == (newer, 2)


def test_one_rotation_at_a_time() -> None:
    with pytest.raises(RotationRefused, match="under way"):
        begin(begin(START, NEW, NOW), new_root(NOW, DOMAIN), NOW)


def test_the_same_root_is_no_rotation() -> None:
    with pytest.raises(RotationRefused, match="trusted already"):
        begin(START, new_intermediate(OLD_ROOT, NOW, DOMAIN), NOW)


def test_nothing_goes_forward_that_was_not_begun() -> None:
    with pytest.raises(RotationRefused, match="no rotation is under way"):
        forward(START, (), NOW)


def test_a_new_intermediate_of_the_root_signs_at_once() -> None:
    newer = new_intermediate(OLD_ROOT, NOW, DOMAIN)
    assert replaced(START, newer).signer == newer
    with pytest.raises(RotationRefused, match="step by step"):
        replaced(START, NEW)
