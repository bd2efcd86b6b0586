"""The folder of YAML that a demo runs from: a private copy, its texts, an edit, and when it was
last edited.
"""

import os
import shutil
from pathlib import Path

from sources.scan import scan


def copy(folder: Path, to: Path) -> list[tuple[Path, OSError]]:
    """Copy the files that are configuration, and only those: the folder may be a home directory.

    Returns those that cannot be read, and why.
    """
    failed = []
    for file in _files(folder):
        target = to / file.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(file, target)
        except OSError as failure:
            failed.append((file, failure))
    return failed


def texts(folder: Path) -> dict[str, str]:
    """The text of each file, by its path from the folder on; what cannot be read is left out."""
    found = {}
    for file in _files(folder):
        try:
            found[str(file.relative_to(folder))] = file.read_text()
        except (OSError, UnicodeDecodeError):
            continue
    return found


def replace(file: Path, text: str) -> None:
    """Give a file another content at once, as `sed -i` and most editors do."""
    beside = file.with_name(f".{file.name}.new")
    beside.write_text(text)
    os.replace(beside, file)


def newest(folder: Path) -> tuple[str, float] | None:
    """The file that was modified last, from the folder on, and when, in seconds since the epoch."""
    times = []
    for file in _files(folder):
        try:
            times.append((file.stat().st_mtime, str(file.relative_to(folder))))
        except OSError:
            continue
    if not times:
        return None
    time, name = max(times)
    return name, time


def _files(folder: Path) -> list[Path]:
    """Those that the mesh itself would read."""
    try:
        return sorted(Path(file) for file in scan(str(folder)).files)
    except OSError:
        return []
