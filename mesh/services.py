"""Services as clients see them: a host with ports, made from a Kubernetes Service or from each host of a ServiceEntry.

Protocols are chosen as Istio does it: `appProtocol` first, then the part of the port's name before the first dash.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from crds.meta import NO_LABELS, Key
from crds.problem import Problem, Severity


class Protocol(StrEnum):
    """What a port speaks. `UNSPECIFIED`: neither `appProtocol` nor the port's name says; such a port is carried as TCP."""

    HTTP = "HTTP"
    HTTP2 = "HTTP2"
    GRPC = "GRPC"
    GRPC_WEB = "GRPC-Web"
    HTTPS = "HTTPS"
    TLS = "TLS"
    TCP = "TCP"
    MONGO = "Mongo"
    MYSQL = "MySQL"
    REDIS = "Redis"
    UDP = "UDP"
    UNSPECIFIED = ""

    @property
    def is_http(self) -> bool:
        """Whether requests are routed one by one."""
        return self in _HTTP

    @property
    def is_http2(self) -> bool:
        """Whether the upstream connection speaks HTTP/2 with prior knowledge."""
        return self in (Protocol.HTTP2, Protocol.GRPC)


_HTTP = frozenset({Protocol.HTTP, Protocol.HTTP2, Protocol.GRPC, Protocol.GRPC_WEB})
_APP_PROTOCOLS = {
    "kubernetes.io/h2c": Protocol.HTTP2,
    "kubernetes.io/ws": Protocol.HTTP,
    "kubernetes.io/wss": Protocol.HTTPS,
}
_BY_NAME = {
    "http": Protocol.HTTP,
    "http2": Protocol.HTTP2,
    "grpc": Protocol.GRPC,
    "grpc-web": Protocol.GRPC_WEB,
    "https": Protocol.HTTPS,
    "tls": Protocol.TLS,
    "tcp": Protocol.TCP,
    "mongo": Protocol.MONGO,
    "mysql": Protocol.MYSQL,
    "redis": Protocol.REDIS,
    "udp": Protocol.UDP,
}


class Resolution(StrEnum):
    """Where the addresses of a service's endpoints come from."""

    CLIENT_SIDE = "EDS"
    """From the mesh: EndpointSlices, WorkloadEntries, inline endpoints. Sent over EDS."""
    DNS = "DNS"
    """Every address that the name resolves to (Envoy's STRICT_DNS)."""
    DNS_ROUND_ROBIN = "DNS_ROUND_ROBIN"
    """One address of the name at a time (Envoy's LOGICAL_DNS)."""
    NONE = "NONE"
    """The address that the client chose (Envoy's ORIGINAL_DST); headless services too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """One port of a service. `target` is the workload's port: a number, or the name of a container port."""

    number: int
    name: str
    protocol: Protocol
    target: int | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A host that clients call. `addresses` are its virtual IPs; a headless service and a ServiceEntry without addresses have none."""

    key: Key
    host: str
    name: str
    namespace: str
    ports: tuple[Port, ...]
    addresses: tuple[str, ...] = ()
    headless: bool = False
    external: bool = False
    resolution: Resolution = Resolution.CLIENT_SIDE
    export_to: frozenset[str] = frozenset({"*"})
    selector: Mapping[str, str] = field(default=NO_LABELS)
    created: str = ""

    @property
    def in_kubernetes(self) -> bool:
        """Whether it was made from a Kubernetes Service."""
        return self.key.kind == "Service"

    def port(self, number: int) -> Port | None:
        """The port with this number."""
        return next((port for port in self.ports if port.number == number), None)
