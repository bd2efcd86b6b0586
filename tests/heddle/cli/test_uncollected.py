"""When garbage is collected, and when not: what happens once is not held up."""

import gc
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from heddle.cli.later import Later, loaded
from heddle.cli.uncollected import uncollected
from heddle.main import app
from tests.conftest import ROOT

SERVICE = (
    "{{apiVersion: v1, kind: Service, metadata: {{name: a{}}}, spec: {{ports: [{{port: 80}}]}}}}"
)
SERVICES = "\n---\n".join(SERVICE.format(index) for index in range(200))
ENTRY = """
import gc
import heddle.entry
print("at first", gc.isenabled())
heddle.entry.main()
"""
COMMANDS = """
import gc
print("while importing", gc.isenabled())
app = lambda: print("while running", gc.isenabled())
"""
COMMAND = """
import gc
COLLECTS = gc.isenabled()
def command() -> None: ...
"""


@pytest.fixture
def on() -> Iterator[None]:
    """Whatever happens, other tests collect."""
    gc.enable()
    yield
    gc.enable()


def test_nothing_is_collected_while_it_lasts(on: None) -> None:
    with uncollected():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_what_fails_leaves_the_collector_as_it_was(on: None) -> None:
    with pytest.raises(ValueError, match="no"), uncollected():
        raise ValueError("no")
    assert gc.isenabled()


def test_one_within_another_ends_nothing(on: None) -> None:
    with uncollected():
        with uncollected():
            pass
        assert not gc.isenabled()


def test_the_command_line_is_imported_uncollected_and_runs_collected(tmp_path: Path) -> None:
    """What runs may serve for months."""
    heddle = tmp_path / "heddle"
    heddle.mkdir()
    (heddle / "main.py").write_text(COMMANDS)
    (heddle / "__init__.py").write_text(f"__path__ = [{str(heddle)!r}, {str(ROOT / 'heddle')!r}]")
    said = subprocess.run(
        [sys.executable, "-c", ENTRY], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout
    assert said.splitlines() == ["at first True", "while importing False", "while running True"]


def test_a_command_is_imported_uncollected(
    on: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "imported_later.py").write_text(COMMAND)
    monkeypatch.syspath_prepend(tmp_path)
    loaded(Later("x", "imported_later:command", "Nothing."))
    assert sys.modules["imported_later"].__dict__["COLLECTS"] is False
    assert gc.isenabled()


@pytest.mark.parametrize(
    "command", [["analyze", "--use-kube=false"], ["validate", "-f"]], ids=lambda each: each[0]
)
def test_what_reads_files_once_is_not_held_up_by_collections(
    on: None, command: list[str], tmp_path: Path
) -> None:
    (tmp_path / "services.yaml").write_text(SERVICES)
    arguments = [*command, str(tmp_path)]
    CliRunner().invoke(app, arguments)  # imports, and fills caches
    before = gc.get_stats()[0]["collections"]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    # Of the youngest objects alone; with collections there are more than ten.
    assert gc.get_stats()[0]["collections"] - before < 5
    assert gc.isenabled()
