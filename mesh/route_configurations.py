"""In which route configurations a host has a part, by what its clients call."""

from collections.abc import Iterator
from dataclasses import dataclass

from mesh.binds import Bind
from mesh.egress import Exposure
from mesh.proxy import Mode

HTTP_PROXY = "http_proxy"
"""Istio's name for the routes of the one port that clients of proxy-port mode call."""


@dataclass(frozen=True, slots=True)
class RouteConfiguration:
    """Routes that the host has a part in, by their Envoy name. `port` 0: those of a proxy port,
    where requests for all ports arrive and say the port. `bound`: only of what is called at an
    address that the Sidecar names.
    """

    name: str
    port: int = 0
    bound: bool = False


def is_called(exposure: Exposure | None, port: int) -> bool:
    """Whether clients call a host at the port itself, as far as the Sidecar lets them."""
    return exposure is None or port in exposure.ports


def of_the_port(exposure: Exposure | None, port: int, mode: Mode) -> Iterator[RouteConfiguration]:
    """Where requests for the host at a port are routed: with all others of the port, or with those
    of all ports.
    """
    if is_called(exposure, port):
        proxied = mode is Mode.NONE
        yield RouteConfiguration(HTTP_PROXY) if proxied else RouteConfiguration(str(port), port)


def of_binds(exposure: Exposure | None, port: int) -> Iterator[RouteConfiguration]:
    """Where they are routed that come by the addresses that the Sidecar names."""
    for bind in binds_at(exposure, port):
        if bind.protocol.is_http:
            yield RouteConfiguration(bind.name, 0 if bind.merges else bind.port, bound=True)


def binds_at(exposure: Exposure | None, port: int) -> tuple[Bind, ...]:
    """The addresses that the Sidecar names at which the port is called."""
    found = exposure.binds if exposure is not None else ()
    return tuple(bind for number, bind in sorted(found) if number == port)
