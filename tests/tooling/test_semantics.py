"""Each row of Istio's semantics and each of its quirks has a test, or a reason why not yet."""

import re
from pathlib import Path

from tests.semantics import IDS, LATER, QUIRKS, covered


def test_each_row_is_covered_or_has_a_reason() -> None:
    assert sorted(IDS - covered().keys() - LATER.keys(), key=_number) == []


def test_a_reason_goes_once_there_is_a_test() -> None:
    """The line in LATER is to be removed."""
    assert {row: covered()[row] for row in LATER if row in covered()} == {}


def test_no_test_carries_an_unknown_id() -> None:
    assert {row: where for row, where in covered().items() if row not in IDS} == {}


def test_a_quirk_has_a_code_of_its_own_that_a_test_expects(repo_root: Path) -> None:
    assert len(set(QUIRKS.values())) == len(QUIRKS)
    for quirk, code in QUIRKS.items():
        files = {repo_root / where.partition("::")[0] for where in covered()[quirk]}
        assert any(re.search(rf"\b{code}\b", file.read_text()) for file in files), quirk


def _number(row: str) -> tuple[str, int]:
    letter, _, number = row.partition("-")
    return letter, int(number)
