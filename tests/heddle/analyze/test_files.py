"""Which files are read, and what they say."""

import os
from pathlib import Path

import pytest

from heddle.analyze.files import applied, read_files
from sources.errors import SourceError
from sources.events import Event, Problems


def config_map(name: str, namespace: str = "") -> str:
    place = f", namespace: {namespace}" if namespace else ""
    return f"---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}{place}}}\n"


def named(events: list[Event]) -> list[str]:
    return [f"{event.key.namespace}/{event.key.name}" for event in applied(events)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "below").mkdir()
    (tmp_path / "a.yaml").write_text(config_map("a"))
    (tmp_path / "below" / "b.yml").write_text(config_map("b"))
    (tmp_path / "notes.txt").write_text(config_map("c"))
    return tmp_path


def test_a_folder_with_and_without_those_in_it(folder: Path) -> None:
    assert named(read_files([str(folder)], recursive=False)) == ["default/a"]
    assert named(read_files([f"{folder}/"], recursive=False)) == ["default/a"]
    assert named(read_files([str(folder)], recursive=True)) == ["default/a", "default/b"]


def test_files_of_whatever_name_and_what_is_piped_in(folder: Path) -> None:
    paths = [str(folder / "notes.txt"), "-"]
    found = read_files(paths, recursive=False, stdin=config_map("d").encode())
    assert named(found) == ["default/c", "default/d"]
    assert [event.origin.file for event in applied(found) if event.origin] == [paths[0], "stdin"]


def test_a_namespace_for_those_that_name_none(tmp_path: Path) -> None:
    text = config_map("a") + config_map("b", "default") + config_map("c", "bank")
    found = read_files(["-"], recursive=False, stdin=text.encode(), namespace="shop")
    assert sorted(named(found)) == ["bank/c", "default/b", "shop/a"]
    (moved,) = (event for event in applied(found) if event.key.name == "a")
    assert moved.raw["metadata"] == {"name": "a", "namespace": "shop"}


def test_an_object_in_two_files_is_told_of(folder: Path) -> None:
    (folder / "z.yaml").write_text(config_map("a"))
    found = read_files([str(folder)], recursive=False)
    (problem,) = (p for event in found if isinstance(event, Problems) for p in event.problems)
    assert (problem.code, problem.origin and problem.origin.file) == (
        "duplicate-object",
        str(folder / "z.yaml"),
    )


def test_a_link_to_nowhere_is_told_of(folder: Path) -> None:
    os.symlink("nowhere", folder / "link.yaml")
    found = read_files([str(folder)], recursive=False)
    (problem,) = (p for event in found if isinstance(event, Problems) for p in event.problems)
    assert problem.code == "no-file"


def test_what_is_not_there(folder: Path) -> None:
    with pytest.raises(SourceError, match=r"nothing\.yaml cannot be read: No such file"):
        read_files([str(folder / "nothing.yaml")], recursive=False)


def test_a_pipe_is_read() -> None:
    """As `<(helm template .)` is one."""
    reading, writing = os.pipe()
    with open(reading, "rb"):
        with open(writing, "w") as writer:
            writer.write(config_map("piped"))
        assert named(read_files([f"/dev/fd/{reading}"], recursive=False)) == ["default/piped"]
