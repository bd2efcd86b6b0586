"""Run files: who may read them, and what is left behind."""

import json
import socket
import stat
from pathlib import Path

import aiohttp
import pytest

from ca.secret import Token
from heddle.control_plane import ControlPlane
from heddle.debug.run_file import Run, announced, running
from heddle.debug.serving import DebugSettings, debugging
from heddle.local.errors import LocalError
from xds.status import Clients

ONE = Run(source="/one", address="127.0.0.1:1", token=Token(b"first"))
TWO = Run(source="/two", address="127.0.0.1:2", token=Token(b"second"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "user" / "meshes"


def test_several_meshes_are_told_apart(folder: Path) -> None:
    with announced(TWO, folder), announced(ONE, folder):
        assert running(folder) == (ONE, TWO)
        assert "first" not in repr(running(folder))


def test_only_its_user_reads_it(folder: Path) -> None:
    with announced(ONE, folder) as path:
        modes = [stat.S_IMODE(each.stat().st_mode) for each in (path, folder, folder.parent)]
        assert modes == [0o600, 0o700, 0o700]


def test_it_ends_with_its_control_plane(folder: Path) -> None:
    with announced(ONE, folder):
        pass
    assert running(folder) == ()
    assert list(folder.iterdir()) == []


def test_what_a_killed_one_left_is_removed(folder: Path) -> None:
    """Nobody holds the lock any longer."""
    with announced(ONE, folder) as path:
        left = path.with_name("left.mesh")
        left.write_text(path.read_text())
        assert running(folder) == (ONE,)
        assert not left.exists()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"source": "/x"}', json.dumps({"source": 1})])
def test_a_file_of_somebody_else_names_no_mesh(
    folder: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also while it is locked."""
    monkeypatch.setattr("heddle.debug.run_file._text", lambda run: text)
    with announced(ONE, folder):
        assert running(folder) == ()


def test_a_folder_that_is_a_link_is_not_trusted(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "meshes").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(LocalError), announced(ONE, tmp_path / "meshes"):
        pass


def test_without_a_folder_there_is_no_mesh(folder: Path) -> None:
    assert running(folder) == ()


async def test_without_a_place_for_it_a_control_plane_serves_all_the_same(tmp_path: Path) -> None:
    """Commands do not find it; whatever else it is asked, it answers."""
    (tmp_path / "meshes").write_text("a file, and no folder")
    settings = DebugSettings(
        listener=socket.create_server(("127.0.0.1", 0)),
        host="127.0.0.1",
        source="/one",
        run_files=tmp_path / "meshes",
    )
    async with (
        debugging(settings, ControlPlane(quiet=True), Clients()) as shown,
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{shown.port}/version") as answer,
    ):
        assert answer.status == 200
