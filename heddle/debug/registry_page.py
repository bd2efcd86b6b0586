"""`/debug/registryz`: the services that there are, in the form of Istio's page. Kiali 1.x reads
there which hosts ServiceEntries bring.

Labels of Services and versions of objects, which stand there too, are not kept: they are said to be
none.
"""

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from aiohttp import web

from heddle.debug.guard import Caller
from heddle.debug.routes import Access, Route
from mesh.mesh import Mesh
from mesh.services import Resolution, Service

REGISTRYZ: Final = "/debug/registryz"
CLUSTER: Final = "Kubernetes"
"""Istio's name of a cluster that nobody has named."""

_NO_ADDRESS: Final = "0.0.0.0"
_NO_TIME: Final = "0001-01-01T00:00:00Z"
_UNSAID: Final = "UnsupportedProtocol"
_RESOLUTIONS: Final = {
    Resolution.CLIENT_SIDE: 0,
    Resolution.DNS: 1,
    Resolution.NONE: 2,
    Resolution.DNS_ROUND_ROBIN: 3,
    Resolution.DYNAMIC_DNS: 1,  # the nearest: Envoy looks the name up
}

Json = Mapping[str, object]


def registry_page(mesh: Callable[[], Mesh]) -> Route:
    """That page; `?namespace=` leaves the services of one namespace."""

    async def registryz(request: web.Request, caller: Caller | None) -> web.Response:
        del caller
        namespace, now = request.query.get("namespace", ""), mesh()
        text = await asyncio.to_thread(_text, now, namespace)
        return web.Response(text=text, content_type="application/json")

    return Route(path=REGISTRYZ, answer=registryz, access=Access.NEIGHBOUR)


def _text(mesh: Mesh, namespace: str) -> str:
    return json.dumps([as_registered(each) for each in services(mesh, namespace)]) + "\n"


def services(mesh: Mesh, namespace: str = "") -> Iterable[Service]:
    """All of them, or those of a namespace, by namespace and host."""
    every = (each for of_object in mesh.services.contributed.values() for each in of_object)
    found = (each for each in every if namespace in ("", each.namespace))
    return sorted(found, key=lambda each: (each.namespace, each.host, each.key))


def as_registered(service: Service) -> Json:
    """A service in the form of Istio's page."""
    own = service.in_kubernetes
    written = () if service.automatic and not own else (*service.addresses, *service.blocks)
    shown: dict[str, object] = {
        "Attributes": {
            "ServiceRegistry": CLUSTER if own else "External",
            "Name": service.name if own else service.host,
            "Namespace": service.namespace,
            "Labels": None,
            "ExportTo": {each: {} for each in sorted(service.export_to)} or None,
            "LabelSelectors": dict(service.selector) or None,
        },
        "ports": [
            {"name": port.name, "port": port.number, "protocol": port.protocol.value or _UNSAID}
            for port in service.ports
        ],
        "creationTime": service.created or _NO_TIME,
        "hostname": service.host,
        "clusterVIPs": {"Addresses": {CLUSTER: list(written or (_NO_ADDRESS,))} if own else None},
        "defaultAddress": next(iter(written), _NO_ADDRESS),
        "Resolution": _RESOLUTIONS[service.resolution],
        "MeshExternal": service.external,
        "ResourceVersion": "",
    }
    return {**shown, **({} if own else _allocated(service))}


def _allocated(service: Service) -> Json:
    """The addresses that nobody wrote, which sidecars alone know."""
    found = service.addresses if service.automatic else ()
    return {f"autoAllocatedIPv{6 if ':' in each else 4}Address": each for each in found}
