"""What the replicas of a control plane say about a rotation: each writes a file into the folder of
the authority that they share, and who takes the next step reads them all.

A replica holds a lock for as long as it lives, and the system gives it back however it ends: what
a dead one has said does not count, and nobody guesses from the age of a file.
"""

import fcntl
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Self

_FOLDER = "replicas"


class Lack(StrEnum):
    """Why a proxy is waited for."""

    UNTAKEN = "has not acknowledged it"
    AWAY = "is not connected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What one replica says. `state` is the name of the rotation's state that it serves, empty if
    it serves nothing yet; pods are namespace/name. `taken` are those that have acknowledged it, and
    `lacking` those that have not, which are told of only while a rotation is under way.
    """

    replica: str
    state: str = ""
    connected: int = 0
    taken: tuple[str, ...] = ()
    lacking: Mapping[str, Lack] = field(default_factory=dict)
    problem: str = ""


class Reporter:
    """Says how a replica stands, until it is closed. Raises `OSError` where it cannot write."""

    def __init__(self, folder: Path, replica: str) -> None:
        """`replica` is a name that no other replica has."""
        self._file = folder / _FOLDER / f"{replica}.json"
        self._file.parent.mkdir(mode=0o700, exist_ok=True)
        self._lock = self._file.with_suffix(".lock").open("a")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._said: Report | None = None
        self.replica = replica

    def say(self, report: Report) -> None:
        """Replaces what was said before."""
        if report == self._said:
            return
        new = self._file.with_suffix(".new")
        new.write_text(json.dumps(asdict(report)))
        new.replace(self._file)
        self._said = report

    def close(self) -> None:
        """The replica ends."""
        with suppress(OSError):
            self._file.unlink()
            self._file.with_suffix(".lock").unlink()
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


def reports(folder: Path) -> Sequence[Report]:
    """What those replicas say that live, by name; forgets what the others have left."""
    found = []
    for lock in sorted((folder / _FOLDER).glob("*.lock")):
        with suppress(FileNotFoundError):
            if _lives(lock):
                found.append(_read(lock.with_suffix(".json")))
            else:
                lock.with_suffix(".json").unlink(missing_ok=True)
                lock.unlink()
    return found


def _lives(lock: Path) -> bool:
    with lock.open("r") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _read(path: Path) -> Report:
    """One that cannot be read says nothing: its replica is waited for."""
    try:
        found = json.loads(path.read_text())
        return Report(
            replica=str(found["replica"]),
            state=str(found["state"]),
            connected=int(found["connected"]),
            taken=tuple(map(str, found["taken"])),
            lacking={str(pod): Lack(why) for pod, why in found["lacking"].items()},
            problem=str(found["problem"]),
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return Report(replica=path.stem, problem="it has not said anything yet")


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Who does not have a state yet, and why: replicas that do not serve it, and pods."""

    replicas: Mapping[str, str]
    pods: Mapping[str, str]


def waiting(said: Iterable[Report], state: str) -> Waiting:
    """Who is waited for before the step after `state`.

    A pod that one replica misses may be connected to another; one that has two streams has to
    acknowledge on both.
    """
    listed = tuple(said)
    taken = {pod for report in listed for pod in report.taken}
    return Waiting(
        replicas={
            report.replica: report.problem or "does not serve it yet"
            for report in listed
            if report.state != state
        },
        pods={
            pod: str(why)
            for report in listed
            for pod, why in sorted(report.lacking.items())
            if why is Lack.UNTAKEN or pod not in taken
        },
    )


def replica_name(host: str) -> str:
    """A name for this process on `host` that no other replica has at the same time."""
    return f"{host}-{os.getpid()}"
