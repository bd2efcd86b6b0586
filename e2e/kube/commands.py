"""Commands of a user of the cluster, run where its API server is."""

import asyncio
import re
import sys
import urllib.request
from collections.abc import Sequence
from http.cookiejar import CookieJar
from pathlib import Path

CLI = str(Path(sys.executable).with_name("heddle"))
_SECONDS = 30.0


async def ended(command: Sequence[str]) -> tuple[int | None, str, str]:
    """What a command ends with, and what it prints, on both outputs."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    said, errors = await process.communicate()
    return process.returncode, said.decode(), errors.decode()


async def opened(command: Sequence[str], pattern: str, path: str) -> tuple[int, str]:
    """What is at the address that a command prints, which goes on until it is ended: the first
    group of the pattern is the address, or a part of it that `path` has a place for ({}).
    """
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(_SECONDS):
            line = (await process.stdout.readline()).decode()
        found = re.search(pattern, line)
        if found is None:
            raise ValueError(f"it says {line!r}")
        return await asyncio.to_thread(_read, path.format(found[1]))
    finally:
        process.terminate()
        await process.wait()


def _read(url: str) -> tuple[int, str]:
    """An answer, with the cookies that were set on the way to it."""
    cookies = urllib.request.HTTPCookieProcessor(CookieJar())
    with urllib.request.build_opener(cookies).open(url, timeout=_SECONDS) as answer:
        return int(answer.status), answer.read().decode()
