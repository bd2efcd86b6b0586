"""When connections are given up: spread by chance, and never before they are announced to end."""

from itertools import pairwise

import pytest

from xds.ages import SPREAD, connection_age, stream_age


def test_streams_end_within_the_last_part_of_the_longest_age() -> None:
    assert stream_age(1000.0, 0.0) == 1000.0
    assert stream_age(1000.0, 0.5) == pytest.approx(1000.0 * (1 - SPREAD / 2))
    assert stream_age(1000.0, 1.0) == pytest.approx(1000.0 * (1 - SPREAD))


def test_evenly_spread_chance_spreads_ends_evenly() -> None:
    """A thousand that connected at once come back over a fifth of the time, none of it empty."""
    ages = sorted(stream_age(1800.0, number / 1000) for number in range(1000))
    gaps = [later - earlier for earlier, later in pairwise(ages)]
    assert ages[-1] - ages[0] == pytest.approx(1800.0 * SPREAD, rel=0.01)
    assert max(gaps) == pytest.approx(min(gaps))


@pytest.mark.parametrize("tenth", [0.9, 1.0, 1.1])
def test_the_end_is_announced_before_any_stream_ends_and_the_cut_comes_after_all(
    tenth: float,
) -> None:
    """gRPC moves its age by up to a tenth either way."""
    age, grace = connection_age(1800.0, drain=5.0)
    announced = age * tenth
    assert announced < stream_age(1800.0, 1.0)
    assert announced + grace >= stream_age(1800.0, 0.0) + 5.0 - 1e-6
