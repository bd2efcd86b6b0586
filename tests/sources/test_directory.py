"""With a real folder and a real inotify. Nothing here sleeps: each step waits for its event."""

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Literal

import pytest

from sources.directory import Directory, Watcher, inotify, load
from sources.errors import SourceError
from tests.sources.objects import service, told


class Follower:
    """Reads batches with a timeout, and remembers what is left over."""

    def __init__(self, events: AsyncIterator[object]) -> None:
        self._events = events

    async def batch(self, seconds: float = 60) -> list[str]:
        async with asyncio.timeout(seconds):
            return told(await anext(self._events))  # type: ignore[arg-type]  # a sequence of events


@asynccontextmanager
async def following(directory: Directory) -> AsyncIterator[Follower]:
    async with aclosing(directory.events()) as events:
        yield Follower(events)


def write(path: Path, text: str) -> None:
    path.write_text(text)


def replace(path: Path, text: str) -> None:
    """As an editor saves: a new file under the old name."""
    new = path.with_name(".swap")
    new.write_text(text)
    new.rename(path)


def swap_data(folder: Path, name: str, **files: str) -> None:
    """As the kubelet updates a mounted ConfigMap."""
    version = folder / name
    version.mkdir()
    for file, text in files.items():
        (version / f"{file}.yaml").write_text(text)
    (folder / "..data_tmp").symlink_to(name)
    (folder / "..data_tmp").rename(folder / "..data")
    for file in files:
        link = folder / f"{file}.yaml"
        if not link.is_symlink():
            link.symlink_to(f"..data/{file}.yaml")


async def test_the_first_batch_is_all_there_is(tmp_path: Path) -> None:
    write(tmp_path / "a.yaml", service("x"))
    async with following(Directory(tmp_path)) as follower:
        assert await follower.batch() == ["+x", "="]


async def test_edits_are_seen_however_they_are_made(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    write(file, service("x"))
    async with following(Directory(tmp_path)) as follower:
        await follower.batch()
        write(file, service("x", 81))
        assert await follower.batch() == ["+x"]
        replace(file, service("x", 82))
        assert await follower.batch() == ["+x"]
        write(tmp_path / "b.yaml", service("w"))
        assert await follower.batch() == ["+w"]
        file.unlink()
        assert await follower.batch() == ["-x"]


async def test_an_edit_between_the_first_batch_and_the_next_is_not_lost(tmp_path: Path) -> None:
    async with following(Directory(tmp_path)) as follower:
        assert await follower.batch() == ["="]
        write(tmp_path / "a.yaml", service("x"))
        assert await follower.batch() == ["+x"]


async def test_an_edit_is_seen_within_a_blink(tmp_path: Path) -> None:
    """One of a hundred is, so that a busy machine does not count."""
    file = tmp_path / "a.yaml"
    write(file, service("x"))
    async with following(Directory(tmp_path)) as follower:
        await follower.batch()
        took: list[float] = []
        while not took or (took[-1] >= 0.05 and len(took) < 100):
            start = time.perf_counter()
            replace(file, service("x", 81 + len(took)))
            await follower.batch()
            took.append(time.perf_counter() - start)
    assert took[-1] < 0.05


async def test_a_swap_of_a_config_map_is_seen_and_not_read_twice(tmp_path: Path) -> None:
    swap_data(tmp_path, "..2025_1", a=service("x"), b=service("w"))
    async with following(Directory(tmp_path)) as follower:
        assert await follower.batch() == ["+w", "+x", "="]
        swap_data(tmp_path, "..2025_2", a=service("x", 81), b=service("w"))
        assert await follower.batch() == ["+x"]


async def test_folders_come_and_go(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    root = tmp_path / "root"
    root.mkdir()
    outside.mkdir()
    write(outside / "a.yaml", service("x"))
    async with following(Directory(root)) as follower:
        await follower.batch()
        outside.rename(root / "inside")
        assert await follower.batch() == ["+x"]
        (root / "inside").rename(outside)
        assert await follower.batch() == ["-x"]


async def test_files_that_do_not_count_say_nothing(tmp_path: Path) -> None:
    async with following(Directory(tmp_path)) as follower:
        await follower.batch()
        (tmp_path / ".git").mkdir()
        write(tmp_path / ".git" / "a.yaml", service("hidden"))
        write(tmp_path / "notes.txt", "text")
        write(tmp_path / "a.yaml", service("x"))
        assert await follower.batch() == ["+x"]


async def test_one_file_is_followed(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    write(file, service("x"))
    async with following(Directory(file)) as follower:
        assert await follower.batch() == ["+x", "="]
        write(tmp_path / "b.yaml", service("w"))
        replace(file, service("x", 81))
        assert await follower.batch() == ["+x"]


async def test_a_folder_that_is_replaced_is_followed_again(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    write(root / "a.yaml", service("x"))
    async with following(Directory(root)) as follower:
        await follower.batch()
        root.rename(tmp_path / "old")
        assert await follower.batch() == ["!root no-folder"]
        root.mkdir()
        write(root / "a.yaml", service("x", 81))
        seen = await follower.batch()
        while "+x" not in seen:
            seen += await follower.batch()
        assert seen == ["!root", "+x"]


def no_inotify(folder: str, recursive: bool) -> Watcher:
    raise OSError(28, "inotify watch limit reached")


async def test_without_inotify_the_folder_is_polled(tmp_path: Path) -> None:
    async with following(Directory(tmp_path, watcher=no_inotify)) as follower:
        await follower.batch()
        write(tmp_path / "a.yaml", service("x"))
        assert await follower.batch() == ["+x"]


class Failing:
    """An inotify that breaks once it is used."""

    def watch(
        self, debounce_ms: int, step_ms: int, timeout_ms: int, stop_event: threading.Event, /
    ) -> set[tuple[int, str]] | Literal["signal", "stop", "timeout"]:
        raise OSError(5, "broken")


async def test_a_watcher_that_breaks_is_replaced_and_nothing_is_lost(tmp_path: Path) -> None:
    watchers = iter([lambda *_: Failing(), inotify])
    directory = Directory(tmp_path, watcher=lambda folder, deep: next(watchers)(folder, deep))
    async with following(directory) as follower:
        await follower.batch()
        write(tmp_path / "a.yaml", service("x"))
        assert await follower.batch() == ["+x"]


async def test_a_thousand_changes_at_once_are_one_batch_or_few(tmp_path: Path) -> None:
    async with following(Directory(tmp_path)) as follower:
        await follower.batch()
        for number in range(1_200):
            write(tmp_path / f"{number}.yaml", service(f"x{number}"))
        seen: set[str] = set()
        while len(seen) < 1_200:
            seen.update(await follower.batch())


async def test_a_source_that_is_cancelled_while_it_waits_stops_at_once(tmp_path: Path) -> None:
    before = threading.active_count()
    async with following(Directory(tmp_path)) as follower:
        await follower.batch()
        with pytest.raises(TimeoutError):
            await follower.batch(seconds=0.05)
    await asyncio.get_running_loop().shutdown_default_executor()
    assert threading.active_count() <= before


async def test_load_gives_the_same_as_watching(tmp_path: Path) -> None:
    write(tmp_path / "a.yaml", service("x"))
    assert told(load(tmp_path)) == ["+x", "="]
    with pytest.raises(SourceError):
        load(os.path.join(tmp_path, "nowhere"))
