"""The meshes that are measured, and the edits: made as raw Kubernetes objects and decoded as usual.

Usually every tenth service has a VirtualService. Each edit leaves a mark of its own in the bytes
that proxies are sent, so that a proxy can tell that it has the very newest.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from crds.decode import decode
from crds.kinds import Object
from crds.meta import Annotation, Key
from heddle.stamps import Stamp, Stamps
from mesh.proxy import Proxy, Role
from xds.types import CDS, EDS, RDS, VHDS

NODE = "local"
ACCOUNT = "default"
CLIENT_LABELS: Mapping[str, str] = {"app": "client"}
GATEWAY_LABELS: Mapping[str, str] = {"istio": "ingressgateway"}
PORT = 80

STAMPS = Stamps(of=lambda _: Stamp(written="mesh/services.yaml:12345"))
"""What resources say of the file that their objects are from: as long as it usually is."""

EditKind = Literal["vs_edit", "new_service", "endpoint"]
Raw = Mapping[str, object]
Objects = Mapping[Key, Object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A mesh, and over how many namespaces its proxies are spread.

    Proxies of one namespace hold the same configuration. Services are all in the first namespace,
    and seen from everywhere; if `scoped`, they are spread as the proxies are, and in each
    namespace a Sidecar imports its own and those of the root namespace only.
    """

    services: int
    """In the whole mesh."""
    endpoints: int
    """Per service."""
    namespaces: int = 1
    scoped: bool = False
    routed: int = 10
    """Every which service has a VirtualService; 0: none has."""
    gateways: bool = False
    """Each routed service is served at a Gateway of its own, by a host of its own, and the proxy is
    the gateway of all of them.
    """
    pods: int = 0
    """How many of the proxies are there as Pods, numbered from 1; all in the first namespace."""


def namespace(number: int = 0) -> str:
    """The name of a namespace. All edits are made in the first one."""
    return f"bench-{number}"


def objects(shape: Shape) -> Objects:
    """The whole mesh."""
    return _decoded(_objects(shape))


def _objects(shape: Shape) -> Iterator[Raw]:
    for index in range(shape.namespaces):
        where = _Place(namespace(index))
        yield where.service("client", f"10.95.{index >> 8}.{index & 255}", private=True)
        if shape.scoped:
            yield where.sidecar()
    for index in range(shape.services):
        name, where = f"service-{index}", _place(shape, index)
        yield where.service(name, f"10.96.{index >> 8}.{index & 255}")
        yield where.slice(name, _addresses(index, shape.endpoints))
        turn = index // shape.namespaces if shape.scoped else index
        if shape.routed and turn % shape.routed == 0:
            if shape.gateways:
                yield where.gateway(name)
            yield where.virtual_service(name, "initial", at_gateway=shape.gateways)
    for number in range(1, shape.pods + 1):
        yield _pod(number)


def authored(shape: Shape) -> Iterator[Raw]:
    """The same as its authors write it: instead of addresses, Deployments with so many pods."""
    labels = {"istio-injection": "enabled"}
    for index in range(shape.namespaces):
        meta = {"name": namespace(index), "labels": labels}
        yield {"apiVersion": "v1", "kind": "Namespace", "metadata": meta}
        if shape.endpoints:
            yield _Place(namespace(index)).deployment("client", 1)
    for each in _objects(shape):
        if each["kind"] != "EndpointSlice":
            yield each
    for index in range(shape.services if shape.endpoints else 0):
        yield _place(shape, index).deployment(f"service-{index}", shape.endpoints)


def edit(shape: Shape, kind: EditKind, number: int) -> Objects:
    """The objects of the `number`th edit: of the first service, or of one that is new."""
    where, first = _place(shape, 0), "service-0"
    match kind:
        case "vs_edit":
            mark = _mark(kind, number)
            return _decoded([where.virtual_service(first, mark, at_gateway=shape.gateways)])
        case "endpoint":
            addresses = [_mark(kind, number), *_addresses(0, shape.endpoints)[1:]]
            return _decoded([where.slice(first, addresses)])
        case "new_service":
            name = f"new-{number}"
            service = where.service(name, f"10.97.{number >> 8}.{number & 255}")
            addresses = _addresses(100_000 + number, shape.endpoints)
            return _decoded([service, where.slice(name, addresses)])


def marks(kind: EditKind, number: int, *, inline: bool = False) -> tuple[tuple[str, bytes], ...]:
    """By type, the bytes by which a proxy knows that it was sent that edit.

    With `inline`, virtual hosts are within route configurations.
    """
    mark = _mark(kind, number).encode()
    types = (RDS if inline and each == VHDS else each for each in _MARKED[kind])
    return tuple((type_url, mark) for type_url in types)


_MARKED: Mapping[EditKind, tuple[str, ...]] = {
    "vs_edit": (VHDS,),
    "endpoint": (EDS,),
    "new_service": (CDS, EDS, VHDS),
}


