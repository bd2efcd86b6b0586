"""Which files of a folder count, and what is in them. Hidden ones do not: a ConfigMap's `..data` is
seen through the links that lead into it, an editor's swap file not at all.
"""

import os
import stat
from collections.abc import Iterator, Mapping
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
    """All files that count, and the folders that could not be listed, with the reason."""

    files: Mapping[str, Signature]
    unlisted: Mapping[str, str]


def scan(root: str) -> Found:
    """Looks at a folder, or at one file; raises OSError if that itself cannot be done."""
    status = os.stat(root)
    if not stat.S_ISDIR(status.st_mode):
        return Found({root: _signature(status)}, {})
    os.scandir(root).close()
    files: dict[str, Signature] = {}
    unlisted: dict[str, str] = {}
    # Each with the folders that it is in: links to those would lead round in circles.
    waiting = [(root, frozenset({(status.st_dev, status.st_ino)}))]
    for _ in range(MAX_FOLDERS):
        if not waiting:
            break
        folder, above = waiting.pop()
        if len(above) > MAX_DEPTH:
            unlisted[folder] = f"more than {MAX_DEPTH} folders deep"
            continue
        waiting += _list(folder, above, files, unlisted)
    if waiting:
        unlisted[waiting[-1][0]] = f"the first after {MAX_FOLDERS} folders that were read"
    return Found(files, unlisted)


def _list(
    folder: str,
    above: frozenset[tuple[int, int]],
    files: dict[str, Signature],
    unlisted: dict[str, str],
) -> Iterator[tuple[str, frozenset[tuple[int, int]]]]:
    """Adds the files of one folder; yields the folders in it."""
    try:
        names = sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as failure:
        unlisted[folder] = str(failure.strerror)
        return
    for name in names:
        path = os.path.join(folder, name)
        status = None if name.startswith(".") else _status(path)
        if status is None:
            continue
        if stat.S_ISDIR(status.st_mode):
            here = (status.st_dev, status.st_ino)
            if here not in above:
                yield path, above | {here}
        elif stat.S_ISREG(status.st_mode) and counts(name):
            files[path] = _signature(status)


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
