"""Where a certificate authority is kept: a folder. The names of the files are those of `files`.

Our own lie in `current`, a link that one rename moves from one version to the next, as Kubernetes
does for a mounted Secret: nobody ever reads half of a change. Who wants the root's key elsewhere
takes `current/root-key.pem` away. A folder has one writer at a time, and what `edit` changes is
what it has read. A folder without `current`, a mounted Secret for one, is only read.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from ca.authority import new_intermediate, new_root
from ca.errors import AuthorityError
from ca.files import NAMES, ROOT_KEY, SECRET_NAMES, files_of, rotation_from
from ca.rotation import Rotation

_CURRENT = "current"
_MOUNTED = "..data"
_LOCK = ".lock"
_LARGEST = 1 << 20


def load(folder: Path, now: datetime, *, root_keys: bool = False) -> Rotation | None:
    """The state in `folder`, or `None` if there is none; without the roots' keys, which only who
    makes intermediates needs.

    Raises `AuthorityError` with the folder's name if what is there cannot be used.
    """
    try:
        files = _whole(folder)
        if not files:
            return None
        wanted = files if root_keys else _without_root_keys(files)
        return rotation_from(wanted, now)
    except OSError as error:
        raise AuthorityError(f"{folder}: {error.strerror or error}") from None
    except AuthorityError as error:
        raise AuthorityError(f"{folder}: {error}") from None


def _without_root_keys(files: Mapping[str, bytes]) -> Mapping[str, bytes]:
    return {name: body for name, body in files.items() if not name.endswith(ROOT_KEY)}


def _whole(folder: Path) -> Mapping[str, bytes]:
    """The files of one version, even if another takes its place meanwhile."""
    while True:
        version = _version(folder)
        with suppress(FileNotFoundError):
            files = {name: _read(version / name) for name in NAMES if (version / name).is_file()}
            if _version(folder) == version:
                return files


def _version(folder: Path) -> Path:
    """Where the files are now: resolved once, so that all of them are of one version."""
    for link in (_CURRENT, _MOUNTED):
        if (folder / link).exists():
            return (folder / link).resolve()
    return folder


def _read(path: Path) -> bytes:
    if path.stat().st_size > _LARGEST:
        raise AuthorityError(f"{path.name} is larger than {_LARGEST} bytes")
    return path.read_bytes()


def is_own(folder: Path) -> bool:
    """Whether what is there was made by `create`, so that it may be changed."""
    return (folder / _CURRENT).is_symlink()


def stamp(folder: Path) -> tuple[object, ...]:
    """Another value whenever the files in `folder` are others; cheap to ask for."""
    version = _version(folder)
    found: list[object] = [str(version)]
    for name in NAMES:
        with suppress(OSError):
            status = (version / name).stat()
            found.append((name, status.st_ino, status.st_size, status.st_mtime_ns))
    return tuple(found)


def load_or_create(folder: Path, now: datetime, trust_domain: str) -> Rotation:
    """The state in `folder`; if there is none, a new root and an intermediate below it.

    Of several processes that start at once, one makes it and the others use it. Raises
    `AuthorityError` for what cannot be used, `OSError` for a folder that cannot be written to.
    """
    if (found := load(folder, now)) is not None:
        return found
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _one_writer(folder):
        if (found := load(folder, now)) is not None:
            return found
        root = new_root(now, trust_domain)
        _save(folder, Rotation(current=new_intermediate(root, now, trust_domain), since=now))
    return load_or_create(folder, now, trust_domain)


def create(folder: Path, rotation: Rotation, now: datetime) -> None:
    """Puts `rotation` into a folder that has no authority yet; raises `AuthorityError` if it has
    one, `OSError` if it cannot be written to."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _one_writer(folder):
        if load(folder, now) is not None:
            raise AuthorityError(f"{folder}: there is an authority already: rotate it")
        _save(folder, rotation)


def edit(folder: Path, now: datetime, change: Callable[[Rotation], Rotation]) -> Rotation:
    """Puts what `change` makes of the state in `folder` in its place; it is given the roots' keys
    that are there. What it raises leaves all as it was.

    Raises `AuthorityError` for a folder that is not our own, or that cannot be used.
    """
    if not is_own(folder):
        raise AuthorityError(
            f"{folder}: this authority was not made by `heddle ca init`: who has put it there "
            "changes it (docs/certificates.md says in which steps)"
        )
    with _one_writer(folder):
        before = load(folder, now, root_keys=True)
        if before is None:
            raise AuthorityError(f"{folder}: there is no authority any more")
        after = change(before)
        if after != before:
            _save(folder, after)
        return after


def _save(folder: Path, rotation: Rotation) -> None:
    version = Path(tempfile.mkdtemp(prefix="version-", dir=folder))  # for its owner only
    for name, body in files_of(rotation).items():
        _write(version / name, body, secret=name in SECRET_NAMES)
    new = folder / f".{_CURRENT}.new"
    new.unlink(missing_ok=True)
    new.symlink_to(version.name)
    new.replace(folder / _CURRENT)
    for other in folder.glob("version-*"):  # the one before, and what a crash has left
        if other.name != version.name:
            shutil.rmtree(other)


def _write(path: Path, content: bytes, *, secret: bool = False) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if secret else 0o644)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _one_writer(folder: Path) -> Iterator[None]:
    with (folder / _LOCK).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
