"""A peer's server: a program of its own, on a core of its own, watched from outside."""

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_QUIET_SECONDS = 0.3
_STOP_SECONDS = 5.0
CACHE = Path(__file__).parents[2] / ".cache" / "peers"
"""Where peers are built and installed."""


class Unavailable(Exception):
    """The peer cannot be had on this machine."""


class Program:
    """A running program with its children."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], core: int) -> None:
        mine = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {core})  # children inherit it, and count their cores at start
        try:
            self._process = subprocess.Popen(
                command,
                env={**os.environ, **environment},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        finally:
            os.sched_setaffinity(0, mine)

    def ask(self, line: str) -> str:
        """Writes a line; the line that it answers with."""
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the program has no pipes")
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline().strip()
        if not answer:
            raise Unavailable(f"{self._process.args!r} died")
        return answer

    def cpu(self) -> float:
        """CPU seconds so far, in the kernel's ticks (10 ms)."""
        return sum(sum(map(int, f[11:13])) for f in map(_stat, self._tree())) / _TICK

    def settled_cpu(self) -> float:
        """The same, when it has come to rest."""
        before = -1.0
        while before != (now := self.cpu()):
            before = now
            time.sleep(_QUIET_SECONDS)
        return now

    def resident(self) -> int:
        """Resident memory in bytes."""
        return sum(int(fields[21]) * _PAGE for fields in map(_stat, self._tree()))

    def _tree(self) -> list[int]:
        found, pending = [], [self._process.pid]
        while pending:
            each = pending.pop()
            found.append(each)
            listed = Path(f"/proc/{each}/task/{each}/children")
            pending += map(int, listed.read_text().split() if listed.exists() else ())
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.terminate()
        try:
            self._process.communicate(timeout=_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()


def run(command: Sequence[str], *, cwd: Path, seconds: float = 900) -> None:
    """Runs a step of a build; `Unavailable` with its last words if it fails."""
    done = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, timeout=seconds, check=False
    )
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()[-1]
        raise Unavailable(f"{command[0].rpartition('/')[2]} {command[1]} failed: {last}")


def _stat(pid: int) -> list[str]:
    """The fields from the third one on: the second, a name, may hold spaces."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
