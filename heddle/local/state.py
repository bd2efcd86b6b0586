"""The folder that a run keeps its files in, and what an earlier run left behind.

In namespaces mode it is on the sandbox's private tmpfs and ends with it. In proxy-port mode it is
below the temporary folder; the run holds a lock on it, which the kernel releases when the run is
over, in whatever way. So whoever can take the lock has found leftovers: it kills the processes that
are still the recorded ones (the kernel should have), and removes the folder.
"""

import fcntl
import os
import shutil
import signal
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from heddle.local.errors import LocalError
from heddle.local.modes import RunMode
from heddle.local.sandbox import STATE

_LOCK = "lock"
_PROCESSES = "processes"


class State:
    """A run's folder: `path`, readable by its user only."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def record(self, pid: int) -> None:
        """Remember a process, so that a later run can end it if this one cannot."""
        if started := _start_time(pid):
            with (self.path / _PROCESSES).open("a") as file:
                file.write(f"{pid} {started}\n")


@contextmanager
def open_state(mode: RunMode, parent: Path | None = None) -> Iterator[State]:
    """A folder for this run, removed at its end; `parent` is where such folders are."""
    base = parent or (STATE / "heddle" if mode is RunMode.NAMESPACES else user_folder())
    own_folder(base)
    remove_leftovers(base)
    path, lock = _new_run(base)
    with lock:
        try:
            yield State(path)
        finally:
            shutil.rmtree(path, ignore_errors=True)


def remove_leftovers(base: Path) -> int:
    """End and remove what runs that are over left below `base`; how many they were."""
    with (base / _LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return sum(_removed(path) for path in sorted(base.glob("run-*")))


def _new_run(base: Path) -> tuple[Path, TextIO]:
    # A folder that is not locked yet looks like a leftover: nobody may be looking for some.
    with (base / _LOCK).open("w") as all_runs:
        fcntl.flock(all_runs, fcntl.LOCK_EX)
        path = Path(tempfile.mkdtemp(prefix="run-", dir=base))
        lock = (path / _LOCK).open("w")
        fcntl.flock(lock, fcntl.LOCK_EX)
        return path, lock


def user_folder() -> Path:
    """Where this user's runs keep what has to outlive a process; perhaps not there yet."""
    return Path(tempfile.gettempdir()) / f"heddle-{os.getuid()}"


def own_folder(base: Path) -> None:
    """Makes a folder that only its user may enter. Anybody may create names in the temporary
    folder: one that is somebody else's is a `LocalError`.
    """
    base.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = base.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise LocalError(f"{base} belongs to somebody else; remove it, or set TMPDIR")
    base.chmod(0o700)


def _removed(path: Path) -> bool:
    try:
        with (path / _LOCK).open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _end_processes(path / _PROCESSES)
            shutil.rmtree(path, ignore_errors=True)
    except OSError:
        return False  # it runs, or somebody else is removing it
    return True


def _end_processes(record: Path) -> None:
    lines = record.read_text().splitlines() if record.exists() else []
    for pid, _, started in (line.partition(" ") for line in lines):
        # The start time tells the process from a later one that was given its number.
        if pid.isdigit() and started and _start_time(int(pid)) == started:
            with suppress(ProcessLookupError):  # it has ended meanwhile
                os.killpg(int(pid), signal.SIGKILL)


def _start_time(pid: int) -> str:
    """When a process started, in ticks since the machine did; empty if there is none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    # The name in parentheses may hold anything, blanks and parentheses too.
    return text.rpartition(")")[2].split()[19]
