"""What replicas say about a rotation as files in the folder of the authority, which they share.

A replica holds a lock for as long as it lives, and the system gives it back however it ends:
nobody guesses from the age of a file.
"""

import fcntl
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from ca.errors import AuthorityError
from ca.reports import Report, Said, report_from, report_text, silent

_FOLDER = "replicas"


class Reporter:
    """Says how a replica stands, for as long as it lives: what it has said last stays there for who
    comes after it. Raises `OSError` where it cannot write.
    """

    def __init__(self, folder: Path, replica: str) -> None:
        """`replica` is a name that no other replica has."""
        self._file = folder / _FOLDER / f"{replica}.json"
        self._file.parent.mkdir(mode=0o700, exist_ok=True)
        self._lock = self._file.with_suffix(".lock").open("a")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._said: Report | None = None
        self.replica = replica
        self.former = _read(self._file) if self._file.exists() else None
        """What one of this name has said before."""

    def say(self, report: Report) -> None:
        """Replaces what was said before."""
        if report == self._said:
            return
        new = self._file.with_suffix(".new")
        new.write_text(report_text(report))
        new.replace(self._file)
        self._said = report

    def close(self) -> None:
        """The replica ends."""
        self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def reports(folder: Path) -> Said:
    """What the replicas have said that share a folder."""
    living: list[Report] = []
    dead: list[Report] = []
    for lock in sorted((folder / _FOLDER).glob("*.lock")):
        with suppress(FileNotFoundError):
            found = living if _lives(lock) else dead
            found.append(_read(lock.with_suffix(".json")))
    return Said(living=living, dead=dead)


def forget(folder: Path, dead: Iterable[Report]) -> None:
    """Somebody who lives tells of the pods of these now."""
    for report in dead:
        for suffix in (".json", ".lock"):
            (folder / _FOLDER / f"{report.replica}{suffix}").unlink(missing_ok=True)


def _lives(lock: Path) -> bool:
    with lock.open("r") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _read(path: Path) -> Report:
    try:
        return report_from(path.read_text(), path.stem)
    except (OSError, ValueError, AuthorityError):
        return silent(path.stem)
