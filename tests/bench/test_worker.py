"""A worker answers, says what went wrong, and ends with its parent."""

from multiprocessing.connection import Connection

import pytest

from bench.loop import Turns
from bench.worker import Worker, WorkerFailed, cores, obey


async def echo(connection: Connection, _: Turns) -> None:
    """The body of a worker that gives back what it is asked, and cannot stand 0."""
    await obey(connection, _echo)


async def _echo(command: object) -> object:
    if command == 0:
        raise ValueError("zero")
    return command


def test_a_worker_answers_and_survives_an_error() -> None:
    with Worker("echo", echo, core=cores()[0], patience=30) as worker:
        assert worker.ask("hello", str) == "hello"
        with pytest.raises(WorkerFailed, match="ValueError: zero"):
            worker.ask(0, str)
        assert worker.ask("again", str) == "again"
