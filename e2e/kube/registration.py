"""The Node object of the stand-in, and the Lease that says that it lives."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from e2e.kube.node import NAME
from e2e.kube.streams import PORT
from sources.errors import ApiError
from sources.kubernetes import KubernetesApi

_RENEW_SECONDS = 10.0
"""A quarter of what the controllers wait for."""
_LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
_ROOM = {"cpu": "64", "memory": "64Gi", "pods": "250", "ephemeral-storage": "64Gi"}


async def register(api: KubernetesApi, address: str, clock: Callable[[], float]) -> None:
    """Makes the Node, ready; `clock` gives seconds since the epoch."""
    labels = {"kubernetes.io/hostname": NAME, "kubernetes.io/os": "linux"}
    labels |= {"topology.kubernetes.io/region": "here", "topology.kubernetes.io/zone": "here-1"}
    metadata = {"name": NAME, "labels": labels}
    node = {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": {}}
    await api.create("/api/v1/nodes", node)
    now = datetime.fromtimestamp(clock(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    ready = {"type": "Ready", "status": "True", "reason": "Here", "message": "it runs"}
    ready |= {"lastHeartbeatTime": now, "lastTransitionTime": now}
    status = {
        "capacity": _ROOM,
        "allocatable": _ROOM,
        "conditions": [ready],
        "addresses": [{"type": "InternalIP", "address": address}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": PORT}},
    }
    await api.patch(f"/api/v1/nodes/{NAME}/status", {"status": status})
    spec = {"holderIdentity": NAME, "leaseDurationSeconds": 40, "renewTime": _micro(clock())}
    lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": NAME}}
    await api.create(_LEASES, {**lease, "spec": spec})


async def keep_registered(api: KubernetesApi, clock: Callable[[], float]) -> None:
    """Renews the Lease; never ends by itself."""
    while True:
        await asyncio.sleep(_RENEW_SECONDS)
        try:
            await api.patch(f"{_LEASES}/{NAME}", {"spec": {"renewTime": _micro(clock())}})
        except ApiError:
            continue  # the next one may get through


def _micro(now: float) -> str:
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
