"""Turns of the event loop are counted by how long they took."""

from bench.loop import Turns, cumulative


def test_buckets_are_cumulative_as_in_prometheus() -> None:
    turns = Turns()
    for seconds in (0.0005, 0.004, 0.03, 2.0):
        turns.add(seconds)
    found = cumulative(turns.counts)
    assert (found["1"], found["5"], found["50"], found["1000"], found["inf"]) == (1, 2, 3, 3, 4)
    assert turns.longest == 2.0


def test_the_turn_in_which_counting_began_anew_does_not_count() -> None:
    turns = Turns()
    turns.clear()
    turns.add(9.0)
    turns.add(0.001)
    assert (cumulative(turns.counts)["inf"], turns.longest) == (1, 0.001)
