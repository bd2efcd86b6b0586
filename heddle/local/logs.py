"""What containers write: into bounded files, and line by line to whoever listens."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

LIMIT = 1 << 20
"""A log file longer than this (in bytes) is moved away to `.1`, and the one before it is gone."""

LONGEST_LINE = 1 << 16
"""A longer line (in bytes) is cut into several."""


class Log:
    """A bounded log file, for its user only: at some levels Envoy logs headers, tokens included."""

    def __init__(self, path: Path, limit: int = LIMIT) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._limit = limit
        self._file = _opened(path)

    def write(self, line: bytes) -> None:
        """Append a line, given without its end; lost once it is closed."""
        if self._file.closed:
            return
        self._file.write(line + b"\n")
        self._file.flush()
        if self._file.tell() > self._limit:
            self._file.close()
            self.path.replace(self.path.with_name(self.path.name + ".1"))
            self._file = _opened(self.path)

    def close(self) -> None:
        """Nothing is written after this."""
        self._file.close()


def _opened(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab")


class LineReader(asyncio.Protocol):
    """The reading end of a container's output: hands on each line, then sets `ended`."""

    def __init__(self, on_line: Callable[[bytes], None]) -> None:
        self._on_line = on_line
        self._rest = b""
        self.ended = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        *lines, rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._on_line(line)
        while len(rest) > LONGEST_LINE:
            self._on_line(rest[:LONGEST_LINE])
            rest = rest[LONGEST_LINE:]
        self._rest = rest

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop."""
        if self._rest:
            self._on_line(self._rest)
            self._rest = b""
        self.ended.set()
