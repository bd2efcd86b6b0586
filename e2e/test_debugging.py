"""docs/debugging.md, step by step: its mistakes are made in a mesh that runs, its requests fail as
it says, and its commands, exactly as they stand there, name the line at fault.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from e2e.mesh import Mesh
from heddle.main import app

PAGE = Path(__file__).resolve().parent.parent / "docs" / "debugging.md"
MOST_COMMANDS = 3
AT_FAULT = {503: "subset: v9", 403: "- from:"}
"""What stands in the line that the commands have to name."""

_SECTION = re.compile(r"^## Requests get a (\d+)$(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_BLOCK = re.compile(r"^```(yaml|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_URL = re.compile(r"Requests to `(http://[^`]+)`")
_PLACE = re.compile(r"\((/[^():]+):(\d+)\)")


@dataclass(frozen=True)
class Walk:
    """One section: the mistake, the request that fails, and what is done about it."""

    status: int
    mistake: str
    url: str
    commands: tuple[tuple[str, tuple[str, ...]], ...]


def walks() -> Iterator[Walk]:
    """The sections of the page."""
    for status, text in _SECTION.findall(PAGE.read_text()):
        blocks = _BLOCK.findall(text)
        consoles = [block.splitlines() for kind, block in blocks if kind == "console"]
        found = _URL.search(text)
        assert found is not None
        yield Walk(
            status=int(status),
            mistake="\n---\n".join(block for kind, block in blocks if kind == "yaml"),
            url=found[1],
            commands=tuple((lines[0], tuple(lines[1:])) for lines in consoles),
        )


@pytest.mark.parametrize("walk", tuple(walks()), ids=lambda walk: str(walk.status))
def test_a_failed_request_leads_to_its_line(mesh: Mesh, walk: Walk) -> None:
    mesh.apply(walk.mistake)
    assert mesh.get(walk.url).status == walk.status
    assert 0 < len(walk.commands) <= MOST_COMMANDS
    said = [printed(mesh, command, expected) for command, expected in walk.commands]
    named = [line_at(file, int(line)) for text in said for file, line in _PLACE.findall(text)]
    assert any(AT_FAULT[walk.status] in line for line in named), named


def printed(mesh: Mesh, command: str, expected: tuple[str, ...]) -> str:
    """What a command of the page prints; it has to have the lines that the page shows."""
    prompt, program, *arguments = shlex.split(command)
    assert (prompt, program) == ("$", "heddle")
    result = CliRunner().invoke(app, [*arguments, *mesh.options])
    assert result.exit_code in (0, 1), result.output
    for line in expected:
        assert line.strip() in result.stdout, (line, result.stdout)
    return result.stdout


def line_at(file: str, number: int) -> str:
    """A line of a file."""
    return Path(file).read_text().splitlines()[number - 1]


def test_the_page_walks_through_both() -> None:
    assert [walk.status for walk in walks()] == [503, 403]
