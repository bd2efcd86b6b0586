"""The file system that a container sees in namespaces mode.

Made from nothing for each container: the machine's programs read-only at their own paths, an `/etc`
of links to the machine's with a few files of the pod's own in front, minimal `/dev`, empty
`/tmp`, `/run` and `/var`, and the volumes. A container can neither change the machine nor see the
user's home or another pod's volumes.

The programs that stand in for images may lie anywhere (a checkout in /root, a Python in a home
folder that other users cannot enter): their folders are bound one by one.
"""

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from heddle.local.launch import Mount

CHECKOUT = str(Path(__file__).resolve().parent.parent.parent)
"""The folder that our packages are in."""

SYSTEM_FOLDERS = ("bin", "gnu", "lib", "lib32", "lib64", "libx32", "nix", "sbin", "usr")
"""Where programs and their libraries are, on any distribution."""

POD_FOLDER = "/.pod"
"""The pod's own files, such as `hosts`: a folder and not a file is bound, so that a file in it can
be replaced at once and as a whole."""
POD_FILES = ("hosts", "nsswitch.conf", "resolv.conf")
"""Those of `/etc` that are there."""

_HOST_ETC = "/.etc"
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_MACHINE = ("bus", "irq", "sys", "sysrq-trigger")
_OWN_ETC = {
    "passwd": "root:x:0:0::/:/bin/sh\nenvoy:x:1337:1337::/:/bin/false\n"
    "app:x:65532:65532::/tmp:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n",
    "group": "root:x:0:\nenvoy:x:1337:\napp:x:65532:\nnogroup:x:65534:\n",
}


def root_mounts(
    *, trees: Sequence[str], pod_folder: Path, host_name: str, volumes: Iterable[Mount]
) -> tuple[Mount, ...]:
    """The steps that build a root. `trees` are further folders to be seen, read-only.

    Reads what the machine's root looks like.
    """
    programs = (
        Mount(kind="bind-ro", source=os.path.realpath(tree), target=tree)
        for tree in uncovered(trees)
    )
    return (
        *_system(),
        *_etc(host_name),
        Mount(kind="bind-ro", source=str(pod_folder), target=POD_FOLDER),
        *_devices(),
        *_writable(),
        # A volume may be below or above a folder of programs (both like to be in /tmp).
        *sorted((*programs, *volumes), key=lambda mount: len(PurePosixPath(mount.target).parts)),
    )


def python_trees(*others: str) -> tuple[str, ...]:
    """The folders that this Python needs to run our programs, and `others` (files, too)."""
    packages = (path for path in sys.path if path.endswith(("site-packages", "dist-packages")))
    folders = {sys.prefix, sys.base_prefix, sys.exec_prefix, CHECKOUT, *packages, *others}
    # The interpreter may be a chain of links (a virtual environment's, uv's): each is looked up.
    link = Path(sys.executable)
    while True:
        folders |= {str(link.parent.parent), os.path.realpath(link.parent.parent)}
        if not link.is_symlink():
            break
        link = link.parent / link.readlink()
    return tuple(sorted(folder for folder in folders if os.path.exists(folder)))


def uncovered(trees: Iterable[str]) -> tuple[str, ...]:
    """The folders that are seen neither through the system's folders nor through another one."""
    covered = [f"/{name}" for name in SYSTEM_FOLDERS]
    for tree in sorted({os.path.normpath(tree) for tree in trees}):
        if tree != "/" and not any(PurePosixPath(tree).is_relative_to(c) for c in covered):
            covered.append(tree)
    return tuple(covered[len(SYSTEM_FOLDERS) :])


def _system() -> Iterable[Mount]:
    for path in (Path("/") / name for name in SYSTEM_FOLDERS):
        if path.is_symlink():
            yield Mount(kind="link", source=os.readlink(path), target=str(path))
        elif path.is_dir():
            yield Mount(kind="bind-ro", source=str(path), target=str(path))


def _etc(host_name: str) -> Iterable[Mount]:
    own = {**_OWN_ETC, "hostname": f"{host_name}\n"}
    yield Mount(kind="bind-ro", source="/etc", target=_HOST_ETC)
    for name in POD_FILES:
        yield Mount(kind="link", source=f"{POD_FOLDER}/{name}", target=f"/etc/{name}")
    for name, text in own.items():
        yield Mount(kind="file", source=text, target=f"/etc/{name}")
    for name in sorted({*os.listdir("/etc")} - {*POD_FILES, *own}):
        yield Mount(kind="link", source=f"{_HOST_ETC}/{name}", target=f"/etc/{name}")


def _devices() -> Iterable[Mount]:
    yield Mount(kind="bind", source="/proc", target="/proc")
    # Root could change the machine there, whatever capabilities it lacks.
    for path in (Path("/proc") / name for name in _MACHINE):
        if path.exists():
            yield Mount(kind="bind-ro", source=str(path), target=str(path))
    yield Mount(kind="folder", target="/sys")
    for name in _DEVICES:
        yield Mount(kind="bind", source=f"/dev/{name}", target=f"/dev/{name}")
    for name, source in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        yield Mount(kind="link", source=f"/proc/self/fd{source}", target=f"/dev/{name}")
    yield Mount(kind="tmpfs", target="/dev/shm", mode=0o1777)


def _writable() -> Iterable[Mount]:
    yield Mount(kind="folder", target="/tmp", mode=0o1777)
    yield Mount(kind="folder", target="/run")
    yield Mount(kind="folder", target="/var")
    yield Mount(kind="link", source="/run", target="/var/run")
    yield Mount(kind="folder", target="/var/tmp", mode=0o1777)
