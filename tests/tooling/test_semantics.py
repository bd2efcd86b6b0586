"""Each row of Istio's semantics and each of its quirks has a test, or a reason why not yet."""

import re
from pathlib import Path

from tests.rows import in_order
from tests.semantics import LATER, QUIRKS, ROWS


def test_each_row_is_covered_or_has_a_reason() -> None:
    assert sorted(ROWS.ids - ROWS.covered.keys() - LATER.keys(), key=in_order) == []


def test_a_reason_goes_once_there_is_a_test() -> None:
    """The line in LATER is to be removed."""
    assert {row: ROWS.covered[row] for row in LATER if row in ROWS.covered} == {}


def test_no_test_carries_an_unknown_id() -> None:
    assert {row: where for row, where in ROWS.covered.items() if row not in ROWS.ids} == {}


def test_a_quirk_has_a_code_of_its_own_that_a_test_expects(repo_root: Path) -> None:
    assert len(set(QUIRKS.values())) == len(QUIRKS)
    for quirk, code in QUIRKS.items():
        files = {repo_root / where.partition("::")[0] for where in ROWS.covered[quirk]}
        assert any(re.search(rf"\b{code}\b", file.read_text()) for file in files), quirk
