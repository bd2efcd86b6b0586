"""The system calls behind namespaces, which Python 3.11 has no functions for.

Everything raises `OSError`. Standard library only: the launcher runs without site-packages.
"""

import ctypes
import os
from enum import IntFlag

_LIBC = ctypes.CDLL(None, use_errno=True)

_PR_SET_PDEATHSIG = 1
_PR_CAPBSET_READ = 23
_PR_CAPBSET_DROP = 24
_PR_SET_NO_NEW_PRIVS = 38
_LAST_CAPABILITY = 63

_MNT_DETACH = 2


class Namespace(IntFlag):
    """Flags of `unshare` and `setns`."""

    MOUNT = 0x00020000
    UTS = 0x04000000
    IPC = 0x08000000
    PID = 0x20000000
    NETWORK = 0x40000000


class MountFlag(IntFlag):
    """Flags of `mount`."""

    NONE = 0
    READ_ONLY = 1
    NO_SUID = 2
    NO_DEVICES = 4
    REMOUNT = 32
    BIND = 4096
    RECURSIVE = 16384
    PRIVATE = 1 << 18


def unshare(namespaces: Namespace) -> None:
    """Leave these namespaces for new ones. A new PID namespace is for the next child."""
    _check(_LIBC.unshare(int(namespaces)), "unshare")


def enter(path: str, namespace: Namespace) -> None:
    """Move into the namespace that a file stands for."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _check(_LIBC.setns(handle, int(namespace)), f"setns {path}")
    finally:
        os.close(handle)


def mount(
    source: str,
    target: str,
    *,
    kind: str | None = None,
    flags: MountFlag = MountFlag.NONE,
    options: str | None = None,
) -> None:
    """Mount a file system of `kind`, or (with `BIND`) a folder or file that exists."""
    result = _LIBC.mount(
        os.fsencode(source),
        os.fsencode(target),
        kind.encode() if kind else None,
        ctypes.c_ulong(int(flags)),
        options.encode() if options else None,
    )
    _check(result, f"mount {source} on {target}")


def unmount(target: str) -> None:
    """Take a mount away at once; whoever still uses it keeps it until it is done."""
    _check(_LIBC.umount2(os.fsencode(target), _MNT_DETACH), f"umount {target}")


def pivot_root(new_root: str, put_old: str) -> None:
    """Make a mount the root of this mount namespace, with the old root below it."""
    _check(_LIBC.pivot_root(os.fsencode(new_root), os.fsencode(put_old)), f"pivot_root {new_root}")


def die_with_parent(signal: int) -> None:
    """Have the kernel send this process `signal` when its parent ends, however that happens.

    Changing the user undoes it, so it comes last before `exec`.
    """
    _prctl(_PR_SET_PDEATHSIG, signal, "PR_SET_PDEATHSIG")


def forbid_new_privileges() -> None:
    """No setuid program run from here on gives any privilege."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1, "PR_SET_NO_NEW_PRIVS")


def keep_capabilities(kept: frozenset[int]) -> None:
    """Drop every other capability from what a later `exec` as root can have."""
    for capability in range(_LAST_CAPABILITY + 1):
        if _LIBC.prctl(_PR_CAPBSET_READ, capability, 0, 0, 0) < 0:
            return  # beyond the last one that this kernel knows
        if capability not in kept:
            _prctl(_PR_CAPBSET_DROP, capability, f"PR_CAPBSET_DROP {capability}")


def _prctl(option: int, value: int, what: str) -> None:
    _check(_LIBC.prctl(option, ctypes.c_ulong(value), 0, 0, 0), what)


def _check(result: int, what: str) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
