"""The demo's programs as real processes on loopback, as a pod would run them."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from heddle.demo import load_report
from heddle.demo.load_report import Report

WAIT = 60.0
"""Seconds that a test waits for a process before it fails; a good run takes milliseconds."""


@asynccontextmanager
async def program(module: str, **environment: str) -> AsyncIterator[Process]:
    """`python -m module`, killed at the end if it still runs."""
    clean = {name: value for name, value in os.environ.items() if name.upper() != "HTTP_PROXY"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, stdin=PIPE, stdout=PIPE, env=clean | environment
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@asynccontextmanager
async def shop(**environment: str) -> AsyncIterator[tuple[Process, str]]:
    """A shop that listens, and its URL."""
    defaults = {"POD_IP": "127.0.0.1", "PORT": "0"}
    async with program("heddle.demo.shop", **(defaults | environment)) as process:
        address = (await line(process)).split()[-1]
        yield process, f"http://{address}/"


async def line(process: Process) -> str:
    """The next line that a process prints."""
    assert process.stdout is not None
    async with asyncio.timeout(WAIT):
        return (await process.stdout.readline()).decode()


async def tell(process: Process, text: str) -> None:
    """Write a line to a process."""
    assert process.stdin is not None
    process.stdin.write(text.encode() + b"\n")
    await process.stdin.drain()


async def reports(process: Process, until: Callable[[Report], bool]) -> list[Report]:
    """The load's reports up to and with the first that `until` accepts."""
    found: list[Report] = []
    async with asyncio.timeout(WAIT):
        while not found or not until(found[-1]):
            report = load_report.decode(await line(process))
            assert report is not None
            found.append(report)
    return found
