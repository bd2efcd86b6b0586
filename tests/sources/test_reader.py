import errno
import os
from pathlib import Path

import pytest

from sources.errors import SourceError
from sources.events import Problems
from sources.reader import STABLE_SECONDS, Reader
from sources.scan import MAX_DEPTH, MAX_FILE_BYTES
from tests.fakes.clock import FakeClock
from tests.sources.objects import service, told


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)


@pytest.fixture
def reader(tmp_path: Path, clock: FakeClock) -> Reader:
    return Reader(str(tmp_path), clock)


def test_all_files_that_count_are_read(tmp_path: Path, reader: Reader) -> None:
    (tmp_path / "deep" / "er.yaml").mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    for path in ("a.yaml", "deep/b.yml", "deep/er.yaml/c.yaml", ".git/d.yaml", ".e.yaml", "f.txt"):
        (tmp_path / path).write_text(
            service(path.replace("/", "-").removesuffix(".yaml").strip("."))
        )
    (tmp_path / "g.json").write_text(
        '{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "g"}}'
    )
    (tmp_path / "round").symlink_to(tmp_path)
    assert told(reader.first()) == ["+a", "+deep-b.yml", "+deep-er.yaml-c", "+g"]


def test_what_is_named_like_a_file_and_is_none_is_a_problem(tmp_path: Path, reader: Reader) -> None:
    """Whoever named it so thinks that it is read; nobody thinks so of hidden ones."""
    link, pipe = tmp_path / "link.yaml", tmp_path / "pipe.yaml"
    for name in ("link.yaml", ".hidden.yaml", "link.txt"):
        (tmp_path / name).symlink_to(tmp_path / "nowhere")
    os.mkfifo(pipe)
    (tmp_path / "pipe.txt").symlink_to(pipe)
    events = reader.first()
    assert told(events) == ["!link.yaml no-file", "!pipe.yaml no-file"]
    assert [str(p) for e in events if isinstance(e, Problems) for p in e.problems] == [
        f"warning[no-file] {link}: is not read (it is a link that leads nowhere): replace it by a "
        "file, or give it another name",
        f"warning[no-file] {pipe}: is not read (it is no regular file): replace it by a file, or "
        "give it another name",
    ]
    assert told(reader.sweep()) == []
    (tmp_path / "nowhere").write_text(service("x"))
    pipe.unlink()
    assert told(reader.sweep()) == ["!link.yaml", "!pipe.yaml", "+x"]


def test_a_pipe_is_no_folder(tmp_path: Path, clock: FakeClock) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SourceError, match="neither a folder nor a regular file"):
        Reader(str(tmp_path / "pipe"), clock).first()


def test_a_deletion_waits_until_the_content_is_stable(
    tmp_path: Path, reader: Reader, clock: FakeClock
) -> None:
    write(tmp_path, a=service("x"))
    reader.first()
    file = str(tmp_path / "a.yaml")
    write(tmp_path, a="")
    assert reader.look([file]) == []
    assert reader.pause() == pytest.approx(STABLE_SECONDS, abs=0.001)
    clock.advance(STABLE_SECONDS + 0.001)
    assert told(reader.look([])) == ["-x"]
    assert reader.pause() is None


def test_truncate_then_write_deletes_nothing(
    tmp_path: Path, reader: Reader, clock: FakeClock
) -> None:
    write(tmp_path, a=service("x"))
    reader.first()
    file = str(tmp_path / "a.yaml")
    write(tmp_path, a="")
    reader.look([file])
    clock.advance(STABLE_SECONDS + 0.001)
    write(tmp_path, a=service("x", 81))
    assert told(reader.look([file])) == ["+x"]
    assert reader.pause() is None


def test_content_that_changes_while_it_waits_waits_anew(
    tmp_path: Path, reader: Reader, clock: FakeClock
) -> None:
    write(tmp_path, a=service("x") + "---\n" + service("w"))
    reader.first()
    file = str(tmp_path / "a.yaml")
    write(tmp_path, a="")
    reader.look([file])
    clock.advance(STABLE_SECONDS + 0.001)
    write(tmp_path, a=service("x"))
    assert reader.look([file]) == []
    clock.advance(STABLE_SECONDS + 0.001)
    assert told(reader.look([])) == ["-w"]


def test_a_renamed_file_moves_its_objects_without_a_copy_in_between(
    tmp_path: Path, reader: Reader, clock: FakeClock
) -> None:
    write(tmp_path, a=service("x"), b=service("w"))
    reader.first()
    (tmp_path / "a.yaml").rename(tmp_path / "c.yaml")
    write(tmp_path, b=service("w", 81))
    files = [str(tmp_path / name) for name in ("a.yaml", "b.yaml", "c.yaml")]
    assert told(reader.look(files)) == ["+w"]
    clock.advance(STABLE_SECONDS + 0.001)
    assert told(reader.look([])) == [">x"]


