"""Opaque services without an address that want one port: nothing can tell their connections apart
(istio-api.md S-50).
"""

from collections.abc import Iterator

from mesh.order import rank
from mesh.service_index import Services
from mesh.services import Port, Service


def port_taker(services: Services, service: Service, port: Port) -> str:
    """Who gets what goes to the port of `service`, an opaque one without an address, if it is
    another that its own namespace sees; empty if not.
    """
    if any(_is_http_at(other, port.number) for other in _seen_with(services, service)):
        return "HTTP services"
    others = (
        other
        for other in services.wanting(port.number)
        if services.is_visible(other, service.namespace) and other.host != service.host
    )
    first = min((service, *others), key=lambda each: (rank(each.created, each.key), each.host))
    return "" if first is service else str(first.key)


def _seen_with(services: Services, service: Service) -> Iterator[Service]:
    for contributed in services.contributed.values():
        yield from (each for each in contributed if services.is_visible(each, service.namespace))


def _is_http_at(service: Service, number: int) -> bool:
    return any(port.number == number and port.protocol.is_http for port in service.ports)
