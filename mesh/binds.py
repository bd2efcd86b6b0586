"""Addresses of their own that egress listeners of a Sidecar are called at, and where a sidecar can
listen itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address

from crds.names import UNIX
from mesh.endpoints import PROXY_PORT_OFFSET
from mesh.interception import OWN_PORTS
from mesh.proxy import Mode
from mesh.services import Protocol, Service

LOOPBACK = "127.0.0.1"
"""Where a listener without interception is, if it does not say."""
UNPRIVILEGED = 1024
"""A sidecar may not bind lower ports."""
SIDECAR_PORTS = frozenset({15001, 15006, *OWN_PORTS})
"""Where a sidecar listens at any address, for redirected traffic, readiness, probes and metrics:
Envoy refuses a second listener there.
"""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Bind:
    """`address` is an IP address, or a Unix domain socket (`unix://` and its path), which has port
    0. `opens`: applications call the sidecar there; else connections to the address are redirected
    to it. `merges`: requests for all ports arrive, which therefore say the port.
    """

    address: str
    port: int
    protocol: Protocol
    opens: bool = False
    merges: bool = False

    @property
    def is_socket(self) -> bool:
        """Whether it is a Unix domain socket."""
        return self.address.startswith(UNIX)

    @property
    def is_address(self) -> bool:
        """Whether it is one address, and not all of them."""
        return not self.is_socket and not ip_address(self.address).is_unspecified

    @property
    def name(self) -> str:
        """Of the listener, and of the routes of its requests."""
        return f"{self.address}_{self.port}"

    def leads_to(self, service: Service) -> Iterator[int]:
        """The ports of a service that are called there. What are no requests may have another port
        than the only one of the service.
        """
        own = service.port(self.port)
        if self.protocol.is_http:
            for port in service.ports if self.merges else filter(None, (own,)):
                if port.protocol.is_http or port.protocol is Protocol.UNSPECIFIED:
                    yield port.number
        elif own is not None:
            yield own.number
        elif len(service.ports) == 1:
            yield service.ports[0].number


def unbound(address: str, number: int) -> Iterator[tuple[str, str]]:
    """Why a sidecar cannot listen there itself: the field, and the reason."""
    if address.startswith(UNIX):
        return
    if not address or ip_address(address).is_unspecified:
        yield "bind", "must be one address: at all of them it would also take the calls of others"
    if number < UNPRIVILEGED or number in SIDECAR_PORTS:
        yield "port.number", "sidecars cannot listen there themselves: take another port"


def can_open(address: str, number: int, mode: Mode) -> bool:
    """Whether a sidecar can listen there; in proxy-port mode its entrances have the high ports."""
    if mode is Mode.NONE and number >= PROXY_PORT_OFFSET:
        return False
    return not any(unbound(address, number))
