"""Every command can say what it does: brackets in a help text are markup to typer."""

import pytest
import typer
from typer.testing import CliRunner

from heddle.main import app

COMMANDS = sorted(typer.main.get_command(app).commands)  # type: ignore[attr-defined]  # a group has some


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_explains_itself(name: str) -> None:
    done = CliRunner().invoke(app, [name, "--help"])
    assert done.exit_code == 0, done.exception
    assert "Usage" in done.output
