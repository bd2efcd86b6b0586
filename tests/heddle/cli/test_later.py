"""Commands that are imported when they are called."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from heddle.cli.later import Later, loaded
from heddle.main import app

LIST, ANALYZE = ["--help"], ["analyze", "--use-kube=false", "-"]
SERVICE = b"{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {ports: [{port: 80}]}}"
IMPORTED = """
import sys
from heddle.main import app
app(sys.argv[1:], standalone_mode=False)
print("imported:", *sys.modules, file=sys.stderr)
"""


def imported(arguments: list[str]) -> set[str]:
    """The modules that there are after a command."""
    command = [sys.executable, "-c", IMPORTED, *arguments]
    done = subprocess.run(command, input=SERVICE, capture_output=True, check=True)
    return set(done.stderr.decode().rpartition("imported:")[2].split())


def test_the_list_of_commands_imports_none() -> None:
    assert not {"crds", "yaml", "asyncio", "pydantic"} & imported(LIST)


def test_who_analyzes_files_does_not_wait_for_what_files_do_not_need() -> None:
    found = imported(ANALYZE)
    assert "analysis.engine" in found
    assert not {"google.protobuf", "grpc", "aiohttp", "asyncio", "cryptography"} & found
    assert not {"rich", "pydantic"} & found


def completed(words: str) -> str:
    given = {"_HEDDLE_COMPLETE": "complete_bash", "COMP_WORDS": words}
    given["COMP_CWORD"] = str(words.count(" "))
    return CliRunner().invoke(app, [], prog_name="heddle", env=given).output


def test_shells_complete_commands_and_their_options() -> None:
    assert completed("heddle an").split() == ["analyze"]
    assert "--failure-threshold" in completed("heddle analyze --fail")
    assert "cluster" in completed("heddle pc cl")


def test_the_list_has_each_command_once() -> None:
    listed = CliRunner().invoke(app, ["--help"]).output
    assert "proxy-status" in listed
    assert " ps " not in listed
    assert CliRunner().invoke(app, ["ps", "--help"]).exit_code == 0


def test_a_misspelt_command_gets_a_proposal() -> None:
    done = CliRunner().invoke(app, ["analyse"])
    assert done.exit_code == 2
    assert "'analyze'" in done.output


def test_what_is_no_command_is_refused() -> None:
    with pytest.raises(TypeError, match="is no command"):
        loaded(Later("x", "heddle.plain_yaml:WIDE", "A number."))
