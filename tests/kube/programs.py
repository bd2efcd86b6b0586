"""Where the programs of a cluster are: scripts/kube puts them there."""

import os
from pathlib import Path

from tests.conftest import ROOT

FOLDER = ROOT / ".cache/kube/bin"
NEEDED = ("etcd", "kube-apiserver")
CONTROLLERS = ("kube-controller-manager", "kube-scheduler")
KUBELET = "kubelet"
ISTIOCTL = "istioctl"
KIALI = "kiali"
CLUSTER = (*NEEDED, *CONTROLLERS, KUBELET, "kubectl")
"""What a cluster with a node needs."""


def program(name: str) -> Path:
    """One of them."""
    return FOLDER / name


def obstacle(*names: str) -> str | None:
    """Why there is no cluster of these programs; nothing if there is one."""
    missing = [name for name in names if not os.access(FOLDER / name, os.X_OK)]
    if not missing:
        return None
    return f"no {' and no '.join(missing)} in {FOLDER.relative_to(ROOT)}: run `make test-kube`"
