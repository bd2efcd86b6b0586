"""The mesh of e2e/local/driver.py, driven from a test."""

import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from e2e.lines import Helper
from e2e.local.driver import CA, INLINE_ROUTES
from heddle.local.modes import RunMode
from heddle.local.sandbox import sandbox_command

BASE = Path(__file__).resolve().parent.parent / "base.yaml"


class LocalBackend:
    """A mesh on this machine; `folder` is for what it reads and writes."""

    def __init__(
        self,
        mode: RunMode,
        envoy: Path,
        folder: Path,
        *,
        inline_routes: bool = False,
        base: Path = BASE,
        ca_folder: Path | None = None,
    ) -> None:
        """`base` is there whatever is applied."""
        self.intercepts = mode is RunMode.NAMESPACES
        yaml = folder / "yaml"
        yaml.mkdir()
        self.options: Sequence[str] = ("--mesh", str(yaml))
        shutil.copy(base, yaml)
        argv = [sys.executable, "-m", "e2e.local.driver", mode.value, str(envoy), str(yaml)]
        argv += [INLINE_ROUTES] if inline_routes else []
        argv += [f"{CA}{ca_folder}"] if ca_folder else []
        full = sandbox_command(argv) if self.intercepts else argv
        self._helper = Helper(full, log=folder / "driver.log")

    @property
    def pid(self) -> int:
        """The process below which all of the mesh is."""
        return self._helper.pid

    def apply(self, text: str) -> None:
        """Returns once every proxy has acknowledged it and all pods are ready."""
        self._helper.ask(do="apply", text=text)

    def ask(self, pod: str, command: Mapping[str, object]) -> object:
        """What the client program in a pod answers."""
        return self._helper.ask(do="client", pod=pod, command=command)

    def address(self, pod: str) -> str:
        """The address of a pod."""
        return str(self._helper.ask(do="address", pod=pod))

    def problems(self) -> Sequence[str]:
        """What is wrong with the folder."""
        found = self._helper.ask(do="problems")
        assert isinstance(found, list)
        return found

    def kinds(self) -> Mapping[str, Sequence[str]]:
        """The types that each proxy has asked for, by node."""
        found = self._helper.ask(do="kinds")
        assert isinstance(found, dict)
        return found

    def figures(self) -> Mapping[str, float]:
        """What the control plane is made of: `rss_mb`, `objects`, `clients`, `tasks`, `parts`."""
        found = self._helper.ask(do="figures")
        assert isinstance(found, dict)
        return found

    def restart(self) -> None:
        """The server ends all streams, and another one takes its place."""
        self._helper.ask(do="restart")

    def simulate(self, count: int) -> None:
        """So many proxies that are no Envoys come, go and misbehave from now on."""
        self._helper.ask(do="simulate", count=count)

    def calm(self) -> int:
        """They go; how many streams they have opened."""
        return int(str(self._helper.ask(do="calm")))

    def forget(self) -> None:
        """The control plane lets go of what no stream has now; by itself it does so in time."""
        self._helper.ask(do="forget")

    def close(self) -> None:
        """End it."""
        self._helper.close()
