"""docs/security.md is true of the tests: each kind of bug has one, or a reason why it cannot be."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.rows import in_order
from tests.security_rows import KINDS, LATER, ROWS

LINE = re.compile(r"^\| ([CP]\d+) \| (.*?) \| (.*) \|$", re.MULTILINE)
NAMED = re.compile(r"\[[^]]*::(test_\w+)\]\(\.\./([\w/]+\.py)\)")
GOLDEN = re.compile(r"\]\(\.\./(tests/golden/[\w/]+\.in\.yaml)\)")


@pytest.fixture
def document(repo_root: Path) -> str:
    return (repo_root / "docs/security.md").read_text()


def tables(document: str) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """What is said of each row: of those that tests guard, and of those that cannot apply."""
    guarded, _, impossible = document.partition("## What cannot apply")
    return (
        {row: said for row, _, said in LINE.findall(guarded)},
        {row: said for row, _, said in LINE.findall(impossible)},
    )


def test_each_kind_is_guarded_or_cannot_apply(document: str) -> None:
    _, impossible = tables(document)
    open_rows = KINDS.keys() - ROWS.covered.keys() - impossible.keys() - LATER.keys()
    assert sorted(open_rows, key=in_order) == []


def test_a_reason_goes_once_there_is_a_test(document: str) -> None:
    """The line in LATER, or under "What cannot apply", is to be removed."""
    reasons = LATER.keys() | tables(document)[1].keys()
    assert {row: ROWS.covered[row] for row in sorted(reasons & ROWS.covered.keys())} == {}


def test_no_test_carries_an_unknown_row() -> None:
    assert {row: where for row, where in ROWS.covered.items() if row not in KINDS} == {}


def test_the_document_has_each_row_once_in_its_own_words(document: str) -> None:
    found = [(row, kind) for row, kind, _ in LINE.findall(document)]
    assert sorted(found, key=lambda each: in_order(each[0])) == list(KINDS.items())


def test_the_document_says_which_rows_are_open(document: str) -> None:
    guarded, _ = tables(document)
    open_rows = {row for row, said in guarded.items() if said.startswith("not yet: ")}
    assert open_rows == LATER.keys()


def test_tests_that_the_document_names_are_there(document: str, repo_root: Path) -> None:
    """And those named for a row guard it."""
    named = NAMED.findall(document)
    assert named
    for test, file in named:
        assert f"def {test}(" in (repo_root / file).read_text(), test
    for row, said in tables(document)[0].items():
        shown = {f"{file}::{test}" for test, file in NAMED.findall(said)}
        shown |= set(GOLDEN.findall(said))
        assert shown <= set(ROWS.covered.get(row, ())), row
        assert shown or row in LATER, row
