"""Namespaces mode: injected pods with real Envoys and real redirection."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from heddle.local.sandbox import sandbox_command
from tests.local.nodes import descendants, watched

pytestmark = [pytest.mark.netns, pytest.mark.usefixtures("namespaces")]

STATE = "/dev/shm/test"


def _mesh(envoy: Path, *flags: str) -> tuple[str, ...]:
    program = (sys.executable, "-m", "tests.local.static_mesh", "namespaces", str(envoy), STATE)
    return sandbox_command((*program, *flags))


def _output(argv: tuple[str, ...], folder: Path) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False, cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def answer(
    namespaces: None, envoy_binary: Path, repo_root: Path
) -> Mapping[str, Mapping[str, str]]:
    """What an application in an injected pod saw."""
    found: Mapping[str, Mapping[str, str]] = json.loads(_output(_mesh(envoy_binary), repo_root))
    return found


@pytest.mark.envoy
@pytest.mark.parametrize("how", ["by_name", "by_address"])
def test_a_request_to_a_service_goes_through_both_sidecars(
    answer: Mapping[str, Mapping[str, str]], how: str
) -> None:
    seen = answer[how]
    assert (seen["body"], seen["x-out"], seen["x-in"]) == ("hello", "client", "server")


@pytest.mark.envoy
def test_an_application_is_an_ordinary_user_of_its_own_host_without_the_sidecars_token(
    answer: Mapping[str, object],
) -> None:
    assert (answer["uid"], answer["host"]) == (65532, "client")
    assert answer["token"] == "FileNotFoundError"


@pytest.mark.envoy
def test_killing_the_supervisor_ends_every_container(envoy_binary: Path, repo_root: Path) -> None:
    process = subprocess.Popen(
        _mesh(envoy_binary, "--stay"),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=repo_root,
    )
    assert process.stdout is not None
    assert process.stdout.readline()
    pids = descendants(process.pid)
    with watched(pids) as left:
        process.kill()
        process.communicate(timeout=60)
        assert len(pids) >= 6  # init, runner, two applications, two Envoys
        assert left(10) == []


@pytest.mark.envoy
def test_an_ordinary_user_runs_the_same_in_proxy_port_mode(
    envoy_binary: Path, repo_root: Path
) -> None:
    """The user is one of a pod, for there our Python can be read wherever it is installed."""
    program = (sys.executable, "-m", "tests.local.unprivileged", str(envoy_binary))
    seen = json.loads(_output(sandbox_command(program), repo_root))
    assert (seen["by_name"]["x-out"], seen["by_name"]["x-in"]) == ("client", "server")
    assert seen["uid"] == 65532
