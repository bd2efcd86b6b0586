"""Every command can say what it does: brackets in a help text are markup to typer."""

import inspect

import pytest
from typer.testing import CliRunner

from heddle.cli.later import Later, loaded
from heddle.main import COMMANDS, app

each_command = pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)


@each_command
def test_a_command_explains_itself(command: Later) -> None:
    done = CliRunner().invoke(app, [command.name, "--help"])
    assert done.exit_code == 0, done.exception
    assert "Usage" in done.output


@each_command
def test_the_list_of_commands_says_what_a_command_says_itself(command: Later) -> None:
    own = inspect.cleandoc(loaded(command).help or "").split("\n\n")[0]
    assert " ".join(own.split()) == command.help
