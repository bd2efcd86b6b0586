"""The proxies that there are: every pod with a sidecar, connected or not, and by what names it may
be meant.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from crds.core import Pod
from crds.meta import Label
from mesh.mesh import Mesh
from mesh.proxy import is_injected, role_of

_CONTROLLER_HASH: Final = "controller-revision-hash"
_POD_NAME: Final = "statefulset.kubernetes.io/pod-name"
_JOB_NAME: Final = "batch.kubernetes.io/job-name"
_SUFFIX = re.compile(r"-[a-z0-9]{5}$")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedProxy:
    """A pod with a proxy. `owners` are what else names it, as `kind/name` in its namespace."""

    namespace: str
    name: str
    role: str
    node: str
    owners: Sequence[str]

    @property
    def proxy_id(self) -> str:
        """`pod.namespace`, as istioctl has it."""
        return f"{self.name}.{self.namespace}"


def proxies(mesh: Mesh, namespace: str = "") -> Iterator[ListedProxy]:
    """All of them, or those of a namespace, by namespace and name."""
    for key, pod in sorted(mesh.endpoints.pods.items()):
        if is_injected(pod) and namespace in ("", key.namespace):
            yield ListedProxy(
                namespace=key.namespace,
                name=key.name,
                role=role_of(pod).value,
                node=pod.node_name,
                owners=(*_owners(pod), *_services(mesh, pod)),
            )


def _services(mesh: Mesh, pod: Pod) -> Iterable[str]:
    selecting = mesh.services.selecting(pod.meta.namespace, pod.meta.labels)
    return [f"service/{each.name}" for each in selecting if each.in_kubernetes]


def _owners(pod: Pod) -> Iterator[str]:
    """What made the pod, by the labels and names that its controllers give: nothing else of them is
    read.
    """
    name, labels = pod.meta.name, pod.meta.labels
    made_by = _SUFFIX.sub("", name)
    if template := labels.get(Label.POD_TEMPLATE_HASH, ""):
        if made_by.endswith(f"-{template}"):
            yield f"deployment/{made_by.removesuffix(f'-{template}')}"
        yield f"replicaset/{made_by}"
    elif _POD_NAME in labels:
        yield f"statefulset/{name.rpartition('-')[0]}"
    elif _CONTROLLER_HASH in labels:
        yield f"daemonset/{made_by}"
    if job := labels.get(_JOB_NAME, ""):
        yield f"job/{job}"


def as_dict(proxy: ListedProxy) -> Mapping[str, object]:
    """For JSON."""
    return {
        "proxy": proxy.proxy_id,
        "namespace": proxy.namespace,
        "pod": proxy.name,
        "role": proxy.role,
        "node": proxy.node,
        "owners": list(proxy.owners),
    }
