"""Each row of Istio's semantics and each of its quirks has a test, or a reason why not yet."""

from tests.semantics import IDS, LATER, covered


def test_each_row_is_covered_or_has_a_reason() -> None:
    assert sorted(IDS - covered().keys() - LATER.keys(), key=_number) == []


def test_a_reason_goes_once_there_is_a_test() -> None:
    """The line in LATER is to be removed."""
    assert {row: covered()[row] for row in LATER if row in covered()} == {}


def test_no_test_carries_an_unknown_id() -> None:
    assert {row: where for row, where in covered().items() if row not in IDS} == {}


def _number(row: str) -> tuple[str, int]:
    letter, _, number = row.partition("-")
    return letter, int(number)
