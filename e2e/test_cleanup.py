"""However `heddle demo` ends, nothing of it is left, and the next one starts."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.local.nodes import descendants, kept_networks, networks, watched

FOLDER = """
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled}}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{name: http, port: 9080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: heddle-demo/shop}]}
"""

MODES = (pytest.param("namespaces", marks=pytest.mark.netns), "proxy-port")
ENDING = 60.0
"""Seconds until all has to be gone."""


class Demo:
    """A `heddle demo` that runs; `temporary` is its folder for temporary files."""

    def __init__(self, process: "subprocess.Popen[str]", temporary: Path, log: Path) -> None:
        self.process = process
        self._temporary = temporary
        self._log = log

    def wait_until_it_runs(self) -> None:
        """Returns once the pod's proxy has its configuration."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if "1 of 1 proxies synced" in line:
                return
        raise AssertionError(f"the demo has ended: {self._log.read_text()}")

    def left(self) -> list[str]:
        """What it has in its folder."""
        found = self._temporary.rglob("*")
        return sorted(path.name for path in found if path.name.startswith(("run-", "heddle-demo-")))


@pytest.fixture
def home(tmp_path: Path, envoy: Path) -> Path:
    """A folder with the folder `yaml`, for one demo after the other."""
    del envoy  # only whether there is one
    (tmp_path / "yaml").mkdir()
    (tmp_path / "yaml/all.yaml").write_text(FOLDER)
    (tmp_path / "tmp").mkdir()
    return tmp_path


@contextmanager
def demo(mode: str, home: Path) -> Iterator[Demo]:
    """A demo that runs; killed at the end."""
    argv = [str(Path(sys.executable).with_name("heddle")), "demo", "-f", "yaml", "--mode", mode]
    environment = {**os.environ, "TMPDIR": str(home / "tmp")}
    log = home / "demo.log"
    with (
        log.open("w") as errors,
        subprocess.Popen(
            argv,
            cwd=home,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=errors,
            # These tests may run in the background, where a shell ignores it.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        ) as process,
    ):
        try:
            started = Demo(process, home / "tmp", log)
            started.wait_until_it_runs()
            yield started
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("mode", MODES)
def test_nothing_is_left(
    mode: str, number: signal.Signals, home: Path, request: pytest.FixtureRequest
) -> None:
    if mode == "namespaces":
        request.getfixturevalue("namespaces")
    links, rules = _links(), _rules()
    with demo(mode, home) as running:
        processes = descendants(running.process.pid)
        assert len(processes) >= 2  # an Envoy and an application
        with kept_networks(processes) as theirs, watched(processes) as not_ended:
            assert bool(theirs) == (mode == "namespaces")
            running.process.send_signal(number)
            assert not_ended(ENDING) == []
            code = running.process.wait(ENDING)
            assert not theirs & networks()
        assert code == (-signal.SIGKILL if number == signal.SIGKILL else 0)
        assert (_links(), _rules()) == (links, rules)
        if number != signal.SIGKILL:
            assert running.left() == []


@pytest.mark.parametrize("mode", MODES)
def test_a_run_removes_what_a_killed_one_left(
    mode: str, home: Path, request: pytest.FixtureRequest
) -> None:
    if mode == "namespaces":
        request.getfixturevalue("namespaces")
    with demo(mode, home) as killed:
        killed.process.kill()
        killed.process.wait(ENDING)
        before = set(killed.left())
    with demo(mode, home) as running:
        assert not before & set(running.left())
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(ENDING) == 0
        assert running.left() == []


def _links() -> list[str]:
    return sorted(os.listdir("/sys/class/net"))


def _rules() -> str:
    """The machine's own rules; empty for who may not read them."""
    try:
        done = subprocess.run(["iptables-save"], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return "\n".join(line for line in done.stdout.splitlines() if not line.startswith("#"))
