"""Each code has a page with an example, and the example yields the code."""

from pathlib import Path

import pytest

from analysis.codes import CODES
from tests.analysis.pages import emitted, examples, pages, told


def test_the_table_has_what_can_be_told_and_nothing_else() -> None:
    assert emitted() == CODES.keys()


def test_each_code_has_an_example_that_yields_it() -> None:
    assert examples().keys() == CODES.keys()
    for id_, names in examples().items():
        for name in names:
            assert any(told(CODES[id_], name)), f"{name} does not yield {id_}"


def test_the_pages_are_those_in_the_documentation(
    repo_root: Path, request: pytest.FixtureRequest
) -> None:
    """`--golden=write` writes them."""
    folder = repo_root / "docs" / "analysis"
    made = pages()
    if request.config.getoption("golden") == "write":
        folder.mkdir(exist_ok=True)
        for path in folder.glob("*.md"):
            path.unlink()
        for name, text in made.items():
            (folder / name).write_text(text)
    found = {path.name: path.read_text() for path in folder.glob("*.md")}
    stale = sorted(n for n in found.keys() | made.keys() if found.get(n) != made.get(n))
    assert not stale, f"run pytest {Path(__file__).name} with --golden=write, and read the pages"


def test_the_guide_leads_to_them(repo_root: Path) -> None:
    assert "(analysis/README.md)" in (repo_root / "docs" / "analysis.md").read_text()
