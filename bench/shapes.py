"""The meshes that are measured, and the edits: made as raw Kubernetes objects and decoded as usual.

`unscoped` is performance.md's: services of one namespace that every proxy sees, ten endpoints each.
Every tenth service has a VirtualService. Each edit leaves a mark of its own in the bytes that
proxies are sent, so that a proxy can tell that it has the very newest.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from crds.decode import decode
from crds.kinds import Object
from crds.meta import Key
from mesh.proxy import Proxy
from xds.types import CDS, EDS, VHDS

NAMESPACE = "bench"
CLIENT_LABELS: Mapping[str, str] = {"app": "client"}
PORT = 80
ROUTED = 10
"""Every which service has a VirtualService."""

EditKind = Literal["vs_edit", "new_service", "endpoint"]
Raw = Mapping[str, object]
Objects = Mapping[Key, Object]


def unscoped(services: int, endpoints: int) -> Objects:
    """The whole mesh."""
    return _decoded(_unscoped(services, endpoints))


def _unscoped(services: int, endpoints: int) -> Iterator[Raw]:
    yield _service("client", CLIENT_LABELS["app"], "10.96.255.254")
    for index in range(services):
        name = _name(index)
        yield _service(name, name, f"10.96.{index >> 8}.{index & 255}")
        yield _slice(name, _addresses(index, endpoints))
        if index % ROUTED == 0:
            yield _virtual_service(name, "initial")


def edit(kind: EditKind, number: int, endpoints: int) -> Objects:
    """The objects of the `number`th edit: of the first service, or of one that is new."""
    match kind:
        case "vs_edit":
            return _decoded([_virtual_service(_name(0), _mark(kind, number))])
        case "endpoint":
            addresses = [_mark(kind, number), *_addresses(0, endpoints)[1:]]
            return _decoded([_slice(_name(0), addresses)])
        case "new_service":
            name = f"new-{number}"
            service = _service(name, name, f"10.97.{number >> 8}.{number & 255}")
            return _decoded([service, _slice(name, _addresses(100_000 + number, endpoints))])


def marks(kind: EditKind, number: int) -> tuple[tuple[str, bytes], ...]:
    """By type, the bytes by which a proxy knows that it was sent that edit."""
    mark = _mark(kind, number).encode()
    return tuple((type_url, mark) for type_url in _MARKED[kind])


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
            return f"new-{number}.{NAMESPACE}.svc.cluster.local"


def client(number: int = 0) -> Proxy:
    """The proxy that all simulated ones are: pods of one Deployment."""
    return Proxy(
        namespace=NAMESPACE,
        name=f"client-{number}",
        labels=CLIENT_LABELS,
        service_account="default",
    )


def _decoded(raw: Iterable[Raw]) -> dict[Key, Object]:
    objects: dict[Key, Object] = {}
    for each in raw:
        decoded = decode(each)
        if decoded.key is None or decoded.object is None or decoded.problems:
            raise ValueError(f"the benchmark's own object is refused: {decoded.problems}")
        objects[decoded.key] = decoded.object
    return objects


def _name(index: int) -> str:
    return f"service-{index}"


def _addresses(index: int, endpoints: int) -> list[str]:
    first = index * endpoints
    return [
        f"10.{128 + (n >> 16)}.{n >> 8 & 255}.{n & 255}" for n in range(first, first + endpoints)
    ]


def _meta(name: str, labels: Mapping[str, str] | None = None) -> dict[str, object]:
    made: dict[str, object] = {"name": name, "namespace": NAMESPACE}
    return made | ({"labels": dict(labels)} if labels else {})


def _service(name: str, app: str, address: str) -> Raw:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _meta(name),
        "spec": {
            "clusterIP": address,
            "selector": {"app": app},
            "ports": [{"name": "http", "port": PORT, "targetPort": 8080}],
        },
    }


def _slice(service: str, addresses: Iterable[str]) -> Raw:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": _meta(f"{service}-1", {"kubernetes.io/service-name": service}),
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
        "endpoints": [
            {"addresses": [address], "conditions": {"ready": True}} for address in addresses
        ],
    }


def _virtual_service(service: str, mark: str) -> Raw:
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": _meta(service),
        "spec": {
            "hosts": [service],
            "http": [
                {
                    "headers": {"request": {"set": {"x-bench": mark}}},
                    "timeout": "5s",
                    "route": [{"destination": {"host": service}}],
                }
            ],
        },
    }
