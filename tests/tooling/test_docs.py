"""The documents: what they tell a reader to run works, and what they link to is there."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
BLOCK = re.compile(r"^```\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def commands() -> list[str]:
    """The lines of the README's code blocks."""
    blocks = BLOCK.findall((ROOT / "README.md").read_text())
    return [line for block in blocks for line in block.splitlines() if line]


@pytest.mark.parametrize("line", [c for c in commands() if c.startswith(".venv/bin/heddle")])
def test_the_readme_s_commands_work(line: str) -> None:
    argv = shlex.split(line)
    argv[0] = str(Path(sys.executable).with_name("heddle"))
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout or done.stderr


def test_the_readme_s_make_targets_exist() -> None:
    named = {shlex.split(line)[1] for line in commands() if line.startswith("make ")}
    targets = set(re.findall(r"(?m)^(\w+):", (ROOT / "Makefile").read_text()))
    assert named
    assert named <= targets


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: str(d.relative_to(ROOT)))
def test_every_link_leads_somewhere(document: Path) -> None:
    links = [link for link in LINK.findall(document.read_text()) if "://" not in link]
    assert [link for link in links if not (document.parent / link).exists()] == []


def test_every_decision_is_listed() -> None:
    decisions = {path.name for path in (ROOT / "docs/adr").glob("0*.md")}
    assert set(LINK.findall((ROOT / "docs/adr/README.md").read_text())) == decisions
