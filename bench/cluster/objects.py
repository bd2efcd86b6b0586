"""Objects as an API server has them, with all that a mesh does not read."""

from collections.abc import Iterator, Mapping

Raw = Mapping[str, object]

PODS_OF_A_SERVICE = 10
NAMESPACES = 20


def pods(count: int) -> Iterator[Raw]:
    """Pods with a sidecar, about 11 kB of JSON each."""
    for number in range(count):
        yield {
            "metadata": _meta(number, "pod", annotations=_ANNOTATIONS),
            "spec": {
                "serviceAccountName": f"service-{_service(number)}",
                "nodeName": f"node-{number % 200}",
                "restartPolicy": "Always",
                "initContainers": [_container("heddle-init"), _container("istio-proxy")],
                "containers": [_container("app")],
                "volumes": [{"name": f"volume-{each}", "emptyDir": {}} for each in range(8)],
                "tolerations": [{"key": "node.kubernetes.io/not-ready", "operator": "Exists"}] * 2,
            },
            "status": {
                "phase": "Running",
                "podIP": _address(number),
                "podIPs": [{"ip": _address(number)}],
                "conditions": [
                    {"type": each, "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
                    for each in ("Initialized", "Ready", "ContainersReady", "PodScheduled")
                ],
                "containerStatuses": [
                    {"name": each, "ready": True, "imageID": f"sha256:{'0' * 64}"}
                    for each in ("app", "istio-proxy")
                ],
            },
        }


def services(count: int) -> Iterator[Raw]:
    """Services, with a virtual IP and a port each."""
    for number in range(count):
        yield {
            "metadata": _meta(number * PODS_OF_A_SERVICE, "service"),
            "spec": {
                "type": "ClusterIP",
                "clusterIP": f"10.96.{number // 250}.{number % 250}",
                "selector": {"app": f"service-{number}"},
                "ports": [{"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"}],
            },
        }


def slices(count: int, of: int) -> Iterator[Raw]:
    """An EndpointSlice a Service, with `of` pods each."""
    for number in range(count):
        first = number * of
        meta = _meta(first, "slice")
        labels = {"kubernetes.io/service-name": f"service-{number * PODS_OF_A_SERVICE}"}
        yield {
            "metadata": {**meta, "labels": labels},
            "addressType": "IPv4",
            "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
            "endpoints": [
                {
                    "addresses": [_address(each)],
                    "conditions": {"ready": True, "serving": True, "terminating": False},
                    "nodeName": f"node-{each % 200}",
                    "targetRef": {
                        "kind": "Pod",
                        "namespace": meta["namespace"],
                        "name": f"pod-{each}",
                        "uid": _uid(each),
                    },
                }
                for each in range(first, first + of)
            ],
        }


def nodes(count: int) -> Iterator[Raw]:
    """Nodes in three zones."""
    for number in range(count):
        zone = {"topology.kubernetes.io/zone": f"zone-{number % 3}"}
        yield {"metadata": {"name": f"node-{number}", "labels": zone}}


def namespaces() -> Iterator[Raw]:
    """Namespaces with sidecars."""
    for number in range(NAMESPACES):
        labels = {"istio-injection": "enabled"}
        yield {"metadata": {"name": f"namespace-{number}", "labels": labels}}


def _service(pod: int) -> int:
    return pod // PODS_OF_A_SERVICE


def _meta(
    number: int, kind: str, annotations: Mapping[str, str] | None = None
) -> dict[str, object]:
    """All that belongs to one Service is in one namespace."""
    service = _service(number)
    return {
        "name": f"{kind}-{number}",
        "namespace": f"namespace-{service % NAMESPACES}",
        "uid": _uid(number),
        "resourceVersion": str(number + 1),
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "labels": {
            "app": f"service-{service}",
            "pod-template-hash": f"hash-{service}",
            "security.istio.io/tlsMode": "istio",
        },
        "annotations": annotations or {},
        "managedFields": [
            {
                "manager": f"manager-{each}",
                "operation": "Update",
                "fieldsV1": {f"f:field-{field}": {} for field in range(30)},
            }
            for each in range(3)
        ],
        "ownerReferences": [{"kind": "ReplicaSet", "name": f"set-{service}", "uid": _uid(service)}],
    }


def _uid(number: int) -> str:
    return f"00000000-0000-0000-0000-{number:012}"


def _address(number: int) -> str:
    return f"10.{1 + number // 62_500}.{number // 250 % 250}.{number % 250 + 1}"


def _container(name: str) -> Raw:
    return {
        "name": name,
        "image": f"registry.example/{name}@sha256:{'0' * 64}",
        "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
        "env": [{"name": f"SETTING_{each}", "value": f"value {each}"} for each in range(20)],
        "volumeMounts": [{"name": f"volume-{each}", "mountPath": f"/{each}"} for each in range(8)],
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}},
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8080}, "periodSeconds": 5},
    }


_ANNOTATIONS = {
    "sidecar.istio.io/status": '{"containers": ["istio-proxy"], "revision": "default"}',
    "kubectl.kubernetes.io/last-applied-configuration": "{}" * 300,
}
