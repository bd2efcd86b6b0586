"""Which files of a folder count, and what is in them. Hidden ones do not: a ConfigMap's `..data` is
seen through the links that lead into it, an editor's swap file not at all.
"""

import errno
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass

from sources.folder import Content, Unreadable

SUFFIXES = (".yaml", ".yml", ".json")
MAX_FILE_BYTES = 16 << 20
MAX_DEPTH = 64
MAX_FOLDERS = 20_000
"""Each counts as often as a link leads to it: a few links can make billions of them."""

Signature = tuple[int, int, int, int, int]
"""Device, inode, size and times: if they are the same, so most likely is the content."""


def counts(name: str) -> bool:
    """Whether a file of this name is read."""
    return name.endswith(SUFFIXES) and not name.startswith(".")


@dataclass(frozen=True, slots=True)
class Found:
    """All files that count; the folders that could not be listed, and what has the name of a file
    that counts but holds nothing to read, with the reason.
    """

    files: Mapping[str, Signature]
    unlisted: Mapping[str, str]
    odd: Mapping[str, str]


def scan(root: str) -> Found:
    """Looks at a folder, or at one file; raises OSError if that itself cannot be done."""
    status = os.stat(root)
    if stat.S_ISREG(status.st_mode):
        return Found({root: _signature(status)}, {}, {})
    if not stat.S_ISDIR(status.st_mode):
        raise OSError(errno.EINVAL, "it is neither a folder nor a regular file")
    os.scandir(root).close()
    files: dict[str, Signature] = {}
    unlisted: dict[str, str] = {}
    odd: dict[str, str] = {}
    # Each with the folders that it is in: links to those would lead round in circles.
    waiting = [(root, frozenset({(status.st_dev, status.st_ino)}))]
    for _ in range(MAX_FOLDERS):
        if not waiting:
            break
        folder, above = waiting.pop()
        if len(above) > MAX_DEPTH:
            unlisted[folder] = f"more than {MAX_DEPTH} folders deep"
            continue
        for name in _names(folder, unlisted):
            found = _look(os.path.join(folder, name), above, files, odd)
            if found is not None:
                waiting.append(found)
    if waiting:
        unlisted[waiting[-1][0]] = f"the first after {MAX_FOLDERS} folders that were read"
    return Found(files, unlisted, odd)


def _names(folder: str, unlisted: dict[str, str]) -> list[str]:
    """What is in a folder and not hidden."""
    try:
        return sorted(name for name in os.listdir(folder) if not name.startswith("."))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as failure:
        unlisted[folder] = str(failure.strerror)
        return []


def _look(
    path: str,
    above: frozenset[tuple[int, int]],
    files: dict[str, Signature],
    odd: dict[str, str],
) -> tuple[str, frozenset[tuple[int, int]]] | None:
    """Adds a file that counts; returns a folder, with those that it is in."""
    status, matters = _status(path), counts(os.path.basename(path))
    if status is None:
        if matters and os.path.islink(path):  # else it has just gone
            odd[path] = "it is a link that leads nowhere"
    elif stat.S_ISDIR(status.st_mode):
        here = (status.st_dev, status.st_ino)
        if here not in above:
            return path, above | {here}
    elif matters and stat.S_ISREG(status.st_mode):
        files[path] = _signature(status)
    elif matters:
        odd[path] = "it is no regular file"
    return None


def signature(path: str) -> Signature | None:
    """Of a regular file that is there."""
    status = _status(path)
    return _signature(status) if status and stat.S_ISREG(status.st_mode) else None


def content(path: str) -> Content:
    """What is in a file now."""
    try:
        if signature(path) is None:
            return None
        with open(path, "rb") as file:
            found = file.read(MAX_FILE_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
    except OSError as failure:
        return Unreadable(f"cannot be read: {failure.strerror}")
    return limited(found)


def limited(found: bytes) -> Content:
    """What was read, unless that is more than `MAX_FILE_BYTES`."""
    if len(found) > MAX_FILE_BYTES:
        return Unreadable(f"is larger than {MAX_FILE_BYTES >> 20} MiB: split it")
    return found


def _status(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except OSError:
        return None


def _signature(status: os.stat_result) -> Signature:
    return (
        status.st_dev,
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )
