"""The test of the split: what it lets pass, and what it catches."""

from math import comb

import pytest

from heddle.demo.statistics import ALPHA, is_off, p_value, shares

WEIGHTS = {"v1": 90.0, "v2": 10.0}


@pytest.mark.parametrize("successes", [0, 1, 3, 9, 10, 11, 17, 20])
@pytest.mark.parametrize("probability", [0.1, 0.5, 0.75])
def test_is_twice_the_smaller_tail_of_the_binomial(successes: int, probability: float) -> None:
    def chance(count: int) -> float:
        return comb(20, count) * probability**count * (1 - probability) ** (20 - count)

    lower = sum(chance(count) for count in range(successes + 1))
    upper = sum(chance(count) for count in range(successes, 21))
    expected = 2 * (upper if successes > 20 * probability else lower)
    assert p_value(successes, 20, probability) == pytest.approx(min(1.0, expected), rel=1e-9)


@pytest.mark.parametrize("second", [134, 200, 272])
def test_lets_a_split_pass_that_is_within_chance(second: int) -> None:
    observed = {"v1": 2000 - second, "v2": second}
    assert not any(is_off(share, comparisons=4) for share in shares(observed, WEIGHTS))


@pytest.mark.parametrize("second", [0, 133, 273, 400, 1000])
def test_catches_a_wrong_split_at_2000_requests(second: int) -> None:
    observed = {"v1": 2000 - second, "v2": second}
    assert all(is_off(share, comparisons=4) for share in shares(observed, WEIGHTS))


def test_a_right_mesh_fails_less_than_once_in_a_million_runs() -> None:
    """The sum over all outcomes that the test refuses, for the four shares of one run."""

    def chance(count: int) -> float:
        return float(comb(2000, count) * 9 ** (2000 - count) / 10**2000)

    refused = sum(chance(count) for count in range(420) if p_value(count, 2000, 0.1) < ALPHA / 4)
    assert 2 * refused < ALPHA


def test_a_version_without_weight_must_not_answer() -> None:
    (v1, v2) = shares({"v1": 2000, "v2": 1}, {"v1": 100, "v2": 0})
    assert is_off(v1, comparisons=2)
    assert is_off(v2, comparisons=2)
    assert not is_off(shares({"v1": 5}, {"v1": 100, "v2": 0})[1], comparisons=2)


def test_a_version_that_nobody_configured_is_off() -> None:
    assert is_off(shares({"v1": 10, "v3": 1}, {"v1": 100})[1], comparisons=2)


def test_shares_are_percentages_of_the_weights_and_of_the_requests() -> None:
    (v1, v2) = shares({"v1": 30, "v2": 10}, {"v1": 2, "v2": 1})
    assert (v1.configured, v1.observed, v1.requests) == (66.67, 75.0, 30)
    assert (v2.configured, v2.observed, v2.requests) == (33.33, 25.0, 10)


def test_no_requests_prove_nothing() -> None:
    assert [share.p_value for share in shares({}, WEIGHTS)] == [1.0, 1.0]


def test_large_counts_neither_overflow_nor_underflow_to_a_pass() -> None:
    assert p_value(500_000, 1_000_000, 0.5) == 1.0
    assert p_value(900_000, 1_000_000, 0.5) == 0.0
