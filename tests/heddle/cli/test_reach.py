"""Which mesh a command means, and what it is told by it."""

import asyncio
import socket
from pathlib import Path

import pytest
from typer import Exit

from ca.secret import Token
from heddle.cli.reach import Where, ask, chosen
from heddle.cli.reached import Reached, Unreached
from heddle.control_plane import ControlPlane
from heddle.debug import run_file
from heddle.debug.run_file import Run
from heddle.debug.serving import DebugSettings, debugging
from xds.status import Clients

ONE = Run(source="/one", address="127.0.0.1:1", token=Token(b"1"))
TWO = Run(source="/two", address="127.0.0.1:2", token=Token(b"2"))


@pytest.mark.parametrize(
    ("where", "runs", "found"),
    [
        (Where(), (ONE,), ONE),
        (Where(mesh="/two"), (ONE, TWO), TWO),
        (Where(mesh="/two/../two/"), (ONE, TWO), TWO),
        (Where(), (), None),
        (Where(mesh="kubernetes"), (ONE,), None),
        (Where(context="there"), (ONE,), None),
        (Where(kubeconfig=Path("there")), (ONE, TWO), None),
    ],
)
def test_the_mesh_that_is_meant(where: Where, runs: tuple[Run, ...], found: Run | None) -> None:
    assert chosen(where, runs) == found


@pytest.mark.parametrize(
    ("where", "runs", "said"),
    [
        (Where(), (ONE, TWO), "say --mesh, one of /one, /two"),
        (Where(mesh="/three"), (ONE, TWO), "no mesh of /three runs here; there are: /one, /two"),
        (Where(mesh="/three", context="there"), (), "there are: none"),
        (Where(mesh="/one"), (ONE, ONE), "2 control planes serve /one"),
    ],
)
def test_it_is_not_guessed(where: Where, runs: tuple[Run, ...], said: str) -> None:
    with pytest.raises(Unreached, match=said):
        chosen(where, runs)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run files are of this test alone."""
    monkeypatch.setattr(run_file, "runs_folder", lambda: tmp_path / "user" / "meshes")


async def version(plane: Reached) -> str:
    return (await plane.get("/version")).text


async def proxies(plane: Reached) -> str:
    return (await plane.get("/debug/proxies", {"namespace": "shop"})).text


async def nothing(plane: Reached) -> str:
    return (await plane.get("/nothing")).text


def settings(source: str) -> DebugSettings:
    listener = socket.create_server(("127.0.0.1", 0))
    return DebugSettings(listener=listener, host="127.0.0.1", source=source)


async def test_a_mesh_of_this_machine_by_its_run_file() -> None:
    """Two that run do not mix: each takes its own token alone."""
    plane, clients = ControlPlane(quiet=True), Clients()
    async with debugging(settings("/one"), plane, clients):
        async with debugging(settings("/two"), plane, clients):
            said = await asyncio.to_thread(ask, Where(mesh="/two"), proxies)
            assert said == "[]\n"
        assert "heddle" in await asyncio.to_thread(ask, Where(), version)
        (run,) = run_file.running()
        other = Run(source="/x", address=run.address, token=Token(b"other"))
        with run_file.announced(other), pytest.raises(Exit):
            await asyncio.to_thread(ask, Where(mesh="/x"), proxies)


async def test_what_it_does_not_know_ends_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    async with debugging(settings("/one"), ControlPlane(quiet=True), Clients()):
        with pytest.raises(Exit) as failed:
            await asyncio.to_thread(ask, Where(), nothing)
    assert failed.value.exit_code == 2
    assert "heddle: /one answers 404: there is no such page" in capsys.readouterr().err


def test_a_mesh_that_does_not_answer(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        dead = Run(source="/one", address=address, token=Token(b"1"))
        with run_file.announced(dead), pytest.raises(Exit):
            ask(Where(), version)
    assert "/one: " in capsys.readouterr().err
