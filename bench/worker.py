"""A process of its own, on a core of its own, that does what it is asked, one thing at a time.

Commands and replies are dataclasses over a pipe. A worker whose parent is gone ends by itself.
"""

import asyncio
import multiprocessing
import os
import resource
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Self, TypeVar

from bench.loop import Turns, timed_loop

Reply = TypeVar("Reply")
Handle = Callable[[object], Awaitable[object]]
Body = Callable[[Connection, Turns], Awaitable[None]]

_STOP_SECONDS = 10.0


class WorkerFailed(Exception):
    """The worker reported an error, died, or took too long."""


@dataclass(frozen=True, slots=True)
class Failure:
    """The reply of a worker that could not do what it was asked."""

    text: str


class Worker:
    """The parent's side."""

    def __init__(self, name: str, body: Body, *, core: int, patience: float) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._patience = patience
        self._process = context.Process(
            target=_run, args=(body, theirs, core), name=name, daemon=True
        )
        self._process.start()
        theirs.close()

    def ask(self, command: object, reply: type[Reply]) -> Reply:
        """Sends a command and waits for its reply."""
        name = self._process.name
        self._connection.send(command)
        if not self._connection.poll(self._patience):
            raise WorkerFailed(f"{name} took more than {self._patience:.0f} s for {command}")
        try:
            answer = self._connection.recv()
        except (EOFError, ConnectionResetError):
            raise WorkerFailed(f"{name} died at {command}") from None
        if isinstance(answer, reply):
            return answer
        text = answer.text if isinstance(answer, Failure) else repr(answer)
        raise WorkerFailed(f"{name} at {command}: {text}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._connection.close()
        self._process.join(_STOP_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


def cores() -> tuple[int, int]:
    """A core for the server and one for the clients; the same one where there is no second."""
    allowed = sorted(os.sched_getaffinity(0))
    return allowed[0], allowed[1 % len(allowed)]


def open_files() -> int:
    """How many files, sockets included, a process may have open: raised to what is allowed."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


async def obey(connection: Connection, handle: Handle) -> None:
    """Answers commands until the parent hangs up."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(connection.fileno(), readable.set)
    try:
        while True:
            await readable.wait()
            readable.clear()
            while connection.poll():
                connection.send(await _answer(handle, connection.recv()))
                await asyncio.sleep(0)  # each command in a turn of its own, for `Turns`
    except (EOFError, BrokenPipeError):
        return
    finally:
        loop.remove_reader(connection.fileno())


async def _answer(handle: Handle, command: object) -> object:
    try:
        return await handle(command)
    except Exception as error:  # whatever it is, the parent reports it
        return Failure(f"{type(error).__name__}: {error}")


def _run(body: Body, connection: Connection, core: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the parent, and that ends us
    os.sched_setaffinity(0, {core})
    open_files()
    turns = Turns()
    with asyncio.Runner(loop_factory=lambda: timed_loop(turns)) as runner:
        runner.run(_main(body, connection, turns))


async def _main(body: Body, connection: Connection, turns: Turns) -> None:
    await body(connection, turns)
