"""The mesh in a cluster that has Heddle installed, driven with kubectl.

`HEDDLE_E2E_IMAGE` names an image that has this checkout and its Python environment; it stands for
the images of base.yaml. KUBECONFIG names the cluster.
"""

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from e2e.lines import Helper

BASE = Path(__file__).resolve().parent.parent / "base.yaml"
IMAGE = "HEDDLE_E2E_IMAGE"
PATIENCE = 60.0
MARK = "heddle-e2e"
"""The label of what a test has applied."""
PRUNED = (
    "networking.istio.io/v1/VirtualService",
    "networking.istio.io/v1/DestinationRule",
    "networking.istio.io/v1/ServiceEntry",
    "networking.istio.io/v1/WorkloadEntry",
    "networking.istio.io/v1/Gateway",
    "networking.istio.io/v1/Sidecar",
    "security.istio.io/v1/PeerAuthentication",
    "security.istio.io/v1/RequestAuthentication",
    "security.istio.io/v1/AuthorizationPolicy",
    "apps/v1/Deployment",
    "core/v1/Service",
    "core/v1/Secret",
)


def obstacle(environment: Mapping[str, str]) -> str | None:
    """Why there is no cluster to test in; nothing if there is one."""
    for name in ("KUBECONFIG", IMAGE):
        if not environment.get(name):
            return f"no cluster: {name} is not set (see e2e/cluster/mesh.py)"
    return None


class ClusterBackend:
    """A mesh in a cluster; `folder` is for logs."""

    intercepts = True

    def __init__(self, folder: Path, image: str) -> None:
        self._folder = folder
        self._image = image
        self._clients: dict[str, Helper] = {}
        self._applied = 0
        self._apply(BASE.read_text(), "base")
        for name in ("e2e", "other"):
            _kubectl("wait", "pod", "-n", name, "--all", "--for=condition=Ready", "--timeout=180s")

    def apply(self, text: str) -> None:
        """Returns once the clients' sidecars serve it: a mark in the same edit tells."""
        self._applied += 1
        self._apply(f"{text}\n---\n{_mark(self._applied)}", "test", "--prune", *_prunable())
        _kubectl("wait", "pod", "-n", "e2e", "--all", "--for=condition=Ready", "--timeout=180s")
        command = {"do": "await", "url": "http://mark.e2e.test/", "text": f"mark {self._applied}"}
        for pod in ("e2e/client", "other/stranger"):
            self.ask(pod, command)

    def ask(self, pod: str, command: Mapping[str, object]) -> object:
        """What the client program in a pod answers, started there on its first use."""
        if pod not in self._clients:
            namespace, _, name = pod.partition("/")
            argv = (
                *("kubectl", "exec", "-i", "-n", namespace, f"deploy/{name}", "-c", "client"),
                *("--", "python", "-m", "e2e.programs.client"),
            )
            log = self._folder / f"{name}.log"
            self._clients[pod] = Helper(argv, log=log)
        return self._clients[pod].ask(**command)

    def address(self, pod: str) -> str:
        """The address of a pod, by the start of its name."""
        namespace, _, start = pod.partition("/")
        found = json.loads(_kubectl("get", "pod", "-n", namespace, "-o", "json"))["items"]
        names = {each["metadata"]["name"]: each["status"]["podIP"] for each in found}
        return str(next(names[name] for name in sorted(names) if name.startswith(start)))

    def problems(self) -> Sequence[str]:
        """What the control plane logs as wrong."""
        logs = _kubectl("logs", "-n", "heddle-system", "deploy/heddle", "--tail=200")
        return [line for line in logs.splitlines() if "error" in line or "warning" in line]

    def close(self) -> None:
        """Ends the clients and removes what was applied."""
        for client in self._clients.values():
            client.close()
        _kubectl("delete", "namespace", "e2e", "other", "--wait=false")

    def _apply(self, text: str, mark: str, *options: str) -> None:
        objects = [_ready_for_cluster(raw, mark, self._image) for raw in yaml.safe_load_all(text)]
        listed = {"apiVersion": "v1", "kind": "List", "items": [raw for raw in objects if raw]}
        _kubectl("apply", "-f", "-", f"--selector={MARK}={mark}", *options, text=json.dumps(listed))


def _prunable() -> Sequence[str]:
    return [f"--prune-allowlist={kind}" for kind in PRUNED]


def _mark(number: int) -> str:
    return f"""
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: mark, namespace: e2e}}
spec: {{hosts: [mark.e2e.test], ports: [{{number: 80, name: http, protocol: HTTP}}]}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: mark, namespace: e2e}}
spec:
  hosts: [mark.e2e.test]
  http: [{{directResponse: {{status: 200, body: {{string: mark {number}}}}}}}]
"""


def _ready_for_cluster(raw: object, mark: str, image: str) -> object:
    """The object with its label, and with programs in an image that the cluster can pull."""
    if not isinstance(raw, dict):
        return None
    raw["metadata"].setdefault("labels", {})[MARK] = mark
    template = raw.get("spec", {}).get("template", raw)
    for container in template.get("spec", {}).get("containers", ()):
        folder, _, program = container["image"].partition("/")
        if folder != "heddle-e2e":
            continue  # a gateway's proxy: the injector says what that is
        container["image"] = image
        container["command"] = ["python", "-m", f"e2e.programs.{program}"]
    return raw


def _kubectl(*arguments: str, text: str | None = None) -> str:
    done = subprocess.run(
        ("kubectl", *arguments),
        input=text,
        capture_output=True,
        text=True,
        timeout=PATIENCE * 4,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout
