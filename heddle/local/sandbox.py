"""The private machine that the whole node lives in, so that nothing can be left behind.

`run_sandboxed` turns this process into a supervisor. It leaves the network, mount and PID
namespaces for new ones and starts an init in them, which starts the command. When the supervisor
dies, in whatever way, the kernel kills the init; when the init dies, the kernel kills every process
of its PID namespace; with the last process go the namespaces, and with them every link, rule, mount
and file of ours. There is no cleanup code to forget, to crash or to skip.

    supervisor (the process that the user started: same process id, same terminal)
    └── init (PID 1 inside; reaps, forwards signals)
        └── the command (and every container, all below it)

A signal is forwarded once, wherever it came from: the init has a process group of its own, so a
Ctrl-C reaches only the supervisor. A third one kills.

Standard library only.
"""

import os
import select
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from heddle.local import kernel
from heddle.local.kernel import MountFlag, Namespace
from heddle.local.launch import command

VARIABLE = "HEDDLE_SANDBOX"
"""Set inside, to the network namespace's number: an inherited stale value means nothing."""

OUTSIDE = "HEDDLE_OUTSIDE"
"""Set inside, to the handle of the network that the supervisor has left (outside.py)."""

STATE = Path("/dev/shm")
"""A private tmpfs inside. This folder, because it exists everywhere and nobody reads programs or
configuration from it."""

FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_PATIENCE = 3
_COULD_NOT_START = 126


def sandboxed() -> bool:
    """Whether this process runs inside."""
    return os.environ.get(VARIABLE) == _network_number()


def run_sandboxed(argv: Sequence[str]) -> NoReturn:
    """Replace this process by a supervisor that runs `argv` inside and ends with its status.

    To run the current command again: `run_sandboxed([sys.executable, *sys.orig_argv[1:]])`.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    full = sandbox_command(argv)
    os.execv(full[0], full)


def sandbox_command(argv: Sequence[str]) -> tuple[str, ...]:
    """The command that does it, for those who want it as a child."""
    return command("heddle.local.sandbox", *argv)


def main(argv: Sequence[str]) -> NoReturn:
    """The supervisor."""
    waited = {signal.SIGCHLD, *FORWARDED}
    signal.pthread_sigmask(signal.SIG_BLOCK, waited)
    outside = os.open("/proc/self/ns/net", os.O_RDONLY)
    os.set_inheritable(outside, True)
    os.environ[OUTSIDE] = str(outside)
    try:
        kernel.unshare(Namespace.NETWORK | Namespace.MOUNT | Namespace.PID | Namespace.IPC)
    except OSError as error:
        print(f"cannot make a sandbox: {error}", file=sys.stderr)
        os._exit(_COULD_NOT_START)
    life, lifeline = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(lifeline)
        _init(argv, life)
    os.close(life)
    _follow(child, waited)


def _init(argv: Sequence[str], life: int) -> NoReturn:
    try:
        os.setpgid(0, 0)
        kernel.die_with_parent(signal.SIGKILL)
        if _hung_up(life):
            os._exit(_COULD_NOT_START)  # the supervisor died before the line above
        _furnish()
        os.environ[VARIABLE] = _network_number()
        child = os.fork()
        if child == 0:
            _command(argv)
    except OSError as error:
        print(f"cannot start in the sandbox: {error}", file=sys.stderr)
        os._exit(_COULD_NOT_START)
    _follow(child, {signal.SIGCHLD, *FORWARDED})


def _furnish() -> None:
    # Mounts in here must not appear outside: where systemd runs, they would by default.
    kernel.mount("none", "/", flags=MountFlag.RECURSIVE | MountFlag.PRIVATE)
    kernel.mount("proc", "/proc", kind="proc")
    flags = MountFlag.NO_SUID | MountFlag.NO_DEVICES
    kernel.mount("state", str(STATE), kind="tmpfs", flags=flags, options="mode=755")


def _command(argv: Sequence[str]) -> NoReturn:
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    os.execvp(argv[0], list(argv))


def _follow(child: int, waited: set[signal.Signals]) -> NoReturn:
    """Forward signals to `child` and reap whatever ends, until `child` does."""
    received = 0
    while True:
        number = signal.sigwaitinfo(waited).si_signo
        if number == signal.SIGCHLD:
            if (status := _reap(child)) is not None:
                os._exit(status)
            continue
        received += 1
        os.kill(child, signal.SIGKILL if received >= _PATIENCE else number)


def _reap(child: int) -> int | None:
    """Collect every process that has ended; the exit status of `child` if it is among them."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return _COULD_NOT_START
        if pid == 0:
            return None
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            return 128 - code if code < 0 else code


def _hung_up(handle: int) -> bool:
    poll = select.poll()
    poll.register(handle, select.POLLHUP)
    return bool(poll.poll(0))


def _network_number() -> str:
    return str(os.stat("/proc/self/ns/net").st_ino)
