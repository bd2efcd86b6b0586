"""Running a helper program to its end."""

import asyncio
import os
import subprocess
from collections.abc import Sequence

from heddle.local.errors import CommandFailed

_SEARCH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def search_path() -> str:
    """`PATH` with the usual system folders behind: it often lacks the `sbin` ones."""
    return f"{os.environ.get('PATH', '')}:{_SEARCH}".lstrip(":")


async def run(argv: Sequence[str], *, text: str = "") -> str:
    """Its output, given `text` on standard input. Raises `CommandFailed` with its last words."""
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            env={**os.environ, "PATH": search_path()},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    except OSError as error:
        raise CommandFailed(f"{argv[0]}: {error.strerror}") from error
    try:
        out, err = await process.communicate(text.encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        words = err.decode(errors="replace").strip().splitlines() or ["no message"]
        raise CommandFailed(f"{argv[0]} ended with {process.returncode}: {words[-1]}")
    return out.decode(errors="replace")
