"""A folder of YAML and JSON files as a source: loaded once, or watched.

inotify tells what changed; a sweep every few seconds catches what it cannot tell (files behind
links that lead out of the folder, an overflow of its queue). Without inotify the sweep alone does
it, at a quicker pace.
"""

import asyncio
import os
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from typing import Literal, Protocol

import structlog

# The public `awatch` starts to watch only when it is first awaited: what changes between the first
# load and that moment would be lost. This is the documented class under it.
from watchfiles._rust_notify import RustNotify, WatchfilesRustInternalError

from sources.events import Event, Synced
from sources.reader import Reader
from sources.scan import counts

DEBOUNCE_MS = 50
STEP_MS = 10
SWEEP_SECONDS = 5.0
POLL_SECONDS = 0.5
MAX_SINGLE_FILES = 1_000

logger = structlog.get_logger(__name__)


class Watcher(Protocol):
    """Waits for changes, for at most `timeout_ms`: paths, or why there are none."""

    def watch(
        self, debounce_ms: int, step_ms: int, timeout_ms: int, stop_event: threading.Event, /
    ) -> set[tuple[int, str]] | Literal["signal", "stop", "timeout"]:
        """Returns once nothing new came for `step_ms`, or after `debounce_ms` of changes."""


def inotify(folder: str, recursive: bool) -> Watcher:
    """Watches from the moment that this returns; raises OSError at the system's limits."""
    return RustNotify([folder], False, False, 0, recursive, True)


def load(path: str | os.PathLike[str]) -> tuple[Event, ...]:
    """All events of a folder or file as it is now, `Synced` last; raises SourceError."""
    return (*Reader(os.fspath(path), time.monotonic).first(), Synced())


class Directory:
    """A folder, or one file, to be watched."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        watcher: Callable[[str, bool], Watcher] = inotify,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._root = os.fspath(path)
        self._is_file = os.path.isfile(path)
        self._start = watcher
        self._clock = clock
        self._reader = Reader(self._root, clock)
        self._watcher: Watcher | None = None
        self._identity: tuple[int, int] | None = None
        self._complained = False
        self._next_sweep = 0.0

    async def events(self) -> AsyncGenerator[Sequence[Event], None]:
        """What there is, `Synced`, then what changes: one list for all that one edit caused.

        To be used once, and closed (`contextlib.aclosing`) to stop watching at once.
        """
        stop = threading.Event()
        try:
            await asyncio.to_thread(self._watch_again)
            yield [*await asyncio.to_thread(self._reader.first), Synced()]
            while True:
                events = await asyncio.to_thread(self._next, stop)
                if events:
                    yield events
        finally:
            stop.set()

    def _next(self, stop: threading.Event) -> list[Event]:
        """Waits once, in a thread, and looks."""
        pause = self._reader.pause()
        timeout = self._next_sweep - self._clock()
        if pause is not None:
            timeout = min(timeout, pause)
        changed = self._wait(max(timeout, 0.001), stop)
        if stop.is_set():
            return []
        files = None if self._clock() >= self._next_sweep else self._files(changed)
        if files is not None:
            return self._reader.look(files)
        self._watch_again()
        return self._reader.sweep()

    def _wait(self, seconds: float, stop: threading.Event) -> Iterable[str]:
        if self._watcher is None:
            stop.wait(seconds)
            return ()
        try:
            found = self._watcher.watch(DEBOUNCE_MS, STEP_MS, max(1, int(seconds * 1000)), stop)
        except (WatchfilesRustInternalError, OSError):
            self._watcher = None
            self._next_sweep = self._clock()
            return ()
        return () if isinstance(found, str) else {path for _, path in found}

    def _files(self, changed: Iterable[str]) -> set[str] | None:
        """The files to read; None if only a sweep can tell."""
        base = os.path.abspath(self._root)
        files: set[str] = set()
        for path in changed:
            kind = _kind(os.path.relpath(path, self._folder()), path, self._reader.files)
            if kind == "sweep":
                return None
            if kind == "file" and self._is_file:
                files |= {self._root} if path == base else set()
            elif kind == "file":
                files.add(os.path.join(self._root, os.path.relpath(path, base)))
        return files if len(files) <= MAX_SINGLE_FILES else None

    def _watch_again(self) -> None:
        """Watches the folder if nobody does: at the start, and when it was replaced by another."""
        folder = self._folder()
        try:
            status = os.stat(folder)
            identity = (status.st_dev, status.st_ino)
            if self._watcher is None or identity != self._identity:
                self._watcher = self._start(folder, not self._is_file)
                self._identity = identity
        except (OSError, WatchfilesRustInternalError) as failure:
            self._watcher = None
            if not self._complained:
                logger.warning("watching by polling", folder=folder, reason=str(failure))
            self._complained = True
        pace = POLL_SECONDS if self._watcher is None else SWEEP_SECONDS
        self._next_sweep = self._clock() + pace

    def _folder(self) -> str:
        path = os.path.abspath(self._root)
        return os.path.dirname(path) if self._is_file else path


def _kind(inside: str, path: str, known: Iterable[str]) -> Literal["file", "sweep", "none"]:
    """What a change of this path, `inside` the folder, asks for."""
    steps = inside.split(os.sep)
    if inside == os.curdir or any(step.startswith("..") for step in steps):
        return "sweep"  # the folder itself, or a ConfigMap that swaps `..data`
    if any(step.startswith(".") for step in steps):
        return "none"
    if os.path.isdir(path):
        return "sweep"
    if counts(steps[-1]):
        return "file"
    part = os.sep + inside + os.sep
    return "sweep" if any(part in file for file in known) else "none"
