"""The control plane of a cluster: one of the pods behind its Service, through the API server."""

import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Final

from heddle.cli.reached import Reached, Unreached
from heddle.cluster_objects import listed
from heddle.injection import DEFAULT_REVISION
from sources.errors import ApiError
from sources.kubernetes import KubernetesApi, kubernetes_api
from sources.port_forward import port_forward
from sources.resource import PODS

DEBUG_PORT: Final = 15014
"""Of the control plane's pods, as the chart has it."""
_NO_TOKEN: Final = (
    "your kubeconfig proves you by a certificate, which a control plane cannot be shown: use a "
    "context with a token, for example one of `kubectl create token`"
)


@asynccontextmanager
async def cluster_plane(
    *, kubeconfig: Path | None, context: str | None, namespace: str, revision: str
) -> AsyncIterator[Reached]:
    """One of its pods, which knows the others. Raises `Unreached` if none is ready, or the caller
    has nothing to show.
    """
    async with kubernetes_api(kubeconfig, context) as api:
        authorization = await api.bearer()
        if authorization is None:
            raise Unreached(_NO_TOKEN)
        pod, *others = await _pods(api, namespace, revision)

        def to_pod(
            namespace: str, name: str, port: int
        ) -> AbstractAsyncContextManager[socket.socket]:
            return port_forward(api, namespace, name, port)

        def replica(name: str, others: tuple[Reached, ...] = ()) -> Reached:
            return Reached(
                name=f"{name}.{namespace}",
                connect=lambda: port_forward(api, namespace, name, DEBUG_PORT),
                authorization=authorization,
                to_pod=to_pod,
                replicas=others,
            )

        yield replica(pod, tuple(replica(each) for each in others))


async def _pods(api: KubernetesApi, namespace: str, revision: str) -> Sequence[str]:
    """The pods of the control plane that are ready: one at least."""
    labels = f"app.kubernetes.io/name=heddle,istio.io/rev={revision or DEFAULT_REVISION}"
    try:
        found = await listed(api, PODS.collection(namespace), {"labelSelector": labels})
    except ApiError as error:
        raise Unreached(f"pods in namespace {namespace} cannot be listed: {error}") from error
    names = sorted(name for pod in found if (name := _ready_name(pod)))
    if not names:
        raise Unreached(
            f"no control plane of revision {revision} is ready in namespace {namespace} "
            "(-i says where it is), and no mesh runs on this machine"
        )
    return names


def _ready_name(pod: Mapping[str, object]) -> str:
    """The name of a pod that is ready and stays; else nothing."""
    metadata, status = pod.get("metadata"), pod.get("status")
    if not isinstance(metadata, dict) or not isinstance(status, dict):
        return ""
    conditions = status.get("conditions")
    is_ready = any(
        isinstance(each, dict) and (each.get("type"), each.get("status")) == ("Ready", "True")
        for each in (conditions if isinstance(conditions, list) else ())
    )
    name = metadata.get("name")
    gone = "deletionTimestamp" in metadata
    return name if isinstance(name, str) and is_ready and not gone else ""
