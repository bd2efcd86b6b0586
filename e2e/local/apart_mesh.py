"""The mesh of e2e/local/apart.py, driven from a test."""

import asyncio
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from e2e.lines import Helper
from e2e.local.apart import HEDDLE
from e2e.local.mesh import BASE
from heddle.authority_place import FolderPlace
from heddle.ca_steps import Progress, progress
from heddle.local.sandbox import sandbox_command
from heddle.serve import utc_now


class ApartBackend:
    """Pods whose control plane is a process of its own; `folder` is for what it reads and writes.

    It is started with all the configuration that it will have.
    """

    intercepts = True

    def __init__(self, envoy: Path, folder: Path, text: str, ttl: str) -> None:
        self.log = folder / "serve.log"
        self._ca = folder / "ca"
        yaml = folder / "yaml"
        yaml.mkdir()
        self.options: Sequence[str] = ("--mesh", str(yaml))
        (yaml / "mesh.yaml").write_text(f"{BASE.read_text()}\n---\n{text}")
        argv = (str(envoy), str(yaml), str(self._ca), ttl)
        command = [sys.executable, "-m", "e2e.local.apart", *argv]
        self._helper = Helper(sandbox_command(command), log=folder / "apart.log")

    def ask(self, pod: str, command: Mapping[str, object]) -> object:
        """What the client program in a pod answers."""
        return self._helper.ask(do="client", pod=pod, command=command)

    def kill(self, seconds: float, ttl: str) -> None:
        """The control plane is killed, and started again after so many seconds; then certificates
        live for `ttl`."""
        self._helper.ask(do="kill", seconds=seconds, ttl=ttl)

    def ca(self, command: str, *options: str) -> None:
        """`heddle ca`, on the folder of this mesh; fails the test if the command does."""
        heddle_ca(self._ca, command, *options)

    def progress(self) -> Progress:
        """How far a rotation is, without the time that a command takes to start."""
        return asyncio.run(progress(FolderPlace(self._ca), utc_now()))

    def apply(self, text: str) -> None:
        """Not here."""
        raise NotImplementedError(f"it was started with all that it has: {text}")

    def address(self, pod: str) -> str:
        """Not here."""
        raise NotImplementedError(pod)

    def problems(self) -> Sequence[str]:
        """Not here: they are in the log."""
        raise NotImplementedError

    def close(self) -> None:
        """End it."""
        self._helper.close()


def heddle_ca(folder: Path, command: str, *options: str) -> None:
    """`heddle ca`, as an operator calls it; fails the test if it fails."""
    argv = (HEDDLE, "ca", command, "--ca-folder", str(folder), *options)
    done = subprocess.run(argv, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
