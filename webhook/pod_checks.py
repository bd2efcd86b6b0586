"""What is wrong with a pod before it has a sidecar: its shape, its names, what it does besides."""

from collections.abc import Collection, Iterator, Mapping

from crds.mesh_config import CertificateSource
from crds.meta import Key
from crds.problem import Problem
from mesh.interception import OWN_PORTS
from webhook import certificates, raw, sidecar
from webhook.iptables import INBOUND_PORT, OUTBOUND_PORT, PROXY_UID
from webhook.problems import error, warning

RESERVED_PORTS = frozenset({15000, OUTBOUND_PORT, INBOUND_PORT, *OWN_PORTS})
"""Ports that the sidecar listens on in the pod."""

_TAKEN = {
    "containers": sidecar.CONTAINERS,
    "initContainers": sidecar.CONTAINERS,
}


def malformed(pod: Mapping[str, object], key: Key) -> Iterator[Problem]:
    """What the API server refuses as well, as far as the injector would trip over it."""
    for path, value, good in _shape(pod):
        if not good:
            message = "Kubernetes does not accept this as part of a pod: correct its type."
            yield error(key, "malformed-pod", path, message, type(value).__name__)


def conflicts(
    pod: Mapping[str, object],
    key: Key,
    *,
    own: Collection[str] = (),
    source: CertificateSource = CertificateSource.HEDDLE,
) -> Iterator[Problem]:
    """Names that the injector needs for itself, but for `own` containers of the author's; `source`
    is where the workload has its certificate from.
    """
    taken = {**_TAKEN, "volumes": (*sidecar.VOLUMES, *certificates.VOLUMES[source])}
    for kind, names in taken.items():
        for index, item in enumerate(raw.objects(raw.spec(pod).get(kind))):
            name = raw.text(item.get("name"))
            if name in names and not (kind == "containers" and name in own):
                message = "The injector adds one of this name: rename yours."
                yield error(key, "name-taken", f"spec.{kind}[{index}].name", message, name)


def cautions(pod: Mapping[str, object], key: Key) -> Iterator[Problem]:
    """What works, but beside the mesh or against the sidecar."""
    pod_user = raw.mapping(raw.spec(pod).get("securityContext")).get("runAsUser")
    for path, container in _containers(pod):
        user = raw.mapping(container.get("securityContext")).get("runAsUser", pod_user)
        if user == PROXY_UID:
            message = "This is the sidecar's user, whose traffic bypasses the mesh: choose another."
            field = f"{path}.securityContext.runAsUser"
            yield warning(key, "reserved-user", field, message, str(PROXY_UID))
        for index, port in enumerate(raw.objects(container.get("ports"))):
            number = port.get("containerPort")
            if isinstance(number, int) and number in RESERVED_PORTS:
                message = "The sidecar listens on this port: choose another."
                field = f"{path}.ports[{index}].containerPort"
                yield warning(key, "reserved-port", field, message, str(number))
        hooks = raw.mapping(container.get("lifecycle"))
        for hook in (name for name in hooks if "httpGet" in raw.mapping(hooks[name])):
            message = (
                "The kubelet makes this call without a certificate, so a STRICT port refuses it, "
                "and it is not led through the sidecar as probes are: use exec or sleep."
            )
            yield warning(key, "hook-in-the-clear", f"{path}.lifecycle.{hook}.httpGet", message)


def _containers(pod: Mapping[str, object]) -> Iterator[tuple[str, Mapping[str, object]]]:
    """All containers of a pod, with where they are in it."""
    for kind in ("initContainers", "containers"):
        for index, container in enumerate(raw.objects(raw.spec(pod).get(kind))):
            yield f"spec.{kind}[{index}]", container


def _shape(pod: Mapping[str, object]) -> Iterator[tuple[str, object, bool]]:
    metadata, spec = pod.get("metadata"), pod.get("spec")
    yield "metadata", metadata, metadata is None or isinstance(metadata, Mapping)
    for name in ("labels", "annotations"):
        value = raw.metadata(pod).get(name)
        yield f"metadata.{name}", value, value is None or _is_strings(value)
    yield "spec", spec, isinstance(spec, Mapping)
    for name in _TAKEN:
        value = raw.spec(pod).get(name)
        needed = name == "containers"
        yield f"spec.{name}", value, _is_objects(value) if value else not needed
    for container in raw.containers(pod):
        value = container.get("env")
        yield f"container {container.get('name')}: env", value, value is None or _is_objects(value)


def _is_strings(value: object) -> bool:
    return isinstance(value, Mapping) and len(raw.strings(value)) == len(value)


def _is_objects(value: object) -> bool:
    return isinstance(value, list | tuple) and len(raw.objects(value)) == len(value)
