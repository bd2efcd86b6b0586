"""The cluster of e2e/kube/machine.py, driven from a test."""

import sys
from collections.abc import Mapping
from pathlib import Path

from e2e.lines import Helper, HelperError
from heddle.local.sandbox import sandbox_command
from tests.charts.helm import CHART, NAMESPACE, Helm

_TIMES, _SECONDS = 6, 30
"""How long pods may take to come and go; the helper wants each answer sooner."""


def install(cluster: "Cluster", helm: Helm, *values: str) -> None:
    """The charts as they come, but for `values` (`--set`...): two replicas, ready."""
    crds = helm.template(chart=CHART.with_name("heddle-crds"))
    cluster.kubectl("create", "namespace", NAMESPACE)
    cluster.kubectl("apply", "--server-side", "-f", "-", text=crds)
    cluster.kubectl("wait", "crd", "--all", "--for=condition=Established", "--timeout=40s")
    cluster.kubectl("apply", "--server-side", "-f", "-", text=helm.template(*values))
    cluster.rolled_out(NAMESPACE, "heddle")


class Cluster:
    """A cluster with one node; `folder` is for keys, logs and what etcd stores."""

    def __init__(self, envoy: Path, folder: Path) -> None:
        self.folder = folder
        command = [sys.executable, "-m", "e2e.kube.machine", str(envoy), str(folder)]
        self._helper = Helper(sandbox_command(command), log=folder / "machine.log")

    def kubectl(self, *arguments: str, text: str = "") -> str:
        """What kubectl prints for an administrator, given `text` on standard input."""
        return str(self._helper.ask(do="kubectl", arguments=arguments, text=text))

    def apply(self, text: str) -> None:
        """Has the objects of this YAML there."""
        self.kubectl("apply", "-f", "-", text=text)

    def rolled_out(self, namespace: str, deployment: str) -> None:
        """Waits until all its pods are the newest, and ready."""
        self.patiently("rollout", "status", "-n", namespace, f"deploy/{deployment}")

    def gone(self, namespace: str) -> None:
        """Waits until no pod of it is still ending."""
        going = "jsonpath={.items[?(@.metadata.deletionTimestamp)].metadata.name}"
        for name in self.kubectl("get", "pods", "-n", namespace, "-o", going).split():
            self.patiently("wait", "-n", namespace, f"pod/{name}", "--for=delete")

    def patiently(self, *arguments: str) -> None:
        """Waits with kubectl for what takes its time."""
        for left in reversed(range(_TIMES)):
            try:
                self.kubectl(*arguments, f"--timeout={_SECONDS}s")
            except HelperError as error:
                if not left or "timed out" not in str(error):
                    raise
            else:
                return

    def check(self, *arguments: str) -> tuple[int, str]:
        """What `heddle check` ends with, and what it prints."""
        found = self._helper.ask(do="check", arguments=arguments)
        assert isinstance(found, list)
        return int(found[0]), str(found[1])

    def ask(self, pod: str, command: Mapping[str, object]) -> object:
        """What the client program in a pod answers."""
        return self._helper.ask(do="client", pod=pod, command=command)

    def close(self) -> None:
        """Ends it, and all that runs in it."""
        self._helper.close()
