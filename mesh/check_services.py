"""What is wrong with Services and ServiceEntries in their surroundings: ports and addresses that
another one has, endpoints that nobody can reach.
"""

from collections.abc import Iterator

from crds.problem import Problem
from mesh import hosts
from mesh.about import About
from mesh.host_view import is_reserved
from mesh.mesh import Mesh
from mesh.port_conflicts import port_taker
from mesh.proxy import Mode
from mesh.service_endpoints import unusable
from mesh.services import Arrival, Port, Protocol, Service

_DETECTED = (
    "the port does not say what it speaks, so it is found out from the first bytes that a client "
    "sends; where the server speaks first the connection hangs: set appProtocol, or begin the "
    "port's name with http-, grpc- or tcp-"
)
_ANYWHERE = (
    "its service has no address, so it takes every connection to this port that goes to no "
    "address of the mesh; give it addresses"
)
_UNADDRESSED = (
    "its service has no address, so nothing tells its connections; give it addresses, or another "
    "port, for this one belongs to"
)
_NO_SERVER_NAME = (
    "such a wildcard cannot be looked for in a TLS greeting, so its connections are unknown "
    "traffic; use *. and a domain"
)
_RESERVED = "sidecars listen on this port themselves, so it is not routed; use another"


def problems(mesh: Mesh, about: About, services: tuple[Service, ...]) -> Iterator[Problem]:
    """What is wrong with the services that one object stands for."""
    for index, port in enumerate(services[0].ports):
        path = f"spec.ports[{index}]"
        yield from _port(mesh, about, path, services[0], port)
        yield from (_unnamed(about, path, s) for s in services if _is_unnamed(s, port))
        for address in services[0].addresses:
            owner = mesh.services.owner(address, port.number)
            if owner is not None and (owner.key, owner.host) != (about.key, services[0].host):
                yield about.warning(
                    "address-conflict",
                    path,
                    f"{address}:{port.number}",
                    f"{owner.key} has this address and port already "
                    "and answers there; give one of them another",
                )
    for workload in unusable(mesh.endpoints, services[0]):
        yield about.warning(
            "unusable-endpoint",
            "spec.selector" if services[0].in_kubernetes else "spec.endpoints",
            workload.address,
            "is left out: without resolution DNS an endpoint needs an IP address or a unix:// path",
        )


def _port(mesh: Mesh, about: About, path: str, service: Service, port: Port) -> Iterator[Problem]:
    if port.protocol is Protocol.UNSPECIFIED:
        yield about.warning("protocol-unknown", path, port.name, _DETECTED)
    at_any = service.arrival is Arrival.ANYWHERE
    if (port.protocol.is_http or at_any) and is_reserved(port.number, Mode.REDIRECT):
        yield about.warning("reserved-port", path, str(port.number), _RESERVED)
    elif at_any and not (port.protocol.is_http or port.protocol.is_tls or service.blocks):
        taker = port_taker(mesh.services, service, port)
        message = f"{_UNADDRESSED} {taker}" if taker else _ANYWHERE
        yield about.warning("port-conflict" if taker else "no-address", path, port.name, message)


def _is_unnamed(service: Service, port: Port) -> bool:
    odd = hosts.is_wildcard(service.host) and not service.host.startswith("*.")
    return odd and port.protocol.is_tls and service.arrival is Arrival.ANYWHERE


def _unnamed(about: About, path: str, service: Service) -> Problem:
    return about.warning("no-server-name", path, service.host, _NO_SERVER_NAME)
