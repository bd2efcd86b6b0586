"""The last step before a container's program: become it.

`launch` is a process that reads a `Launch` (JSON) from a file, moves into the pod's namespaces,
builds the container's file system, gives up what the container must not have, and replaces itself
by the container's program. It never forks, so the runner's child *is* the container. The kernel
kills it when the runner dies.

Standard library only, and little of it: every container starts through this.
"""

import json
import os
import resource
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from heddle.local import kernel
from heddle.local.kernel import MountFlag, Namespace

OLD_ROOT = "/.old"
"""Where the machine's own root is while a container's is built: sources of binds lie below it."""

FAILED = 127
"""Exit status when the container's program could not be started."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A step in building a root: `kind` is `bind`, `bind-ro`, `tmpfs`, `folder`, `link` or `file`.

    `source` is the folder to bind, the target of the link or the text of the file; `mode` the
    permission bits of a `tmpfs` or `folder`.
    """

    kind: str
    target: str
    source: str = ""
    mode: int = 0o755


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """What to become. A field that is absent changes nothing: all are, but the program, where
    containers run without privileges."""

    parent: int
    """Process id of the runner: without it there is nothing to do."""
    program: Sequence[str]
    environment: Mapping[str, str]
    folder: str = "/"
    host_name: str = ""
    new_network: str = ""
    """A file to pin a new network namespace to."""
    network: str = ""
    """A file that a network namespace is pinned to."""
    root: str = ""
    """An empty folder to build the root in, of `mounts`."""
    mounts: Sequence[Mount] = ()
    uid: int | None = None
    gid: int | None = None
    groups: Sequence[int] = ()
    capabilities: Sequence[int] | None = field(default=None)
    """The only ones that root keeps."""


def command(module: str, *arguments: str) -> tuple[str, ...]:
    """The command that runs `main` of a module of ours in a new Python, as fast as possible."""
    top = str(Path(__file__).resolve().parent.parent.parent)
    code = f"import sys; sys.path.insert(0, {top!r}); from {module} import main; main(sys.argv[1:])"
    # -I -S: no environment, no site-packages, and nothing imported from the current folder.
    return (sys.executable, "-I", "-S", "-c", code, *arguments)


def write(path: Path, launch: Launch) -> None:
    """Store it for the launcher; its environment is nobody else's business."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump(asdict(launch), file)


def take(path: Path) -> Launch:
    """The launch that `write` stored, once."""
    raw = json.loads(path.read_text())
    path.unlink()
    return Launch(**{**raw, "mounts": [Mount(**mount) for mount in raw["mounts"]]})


def main(arguments: Sequence[str]) -> None:
    """Never returns: the process becomes the container's program, or ends with `FAILED`."""
    try:
        _become(take(Path(arguments[0])))
    except OSError as error:
        print(f"cannot start: {error}", file=sys.stderr)
    os._exit(FAILED)


def _become(launch: Launch) -> None:
    if launch.new_network:
        _pin_new_network(launch.new_network)
    if launch.network:
        kernel.enter(launch.network, Namespace.NETWORK)
    if launch.root:
        kernel.unshare(Namespace.MOUNT | Namespace.UTS | Namespace.IPC)
        socket.sethostname(launch.host_name)
        _change_root(launch.root, launch.mounts)
    os.chdir(launch.folder)
    _drop(launch)
    _prepare_process(launch.parent)
    os.execvpe(launch.program[0], list(launch.program), dict(launch.environment))


def _pin_new_network(path: str) -> None:
    kernel.unshare(Namespace.NETWORK)
    Path(path).touch()
    kernel.mount("/proc/self/ns/net", path, flags=MountFlag.BIND)


def _change_root(root: str, mounts: Sequence[Mount]) -> None:
    kernel.mount("root", root, kind="tmpfs", options="mode=755")
    os.mkdir(root + OLD_ROOT)
    kernel.pivot_root(root, root + OLD_ROOT)
    os.chdir("/")
    for mount in mounts:
        _apply(mount)
    kernel.unmount(OLD_ROOT)
    os.rmdir(OLD_ROOT)


def _apply(mount: Mount) -> None:
    target = Path(mount.target)
    if mount.kind == "link":
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(mount.source)
    elif mount.kind == "file":
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(mount.source)
    elif mount.kind == "folder":
        target.mkdir(parents=True, exist_ok=True)
        target.chmod(mount.mode)
    elif mount.kind == "tmpfs":
        target.mkdir(parents=True, exist_ok=True)
        kernel.mount("tmpfs", mount.target, kind="tmpfs", options=f"mode={mount.mode:o}")
    else:
        _bind(Path(OLD_ROOT + mount.source), target, read_only=mount.kind == "bind-ro")


def _bind(source: Path, target: Path, *, read_only: bool) -> None:
    if source.is_dir():
        target.mkdir(parents=True, exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch(exist_ok=True)
    kernel.mount(str(source), str(target), flags=MountFlag.BIND | MountFlag.RECURSIVE)
    if read_only:
        flags = MountFlag.BIND | MountFlag.REMOUNT | MountFlag.READ_ONLY
        kernel.mount(str(source), str(target), flags=flags)


def _drop(launch: Launch) -> None:
    if launch.capabilities is not None:
        kernel.keep_capabilities(frozenset(launch.capabilities))
    if launch.gid is not None:
        os.setgroups(list(launch.groups))
        os.setresgid(launch.gid, launch.gid, launch.gid)
    if launch.uid is not None:
        os.setresuid(launch.uid, launch.uid, launch.uid)
    kernel.forbid_new_privileges()


def _prepare_process(parent: int) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # keys are in memory
    os.umask(0o022)
    # Python ignores these two; a program expects them as they are by default.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    kernel.die_with_parent(signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(FAILED)  # it died before the line above
