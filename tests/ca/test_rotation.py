"""A rotation of the root leaves nobody out: each step waits, and can be taken back."""

from datetime import UTC, datetime

import pytest

from ca.authority import new_intermediate, new_root
from ca.errors import RotationRefused
from ca.rotation import Phase, Rotation, back, begin, forward, replaced

NOW = datetime(2030, 1, 1, tzinfo=UTC)
DOMAIN = "cluster.local"
OLD_ROOT, NEW_ROOT = new_root(NOW, DOMAIN), new_root(NOW, DOMAIN)
OLD, NEW = new_intermediate(OLD_ROOT, NOW, DOMAIN), new_intermediate(NEW_ROOT, NOW, DOMAIN)
START = Rotation(current=OLD)


def test_the_three_steps() -> None:
    steps = [START, begin(START, NEW)]
    steps += [forward(steps[-1], ())]
    steps += [forward(steps[-1], ())]
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
    rotation = begin(START, NEW)
    rotation = rotation if phase is Phase.TRUSTING else forward(rotation, ())
    waiting = [f"shop/pod-{number}" for number in range(7)]
    with pytest.raises(RotationRefused, match=r"^7 proxies .*: shop/pod-0, .*pod-4 and 2 more$"):
        forward(rotation, waiting)


def test_each_step_but_the_last_can_be_taken_back() -> None:
    trusting = begin(START, NEW)
    switched = forward(trusting, ())
    assert back(switched) == trusting
    assert back(trusting) == START
    with pytest.raises(RotationRefused, match="nothing to take back"):
        back(START)


def test_one_rotation_at_a_time() -> None:
    with pytest.raises(RotationRefused, match="under way"):
        begin(begin(START, NEW), new_root(NOW, DOMAIN))


def test_the_same_root_is_no_rotation() -> None:
    with pytest.raises(RotationRefused, match="trusted already"):
        begin(START, new_intermediate(OLD_ROOT, NOW, DOMAIN))


def test_nothing_goes_forward_that_was_not_begun() -> None:
    with pytest.raises(RotationRefused, match="no rotation is under way"):
        forward(START, ())


def test_a_new_intermediate_of_the_root_signs_at_once() -> None:
    newer = new_intermediate(OLD_ROOT, NOW, DOMAIN)
    assert replaced(START, newer).signer == newer
    with pytest.raises(RotationRefused, match="step by step"):
        replaced(START, NEW)