def test_a_sweep_reads_only_what_changed(tmp_path: Path, reader: Reader, clock: FakeClock) -> None:
    write(tmp_path, a=service("x"), b=service("w"))
    reader.first()
    assert reader.sweep() == []
    write(tmp_path, a=service("x", 8080))
    (tmp_path / "b.yaml").unlink()
    assert told(reader.sweep()) == ["+x"]
    clock.advance(STABLE_SECONDS + 0.001)
    assert told(reader.look([])) == ["-w"]


def test_a_sweep_sees_a_write_that_left_the_signature_as_it_was(
    tmp_path: Path, reader: Reader
) -> None:
    write(tmp_path, a=service("x", 80))
    times = os.stat(tmp_path / "a.yaml").st_mtime_ns
    reader.first()
    write(tmp_path, a=service("x", 81))
    os.utime(tmp_path / "a.yaml", ns=(times, times))
    assert told(reader.sweep()) == ["+x"]


def test_a_folder_that_vanishes_keeps_its_objects(tmp_path: Path, clock: FakeClock) -> None:
    root = tmp_path / "root"
    root.mkdir()
    write(root, a=service("x"))
    reader = Reader(str(root), clock)
    reader.first()
    root.rename(tmp_path / "away")
    assert reader.look([str(root / "a.yaml")]) == []
    assert reader.pause() == pytest.approx(STABLE_SECONDS, abs=0.001)
    clock.advance(STABLE_SECONDS + 0.001)
    assert told(reader.look([])) == ["!root no-folder"]
    assert reader.sweep() == []
    assert reader.pause() is None
    (tmp_path / "away").rename(root)
    assert told(reader.look([])) == ["!root"]


def test_a_folder_that_is_not_there_at_the_start_is_an_error(clock: FakeClock) -> None:
    with pytest.raises(SourceError, match="nowhere cannot be read: No such file"):
        Reader("nowhere", clock).first()


def test_one_file_is_a_source_too(tmp_path: Path, clock: FakeClock) -> None:
    write(tmp_path, a=service("x"), b=service("w"))
    reader = Reader(str(tmp_path / "a.yaml"), clock)
    assert told(reader.first()) == ["+x"]


def test_a_file_that_is_too_large_is_a_problem(tmp_path: Path, reader: Reader) -> None:
    write(tmp_path, a="#" * (MAX_FILE_BYTES + 1))
    assert told(reader.first()) == ["!a.yaml unreadable"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_a_problem(tmp_path: Path, reader: Reader) -> None:
    write(tmp_path, a=service("x"))
    (tmp_path / "a.yaml").chmod(0)
    assert told(reader.first()) == ["!a.yaml unreadable"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_below_that_cannot_be_listed_keeps_its_objects(
    tmp_path: Path, reader: Reader
) -> None:
    below = tmp_path / "below"
    below.mkdir()
    write(below, a=service("x"))
    reader.first()
    below.chmod(0)
    assert told(reader.sweep()) == ["!below no-folder"]
    assert reader.sweep() == []
    below.chmod(0o700)
    assert told(reader.sweep()) == ["!below"]


def test_folders_without_end_are_read_to_a_bound(tmp_path: Path, reader: Reader) -> None:
    """Two links in each of 40 folders are 2^40 paths; and a path may be longer than the stack."""
    (tmp_path / "a.yaml").write_text(service("a"))
    for number in range(40):
        (tmp_path / f"d{number}").mkdir()
        for name in ("x", "y"):
            (tmp_path / f"d{number}" / name).symlink_to(tmp_path / f"d{number + 1}")
    events = reader.first()
    reasons = [
        str(each)
        for event in events
        if isinstance(event, Problems)
        for each in event.problems
        if os.strerror(errno.ELOOP) not in str(each)  # some kernels follow fewer links now and then
    ]
    assert len(reasons) == 1, reasons
    assert "folders that were read" in reasons[0]
    assert told(events)[-1] == "+a"


def test_a_folder_that_is_too_deep_is_a_problem(tmp_path: Path, reader: Reader) -> None:
    (tmp_path / "a.yaml").write_text(service("a"))
    deep = tmp_path.joinpath(*["d"] * (MAX_DEPTH + 1))
    deep.mkdir(parents=True)
    (deep / "b.yaml").write_text(service("b"))
    assert told(reader.first()) == ["!d no-folder", "+a"]
