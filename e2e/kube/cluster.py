"""The cluster of e2e/kube/machine.py, driven from a test."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from e2e.kube.commands import CLI
from e2e.lines import Helper, HelperError
from heddle.local.sandbox import sandbox_command
from tests.charts.helm import CHART, NAMESPACE, Helm
from tests.kube.programs import program

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

    def allows(self, account: str, *what: str) -> None:
        """Waits until the API server has heard what a service account (namespace:name) may do
        everywhere: a moment after it has taken the role.
        """
        who = f"--as=system:serviceaccount:{account}"
        kubectl = (str(program("kubectl")), f"--kubeconfig={self.kubeconfig()}")
        while self.run(*kubectl, "auth", "can-i", "-A", who, *what)[0]:
            pass

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
        """What `heddle check` ends with for an administrator, and what it prints."""
        code, said, _ = self.run(CLI, "check", "--kubeconfig", self.kubeconfig(), *arguments)
        return code, said

    def run(self, *command: str) -> tuple[int, str, str]:
        """What a command ends with, and what it prints, on both outputs."""
        found = self._helper.ask(do="run", command=command)
        assert isinstance(found, list)
        return int(found[0]), str(found[1]), str(found[2])

    def opened(self, *command: str, pattern: str, path: str = "{}") -> tuple[int, str]:
        """Status and body at the address that a command prints (e2e/kube/commands.py)."""
        found = self._helper.ask(do="opened", command=command, pattern=pattern, path=path)
        assert isinstance(found, list)
        return int(found[0]), str(found[1])

    def kubeconfig(self, token: str = "", name: str = "reader") -> str:
        """The path of a kubeconfig: of who has this token, or of the administrator."""
        path = self.folder / "admin.kubeconfig"
        if not token:
            return str(path)
        config = json.loads(path.read_text())
        config["users"][0]["user"] = {"token": token}
        path = self.folder / f"{name}.kubeconfig"
        path.touch(mode=0o600)
        path.write_text(json.dumps(config))
        return str(path)

    def ask(self, pod: str, command: Mapping[str, object]) -> object:
        """What the client program in a pod answers."""
        return self._helper.ask(do="client", pod=pod, command=command)

    def close(self) -> None:
        """Ends it, and all that runs in it."""
        self._helper.close()
