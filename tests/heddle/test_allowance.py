"""How often each may ask, and what is remembered of it."""

from heddle.allowance import Allowance


def test_some_at_once_and_then_one_at_a_time() -> None:
    allowance = Allowance(burst=3, interval=10.0)
    assert [allowance.take("a", 100.0) for _ in range(4)] == [True, True, True, False]
    assert not allowance.take("a", 109.9)
    assert allowance.take("a", 110.0)
    assert not allowance.take("a", 110.0)


def test_all_of_it_is_back_in_time_and_never_more() -> None:
    allowance = Allowance(burst=3, interval=10.0)
    for start in (100.0, 1000.0):
        assert [allowance.take("a", start) for _ in range(4)] == [True, True, True, False]


def test_each_has_his_own() -> None:
    allowance = Allowance(burst=1, interval=10.0)
    assert allowance.take("a", 100.0)
    assert allowance.take("b", 100.0)


def test_who_was_refused_waits_no_longer_for_it() -> None:
    allowance = Allowance(burst=1, interval=10.0)
    assert allowance.take("a", 100.0)
    for _ in range(50):
        assert not allowance.take("a", 105.0)
    assert allowance.take("a", 110.0)


def test_nobody_is_remembered_for_ever() -> None:
    allowance = Allowance(burst=1, interval=10.0)
    for number in range(10_000):
        assert allowance.take(f"pod-{number}", float(number))
    assert len(allowance) < 2_000
