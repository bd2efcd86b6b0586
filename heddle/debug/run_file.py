"""How a command finds the control planes that run on this machine, and what it shows them.

Each writes a file with its address and a token into a folder that only its user may enter, and
holds a lock on it for as long as it lives, which the kernel releases in whatever way it ends. So a
file that can be locked is a leftover, and is removed; process ids say nothing, for those of the
local runner's private machine mean others outside.
"""

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ca.secret import Token
from heddle.local.state import own_folder, user_folder

_FOLDER = "meshes"
_SUFFIX = ".mesh"
_MOST_BYTES = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A control plane that runs here: `source` is what it serves (a folder, by its whole path),
    `address` where it answers, as `host:port`.
    """

    source: str
    address: str
    token: Token


def source_of(folder: Path) -> str:
    """How a folder is named in run files, wherever one is when one names it."""
    return os.path.abspath(folder)


def runs_folder() -> Path:
    """Where the files of this user's control planes are."""
    return user_folder() / _FOLDER


@contextmanager
def announced(run: Run, folder: Path | None = None) -> Iterator[Path]:
    """The file of a control plane, for as long as the block lasts. Raises `LocalError` if there is
    no place for it.
    """
    where = folder or runs_folder()
    own_folder(where.parent)
    own_folder(where)
    handle, temporary = tempfile.mkstemp(dir=where, prefix=".new-")  # mode 0600
    path = Path(temporary).with_name(Path(temporary).name.removeprefix(".new-") + _SUFFIX)
    with os.fdopen(handle, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(_text(run))
        file.flush()
        os.rename(temporary, path)  # by now it is locked: nobody takes it for a leftover
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)


def running(folder: Path | None = None) -> tuple[Run, ...]:
    """The control planes of this user that run, by what they serve. Raises `LocalError` if the
    folder is somebody else's.
    """
    where = folder or runs_folder()
    if not where.exists():
        return ()
    own_folder(where.parent)
    own_folder(where)
    found = (_read(path) for path in sorted(where.glob(f"*{_SUFFIX}")))
    return tuple(sorted((run for run in found if run), key=lambda run: (run.source, run.address)))


def _text(run: Run) -> str:
    shown = {
        "source": run.source,
        "address": run.address,
        "token": run.token.reveal().decode(),
    }
    return json.dumps(shown)


def _read(path: Path) -> Run | None:
    """What a file says; nothing if its control plane is gone, or it is none of ours."""
    with suppress(OSError, ValueError), path.open() as file:
        if _is_leftover(file.fileno()):
            path.unlink(missing_ok=True)
            return None
        found = json.loads(file.read(_MOST_BYTES))
        if isinstance(found, dict):
            said = [found.get(name) for name in ("source", "address", "token")]
            texts = [text for text in said if isinstance(text, str)]
            if len(texts) == len(said):
                return Run(source=texts[0], address=texts[1], token=Token(texts[2].encode()))
    return None


def _is_leftover(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