def _mark(kind: EditKind, number: int) -> str:
    """No mark is a part of another."""
    match kind:
        case "vs_edit":
            return f"edit-{number}-"
        case "endpoint":
            return f"10.250.{100 + number // 100}.{100 + number % 100}"
        case "new_service":
            return f"new-{number}.{namespace()}.svc.cluster.local"


def gateway(home: str) -> Proxy:
    """A gateway, which all Gateways select."""
    return Proxy(
        namespace=home,
        name="ingress",
        labels=GATEWAY_LABELS,
        service_account=ACCOUNT,
        role=Role.ROUTER,
    )


def proxy(shape: Shape, home: str) -> Proxy:
    """The kind of proxy that a mesh is translated for."""
    return gateway(home) if shape.gateways else client(home)


def client(home: str) -> Proxy:
    """The proxy that all simulated ones of a namespace are: pods of one Deployment."""
    return Proxy(namespace=home, name="client", labels=CLIENT_LABELS, service_account=ACCOUNT)


def pod_name(number: int) -> str:
    """The pod of the `number`th proxy."""
    return f"client-{number}"


def pod_uid(number: int) -> str:
    """The UID of that pod."""
    return f"uid-{number}"


def _pod(number: int) -> Raw:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": pod_name(number),
            "namespace": namespace(),
            "uid": pod_uid(number),
            "labels": CLIENT_LABELS,
            "annotations": {Annotation.STATUS: "{}"},
        },
        "spec": {
            "serviceAccountName": ACCOUNT,
            "nodeName": NODE,
            "containers": [{"name": "client"}],
        },
        "status": {"phase": "Running", "podIP": f"10.64.{number >> 8 & 255}.{number & 255}"},
    }


def _decoded(raw: Iterable[Raw]) -> dict[Key, Object]:
    objects: dict[Key, Object] = {}
    for each in raw:
        decoded = decode(each)
        if decoded.key is None or decoded.object is None or decoded.problems:
            raise ValueError(f"the benchmark's own object is refused: {decoded.problems}")
        objects[decoded.key] = decoded.object
    return objects


def _addresses(index: int, endpoints: int) -> list[str]:
    first = index * endpoints
    return [
        f"10.{128 + (n >> 16)}.{n >> 8 & 255}.{n & 255}" for n in range(first, first + endpoints)
    ]


def _place(shape: Shape, service: int) -> "_Place":
    return _Place(namespace(service % shape.namespaces if shape.scoped else 0))


@dataclass(frozen=True, slots=True)
class _Place:
    """A namespace to put objects into."""

    namespace: str

    def sidecar(self) -> Raw:
        """What Istio's users write so that a proxy gets what its namespace needs."""
        return {
            "apiVersion": "networking.istio.io/v1",
            "kind": "Sidecar",
            "metadata": {"name": "default", "namespace": self.namespace},
            "spec": {"egress": [{"hosts": ["./*", "istio-system/*"]}]},
        }

    def service(self, name: str, address: str, *, private: bool = False) -> Raw:
        """`private`: seen from its own namespace only."""
        exported = {Annotation.EXPORT_TO: "."} if private else {}
        return {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name, "namespace": self.namespace, "annotations": exported},
            "spec": {
                "clusterIP": address,
                "selector": {"app": name},
                "ports": [{"name": "http", "port": PORT, "targetPort": 8080}],
            },
        }

    def deployment(self, name: str, replicas: int) -> Raw:
        labels = {"app": name}
        ports = [{"containerPort": 8080}]
        containers = [{"name": "app", "image": "app", "ports": ports}]
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}},
            },
        }

    def slice(self, service: str, addresses: Iterable[str]) -> Raw:
        labels = {"kubernetes.io/service-name": service}
        return {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": f"{service}-1",
                "namespace": self.namespace,
                "labels": labels,
            },
            "addressType": "IPv4",
            "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
            "endpoints": [
                {"addresses": [address], "conditions": {"ready": True}} for address in addresses
            ],
        }

    def gateway(self, service: str) -> Raw:
        return {
            "apiVersion": "networking.istio.io/v1",
            "kind": "Gateway",
            "metadata": {"name": service, "namespace": self.namespace},
            "spec": {
                "selector": GATEWAY_LABELS,
                "servers": [
                    {
                        "port": {"number": PORT, "name": "http", "protocol": "HTTP"},
                        "hosts": [_outside(service)],
                    }
                ],
            },
        }

    def virtual_service(self, service: str, mark: str, *, at_gateway: bool = False) -> Raw:
        bound = {"gateways": [service]} if at_gateway else {}
        return {
            "apiVersion": "networking.istio.io/v1",
            "kind": "VirtualService",
            "metadata": {"name": service, "namespace": self.namespace},
            "spec": {
                "hosts": [_outside(service) if at_gateway else service],
                **bound,
                "http": [
                    {
                        "headers": {"request": {"set": {"x-bench": mark}}},
                        "timeout": "5s",
                        "route": [{"destination": {"host": service}}],
                    }
                ],
            },
        }


def _outside(service: str) -> str:
    """The host by which a service is called from outside of the mesh."""
    return f"{service}.example.com"
