"""A running program of a container: start it, hear it, end it."""

import asyncio
import os
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress

from heddle.local.logs import LineReader

_LAST_OUTPUT_SECONDS = 1.0

OnLine = Callable[[str, bytes], None]
"""Takes `stdout` or `stderr`, and a line."""


class Process:
    """A process, in a process group of its own that ends with it."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        outputs: Sequence[tuple[asyncio.BaseTransport, LineReader]],
    ) -> None:
        self._process = process
        self._outputs = outputs

    @property
    def pid(self) -> int:
        """The process id, which is also that of its group."""
        return self._process.pid

    async def wait(self) -> int:
        """The exit status (negative: the signal), once it has ended and all output was handed
        on."""
        code = await self._process.wait()
        self.kill()  # what it started and left behind
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_OUTPUT_SECONDS):
                for _, reader in self._outputs:
                    await reader.ended.wait()
        self._close()
        return code

    async def stop(self, seconds: float) -> None:
        """Ask it to end, and after so many seconds kill it."""
        self.signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(seconds):
                await self._process.wait()
        except TimeoutError:
            self.kill()

    async def write(self, data: bytes) -> None:
        """To its standard input, which it must have been started with."""
        stdin = self._process.stdin
        if stdin is None:
            raise ValueError("this container does not read its standard input (`stdin: true`)")
        with suppress(ConnectionError):
            stdin.write(data)
            await stdin.drain()

    def signal(self, number: signal.Signals) -> None:
        """To the process alone; nothing if it has ended."""
        with suppress(ProcessLookupError):
            self._process.send_signal(number)

    def kill(self) -> None:
        """The whole group, at once."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    async def discard(self) -> None:
        """Kill it and collect what is left of it: for when nobody waits any more."""
        self.kill()
        await self._process.wait()
        self._close()

    def _close(self) -> None:
        for transport, _ in self._outputs:
            transport.close()
        if self._process.stdin is not None:
            self._process.stdin.close()


async def start(argv: Sequence[str], *, reads_input: bool, on_line: OnLine) -> Process:
    """Start a program; each line that it writes goes to `on_line`."""
    outputs: list[tuple[asyncio.BaseTransport, LineReader]] = []
    ends: list[int] = []
    try:
        for stream in ("stdout", "stderr"):
            transport, reader, end = await _output(stream, on_line)
            outputs.append((transport, reader))
            ends.append(end)
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.PIPE if reads_input else asyncio.subprocess.DEVNULL,
            stdout=ends[0],
            stderr=ends[1],
            start_new_session=True,
        )
    except BaseException:
        for transport, _ in outputs:
            transport.close()
        raise
    finally:
        for end in ends:
            os.close(end)
    return Process(process, outputs)


async def _output(stream: str, on_line: OnLine) -> tuple[asyncio.BaseTransport, LineReader, int]:
    # Pipes of our own: those of `asyncio.subprocess` keep `wait` from returning while a grandchild
    # holds them open.
    ours, theirs = os.pipe()
    transport, reader = await asyncio.get_running_loop().connect_read_pipe(
        lambda: LineReader(lambda line: on_line(stream, line)), os.fdopen(ours, "rb", 0)
    )
    return transport, reader, theirs
