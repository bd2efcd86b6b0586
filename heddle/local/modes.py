"""Which of the two ways of running pods works on this machine.

It is found out by trying: a sandbox is made, with a pod's network, file system and redirection
rules in it, and thrown away. No list of capabilities or versions says it as surely.
"""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path

from heddle.local.commands import run, search_path
from heddle.local.errors import CommandFailed, ModeUnavailable
from heddle.local.launch import Launch, Mount, command, write
from heddle.local.network import Network
from heddle.local.sandbox import STATE, sandbox_command, sandboxed

PROGRAMS = ("ip", "iptables-restore", "iptables-save")
"""What namespaces mode needs: iproute2 and iptables."""

_PACKAGES = {"ip": "iproute2", "iptables-restore": "iptables", "iptables-save": "iptables"}

_TRIAL_SECONDS = 20
_TRIAL_RULES = """*nat
:TRIAL - [0:0]
-A TRIAL -p tcp -m owner --uid-owner 1337 -j RETURN
-A TRIAL -p tcp -j REDIRECT --to-ports 15001
-A OUTPUT -p tcp -j TRIAL
COMMIT
"""


class RunMode(StrEnum):
    """How pods run. `NAMESPACES`: as on a node, transparently intercepted; needs root.
    `PROXY_PORT`: as processes of this user, which reach the mesh through a proxy port."""

    NAMESPACES = "namespaces"
    PROXY_PORT = "proxy-port"


def detect_mode(requested: str) -> tuple[RunMode, str]:
    """The mode for `auto`, `namespaces` or `proxy-port`, and the reason as a sentence to print.

    Raises `ModeUnavailable` if namespaces mode was asked for by name and does not work.
    """
    if sandboxed():
        return RunMode.NAMESPACES, _reason(RunMode.NAMESPACES, "root, with iproute2 and iptables")
    if requested == RunMode.PROXY_PORT:
        return RunMode.PROXY_PORT, _reason(RunMode.PROXY_PORT, "as asked for")
    obstacle = _obstacle()
    if obstacle is None:
        return RunMode.NAMESPACES, _reason(RunMode.NAMESPACES, "root, with iproute2 and iptables")
    if requested == RunMode.NAMESPACES:
        raise ModeUnavailable(f"namespaces mode does not work here: {obstacle}")
    return RunMode.PROXY_PORT, _reason(RunMode.PROXY_PORT, obstacle)


def missing_programs(search: str) -> tuple[str, ...]:
    """The packages whose programs are on none of the folders of `search` (like `PATH`)."""
    missing = [name for name in PROGRAMS if shutil.which(name, path=search) is None]
    return tuple(dict.fromkeys(_PACKAGES[name] for name in missing))


def obstacle_sentence(*, root: bool, missing: Sequence[str], trial: str) -> str | None:
    """What stands against namespaces mode, if anything; `trial` is how the trial failed."""
    reasons = []
    if not root:
        reasons.append("not root")
    if missing:
        reasons.append(f"{' and '.join(missing)} {'are' if len(missing) > 1 else 'is'} missing")
    if not reasons and trial:
        reasons.append(f"this machine does not allow it ({trial})")
    return ", and ".join(reasons) or None


def main(_: Sequence[str]) -> None:
    """The trial, run inside a sandbox: silent if all is well."""
    try:
        asyncio.run(_trial())
    except (CommandFailed, OSError) as error:
        sys.exit(str(error))


def _reason(mode: RunMode, why: str) -> str:
    return f"{mode.value} mode: {why}"


def _obstacle() -> str | None:
    root, missing = os.geteuid() == 0, missing_programs(search_path())
    trial = "" if not root or missing else _try()
    return obstacle_sentence(root=root, missing=missing, trial=trial)


def _try() -> str:
    """How the trial failed; empty if it did not."""
    try:
        done = subprocess.run(
            sandbox_command(command("heddle.local.modes")),
            capture_output=True,
            text=True,
            timeout=_TRIAL_SECONDS,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "a trial did not end"
    words = done.stderr.strip().splitlines() or [f"a trial ended with {done.returncode}"]
    return words[-1] if done.returncode else ""


async def _trial() -> None:
    folder = STATE / "trial"
    network = Network(IPv4Interface("10.255.255.1/30"), folder)
    await network.open()
    pin = await network.add(IPv4Address("10.255.255.2"))
    root = folder / "root"
    root.mkdir()
    launch = Launch(
        parent=os.getpid(),
        program=("iptables-restore", "--noflush"),
        environment={"PATH": search_path()},
        network=pin,
        root=str(root),
        host_name="trial",
        mounts=_whole_machine(),
        uid=0,
        gid=0,
        capabilities=(12, 13),
    )
    write(folder / "launch", launch)
    await run(command("heddle.local.launch", str(folder / "launch")), text=_TRIAL_RULES)
    network.remove(pin)


def _whole_machine() -> tuple[Mount, ...]:
    """The machine's own files at their places: enough for a trial."""
    folders = [p for p in sorted(Path("/").iterdir()) if p.is_dir() and p.name != "run"]
    binds = (Mount(kind="bind", source=str(p), target=str(p)) for p in folders)
    return (*binds, Mount(kind="folder", target="/run"))  # iptables may leave a lock file there
