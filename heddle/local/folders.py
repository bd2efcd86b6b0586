"""Writing a volume the way the kubelet does: all of it changes at once.

    token -> ..data/token
    ..data -> ..v7
    ..v7/token

A new version is written beside the old one, then `..data` is exchanged by a rename: a reader sees
the old files or the new ones, and whoever watches the folder sees one event. (Kubernetes'
`AtomicWriter`; Envoy's `watched_directory` is made for it.)
"""

import os
import shutil
from collections.abc import Mapping
from itertools import count
from pathlib import Path

_DATA = "..data"
_NEXT = "..data_tmp"


def write_volume(
    folder: Path, files: Mapping[str, bytes], *, mode: int = 0o644, owner: int | None = None
) -> None:
    """Make `files` (paths to contents) what `folder` holds; nothing is touched if it already is."""
    folder.mkdir(parents=True, exist_ok=True)
    data = folder / _DATA
    if data.exists() and _contents(data) == files:
        return
    old = data.resolve() if data.exists() else None
    version = _new_version(folder)
    for path, content in files.items():
        _write(version / path, content, mode, owner)
    (folder / _NEXT).symlink_to(version.name)
    os.replace(folder / _NEXT, data)
    _link(folder, {path.partition("/")[0] for path in files})
    if old is not None:
        shutil.rmtree(old)


def _contents(folder: Path) -> dict[str, bytes]:
    found = (Path(top) / name for top, _, names in os.walk(folder) for name in names)
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def _new_version(folder: Path) -> Path:
    for number in count():
        version = folder / f"..v{number}"
        if not version.exists():
            version.mkdir(mode=0o755)
            return version
    raise AssertionError("count() does not end")


def _write(path: Path, content: bytes, mode: int, owner: int | None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Made with no rights first: a secret is never readable for the moment before `chmod`.
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        if owner is not None:
            os.fchown(file.fileno(), owner, -1)
        os.fchmod(file.fileno(), mode)


def _link(folder: Path, names: set[str]) -> None:
    for name in names:
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(f"{_DATA}/{name}")
    for path in folder.iterdir():
        if path.is_symlink() and path.name != _DATA and path.name not in names:
            path.unlink()
