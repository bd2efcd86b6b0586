"""The mesh in a cluster that has Heddle installed, driven with kubectl.

`HEDDLE_E2E_IMAGE` names an image that has this checkout and its Python environment; it stands for
the images of base.yaml. KUBECONFIG names the cluster.
"""

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import yaml

from e2e.lines import Helper
from webhook import raw as raws

BASE = Path(__file__).resolve().parent.parent / "base.yaml"
IMAGE = "HEDDLE_E2E_IMAGE"
PATIENCE = 180
"""Seconds that pods may take."""

_Raw = dict[str, object]
_SETS = frozenset({"Deployment", "StatefulSet"})


class Cluster(Protocol):
    """A cluster that can be reached."""

    def kubectl(self, *arguments: str, text: str = "") -> str:
        """What kubectl prints for an administrator, given `text` on standard input."""

    def patiently(self, *arguments: str) -> None:
        """Waits with kubectl for what takes its time."""

    def ask(self, pod: str, command: Mapping[str, object]) -> object:
        """What the client program in a pod answers."""

    def close(self) -> None:
        """Lets go of it."""


def obstacle(environment: Mapping[str, str]) -> str | None:
    """Why there is no cluster to test in; nothing if there is one."""
    for name in ("KUBECONFIG", IMAGE):
        if not environment.get(name):
            return f"no cluster: {name} is not set (see e2e/cluster/mesh.py)"
    return None


class OwnCluster:
    """The one that KUBECONFIG names; `folder` is for logs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._clients: dict[str, Helper] = {}

    def kubectl(self, *arguments: str, text: str = "") -> str:
        """See `Cluster`."""
        done = subprocess.run(
            ("kubectl", *arguments),
            input=text,
            capture_output=True,
            text=True,
            timeout=PATIENCE * 2,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def patiently(self, *arguments: str) -> None:
        """See `Cluster`."""
        self.kubectl(*arguments, f"--timeout={PATIENCE}s")

    def ask(self, pod: str, command: Mapping[str, object]) -> object:
        """See `Cluster`: it is started there on its first use."""
        if pod not in self._clients:
            namespace, _, name = pod.partition("/")
            argv = (
                *("kubectl", "exec", "-i", "-n", namespace, f"deploy/{name}", "-c", "client"),
                *("--", "python", "-m", "e2e.programs.client"),
            )
            log = self._folder / f"{name}.log"
            self._clients[pod] = Helper(argv, log=log)
        return self._clients[pod].ask(**command)

    def close(self) -> None:
        """See `Cluster`."""
        for client in self._clients.values():
            client.close()


class ClusterBackend:
    """A mesh in a cluster. `image` is for the programs, if their own images are not to be had."""

    intercepts = True
    options: Sequence[str] = ("--mesh", "kubernetes")

    def __init__(self, cluster: Cluster, image: str = "") -> None:
        self._cluster = cluster
        self._image = image
        self._applied = 0
        self._there: dict[tuple[str, str, str], _Raw] = {}
        """What tests have applied, but for base.yaml."""
        base = self._objects(BASE.read_text())
        self._apply(base)
        self._ready(base)

    def apply(self, text: str) -> None:
        """Returns once every proxy has it: it has what came last then, which says so itself."""
        before, wanted = self._there, {_name(raw): raw for raw in self._objects(text)}
        if wanted == before:
            return
        self._there, self._applied = wanted, self._applied + 1
        self._delete([raw for name, raw in before.items() if name not in wanted])
        self._apply([*wanted.values(), _mark(self._applied)])
        self._ready(list(wanted.values()))
        self._cluster.patiently(
            "wait", "-n", "e2e", "virtualservice/mark", "--for=condition=Programmed"
        )

    def ask(self, pod: str, command: Mapping[str, object]) -> object:
        """What the client program in a pod answers."""
        return self._cluster.ask(pod, command)

    def address(self, pod: str) -> str:
        """The address of a pod, by the start of its name."""
        namespace, _, start = pod.partition("/")
        listed = self._cluster.kubectl("get", "pod", "-n", namespace, "-o", "json")
        found = json.loads(listed)["items"]
        names = {each["metadata"]["name"]: each["status"]["podIP"] for each in found}
        return str(next(names[name] for name in sorted(names) if name.startswith(start)))

    def problems(self) -> Sequence[str]:
        """What the control plane logs as wrong."""
        where = ("-n", "heddle-system", "deploy/heddle", "--tail=200")
        logs = self._cluster.kubectl("logs", *where)
        return [line for line in logs.splitlines() if "error" in line or "warning" in line]

    def close(self) -> None:
        """Removes what was applied, and lets go of the cluster."""
        self._cluster.kubectl("delete", "namespace", "e2e", "other", "edge", "--wait=false")
        self._cluster.close()

    def _objects(self, text: str) -> list[_Raw]:
        """With programs in an image that the cluster can pull."""
        found = [raw for raw in yaml.safe_load_all(text) if isinstance(raw, dict)]
        return [_pulled(raw, self._image) if self._image else raw for raw in found]

    def _apply(self, objects: Sequence[_Raw]) -> None:
        if objects:
            self._cluster.kubectl("apply", "-f", "-", text=_list(objects))

    def _delete(self, objects: Sequence[_Raw]) -> None:
        if objects:
            self._cluster.kubectl("delete", "--ignore-not-found", "-f", "-", text=_list(objects))

    def _ready(self, objects: Sequence[_Raw]) -> None:
        """Waits until the pods of these are the newest, and ready."""
        for kind, namespace, name in map(_name, objects):
            one = ("-n", namespace, f"{kind}/{name}")
            if kind in _SETS:
                self._cluster.patiently("rollout", "status", *one)
            elif kind == "Pod":
                self._cluster.patiently("wait", "--for=condition=Ready", *one)


def _list(objects: Sequence[_Raw]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})


def _name(raw: Mapping[str, object]) -> tuple[str, str, str]:
    metadata = raw["metadata"]
    assert isinstance(metadata, dict)
    return str(raw["kind"]), str(metadata.get("namespace", "default")), str(metadata["name"])


def _mark(number: int) -> _Raw:
    """Applied last: whoever has it has all that came before."""
    answer = {"directResponse": {"status": 200, "body": {"string": f"mark {number}"}}}
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "mark", "namespace": "e2e"},
        "spec": {"hosts": ["mark.e2e.test"], "http": [answer]},
    }


def _pulled(raw: _Raw, image: str) -> _Raw:
    template = raws.spec(raw).get("template", raw)
    for container in raws.containers(raws.mapping(template)):
        folder, _, program = raws.text(container.get("image")).partition("/")
        if folder == "heddle-e2e":  # of a gateway's proxy the injector says what it is
            assert isinstance(container, dict)
            container["image"] = image
            container["command"] = ["python", "-m", f"e2e.programs.{program}"]
    return raw
