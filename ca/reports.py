"""What the replicas of a control plane say about a rotation: each writes a file into the folder of
the authority that they share, and who takes the next step reads them all.

A replica holds a lock for as long as it lives, and the system gives it back however it ends:
nobody guesses from the age of a file. What a dead one has said does not count, but the pods that it
had are waited for until another replica has taken note of them.
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
    it serves nothing yet; pods are namespace/name. `taken` are those that have acknowledged it,
    `lacking` those that have not.
    """

    replica: str
    state: str = ""
    taken: tuple[str, ...] = ()
    lacking: Mapping[str, Lack] = field(default_factory=dict)
    problem: str = ""

    @property
    def pods(self) -> frozenset[str]:
        """All that hold certificates, as far as this replica knows."""
        return frozenset((*self.taken, *self.lacking))


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What replicas say that live, and what the others have left, each by name."""

    living: Sequence[Report] = ()
    dead: Sequence[Report] = ()


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
    """One that cannot be read says nothing: its replica is waited for."""
    try:
        found = json.loads(path.read_text())
        return Report(
            replica=path.stem,
            state=str(found["state"]),
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


def waiting(said: Said, state: str) -> Waiting:
    """Who is waited for before the step after `state`.

    A pod that one replica misses may be connected to another; one that has two streams has to
    acknowledge on both.
    """
    taken = {pod for report in said.living for pod in report.taken}
    left = {pod: Lack.AWAY for report in said.dead for pod in report.pods}
    missed = [left, *(report.lacking for report in said.living)]
    return Waiting(
        replicas={
            report.replica: report.problem or "does not serve it yet"
            for report in said.living
            if report.state != state
        },
        pods={
            pod: str(why)
            for each in missed
            for pod, why in sorted(each.items())
            if why is Lack.UNTAKEN or pod not in taken
        },
    )


def replica_name(host: str) -> str:
    """A name for this process on `host` that no other replica has at the same time."""
    return f"{host}-{os.getpid()}"
