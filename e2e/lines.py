"""A helper process that is asked in lines of JSON and answers in lines of JSON."""

import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The top of the checkout."""

PATIENCE = 120.0
"""Seconds until an answer is overdue."""

ENDING = 20.0
"""Seconds that it may take to end in order."""


class HelperError(Exception):
    """The helper said that it could not, or said nothing."""


class Helper:
    """A process that was started with `argv` and says `{"id": "ready"}` once it can be asked."""

    def __init__(self, argv: Sequence[str], *, log: Path) -> None:
        """Its standard error goes to `log`."""
        self._log = log
        self._rest = b""
        self._ids = 0
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
            )
        try:
            self._answer("ready")
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    def ask(self, **command: object) -> object:
        """What it answers; raises `HelperError`."""
        self._ids += 1
        line = json.dumps({"id": self._ids, **command})
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())
        self._process.stdin.flush()
        answer = self._answer(self._ids)
        if "error" in answer:
            raise HelperError(f"{command}: {answer['error']}")
        return answer.get("result")

    def close(self) -> None:
        """End it in order."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(ENDING)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def _answer(self, identity: object) -> Mapping[str, object]:
        deadline = time.monotonic() + PATIENCE
        while True:
            line = self._line(deadline)
            answer: Mapping[str, object] = json.loads(line)
            if answer["id"] == identity:
                return answer

    def _line(self, deadline: float) -> bytes:
        assert self._process.stdout is not None
        handle = self._process.stdout.fileno()
        while b"\n" not in self._rest:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([handle], [], [], left)[0]:
                raise HelperError(f"no answer within {PATIENCE} s; {self._last_words()}")
            data = os.read(handle, 1 << 16)
            if not data:
                raise HelperError(f"it has ended; {self._last_words()}")
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        return line

    def _last_words(self) -> str:
        return f"its last words: {self._log.read_text(errors='replace')[-3000:]}"
