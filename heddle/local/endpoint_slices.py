"""The EndpointSlices of a Service, as Kubernetes makes them from the pods that it selects."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from crds.meta import Key, Label
from crds.problem import Problem, Severity
from heddle.local.workloads import Raw, key_of, letters, problem, uid
from webhook import raw

MAX_ENDPOINTS = 100
"""Endpoints in one slice, as in Kubernetes."""

_Ports = tuple[tuple[str, int, str, str], ...]
"""Name, number, protocol and application protocol of each port, as one pod has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalPod:
    """What an endpoint is made of."""

    key: Key
    uid: str
    node: str
    address: str
    ready: bool
    labels: Mapping[str, str]
    named_ports: Mapping[tuple[str, str], int]
    """By name and protocol."""
    hostname: str
    subdomain: str


class PodIndex:
    """Pods by namespace and label, so that a Service need not look at all of them."""

    def __init__(self, pods: Iterable[LocalPod]) -> None:
        self._by_label: defaultdict[tuple[str, str, str], list[LocalPod]] = defaultdict(list)
        for pod in pods:
            for name, value in pod.labels.items():
                self._by_label[pod.key.namespace, name, value].append(pod)

    def selected(self, namespace: str, selector: Mapping[str, str]) -> list[LocalPod]:
        """Those that have all the labels, in the order that they came in; none for no labels."""
        lists = [self._by_label.get((namespace, *label), []) for label in selector.items()]
        fewest = min(lists, key=len, default=[])
        return [pod for pod in fewest if selector.items() <= pod.labels.items()]


def local_pod(pod: Raw, *, address: str, ready: bool) -> LocalPod:
    """What matters of a completed pod."""
    spec = raw.spec(pod)
    return LocalPod(
        key=key_of(pod),
        uid=raw.text(raw.metadata(pod).get("uid")),
        node=raw.text(spec.get("nodeName")),
        address=address,
        ready=ready,
        labels=raw.labels(pod),
        named_ports=_named_ports(pod),
        hostname=raw.text(spec.get("hostname")),
        subdomain=raw.text(spec.get("subdomain")),
    )


def slices(service: Raw, index: PodIndex) -> tuple[list[dict[str, object]], list[Problem]]:
    """None for a Service whose endpoints come from elsewhere."""
    key, spec = key_of(service), raw.spec(service)
    given = raw.mapping(spec.get("selector"))
    if not given or spec.get("type") == "ExternalName":
        return [], []
    selector = raw.strings(given)
    if len(selector) != len(given):
        message = "A selector's values are strings: put them in quotes."
        return [], [problem(Severity.ERROR, key, "bad-selector", message, path="spec.selector")]
    pods = index.selected(key.namespace, selector)
    if not pods:
        message = "No pod has these labels: requests to this Service fail."
        shown = ",".join(f"{name}={value}" for name, value in sorted(selector.items()))
        where = {"path": "spec.selector", "value": shown}
        empty = _slice(key, (), [], 0, spec)
        return [empty], [problem(Severity.WARNING, key, "no-endpoints", message, **where)]
    return list(_grouped(key, spec, pods)), list(_unknown_ports(key, spec, pods))


def _named_ports(pod: Raw) -> dict[tuple[str, str], int]:
    """The first container that names a port has it; of init containers only sidecars count."""
    spec = raw.spec(pod)
    inits = raw.objects(spec.get("initContainers"))
    sidecars = (c for c in inits if c.get("restartPolicy") == "Always")
    result: dict[tuple[str, str], int] = {}
    for container in (*raw.objects(spec.get("containers")), *sidecars):
        for port in raw.objects(container.get("ports")):
            name, number = raw.text(port.get("name")), port.get("containerPort")
            if name and isinstance(number, int):
                result.setdefault((name, raw.text(port.get("protocol")) or "TCP"), number)
    return result


def _grouped(key: Key, spec: Raw, pods: Sequence[LocalPod]) -> Iterator[dict[str, object]]:
    """One slice for all pods that have the ports at the same numbers, or more if they are many."""
    groups: defaultdict[_Ports, list[LocalPod]] = defaultdict(list)
    for pod in pods:
        groups[_ports(spec, pod)].append(pod)
    for ports, members in groups.items():
        for start in range(0, len(members), MAX_ENDPOINTS):
            yield _slice(key, ports, members[start : start + MAX_ENDPOINTS], start, spec)


def _ports(spec: Raw, pod: LocalPod) -> _Ports:
    result = []
    for port in raw.objects(spec.get("ports")):
        number, protocol = _target(port, pod), raw.text(port.get("protocol")) or "TCP"
        if number is not None:
            name, app = raw.text(port.get("name")), raw.text(port.get("appProtocol"))
            result.append((name, number, protocol, app))
    return tuple(result)


def _target(port: Raw, pod: LocalPod) -> int | None:
    target = port.get("targetPort") or port.get("port")
    if isinstance(target, str):
        return pod.named_ports.get((target, raw.text(port.get("protocol")) or "TCP"))
    return target if isinstance(target, int) else None


def _unknown_ports(key: Key, spec: Raw, pods: Sequence[LocalPod]) -> Iterator[Problem]:
    for index, port in enumerate(raw.objects(spec.get("ports"))):
        without = [pod.key.name for pod in pods if _target(port, pod) is None]
        if without:
            message = f"No container of pod {without[0]} has a port of this name."
            if len(without) > 1:
                message = f"No container of {len(without)} pods, such as {without[0]}, has it."
            path, value = f"spec.ports[{index}].targetPort", str(port.get("targetPort"))
            where = {"path": path, "value": value}
            yield problem(Severity.WARNING, key, "unknown-target-port", message, **where)


def _slice(
    key: Key, ports: _Ports, pods: Sequence[LocalPod], start: int, spec: Raw
) -> dict[str, object]:
    not_ready_too = spec.get("publishNotReadyAddresses") is True
    name = f"{key.name}-{letters(5, key.namespace, key.name, repr(ports), str(start))}"
    labels = {
        Label.SERVICE_NAME: key.name,
        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
    }
    if spec.get("clusterIP") == "None":
        labels["service.kubernetes.io/headless"] = ""
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": name,
            "namespace": key.namespace,
            "uid": uid("EndpointSlice", key.namespace, name),
            "labels": labels,
        },
        "addressType": "IPv6" if pods and ":" in pods[0].address else "IPv4",
        "endpoints": [_endpoint(key, pod, pod.ready or not_ready_too) for pod in pods],
        "ports": [_port(*port) for port in ports],
    }


def _endpoint(service: Key, pod: LocalPod, ready: bool) -> dict[str, object]:
    endpoint: dict[str, object] = {
        "addresses": [pod.address],
        "conditions": {"ready": ready, "serving": pod.ready, "terminating": False},
        "nodeName": pod.node,
        "targetRef": {
            "kind": "Pod",
            "namespace": pod.key.namespace,
            "name": pod.key.name,
            "uid": pod.uid,
        },
    }
    if pod.hostname and pod.subdomain == service.name:
        endpoint["hostname"] = pod.hostname
    return endpoint


def _port(name: str, number: int, protocol: str, app_protocol: str) -> dict[str, object]:
    port: dict[str, object] = {"name": name, "port": number, "protocol": protocol}
    return port | {"appProtocol": app_protocol} if app_protocol else port
