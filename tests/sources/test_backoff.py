"""Waiting between requests that fail."""

from sources.backoff import Backoff, Pace


def test_it_is_longer_each_time_up_to_a_bound() -> None:
    backoff = Backoff(lambda: 1.0, Pace(first=0.5, most=3.0))
    assert [backoff.next() for _ in range(5)] == [0.5, 1.0, 2.0, 3.0, 3.0]
    backoff.reset()
    assert backoff.next() == 0.5


def test_it_is_spread() -> None:
    assert [Backoff(lambda c=c: c).next() for c in (0.0, 0.5, 1.0)] == [0.25, 0.375, 0.5]  # type: ignore[misc]


def test_a_server_may_ask_for_more_but_not_for_ever() -> None:
    backoff = Backoff(lambda: 0.0, Pace(first=0.5, most=3.0, most_asked=60.0))
    assert backoff.next(10.0) == 10.25
    assert backoff.next(86_400.0) == 60.5


def test_a_day_of_failures_is_no_overflow() -> None:
    backoff = Backoff(lambda: 1.0)
    for _ in range(5_000):
        last = backoff.next()
    assert last == 30.0
