"""Services as clients see them: a host with ports, made from a Kubernetes Service or from each host
of a ServiceEntry.

Protocols are chosen as Istio does it: `appProtocol` first, then the part of the port's name before
the first dash.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address, ip_network

from crds import core, service_entry
from crds.fields import EMPTY
from crds.kinds import Object
from crds.meta import Annotation, Key, Label
from mesh import hosts


class Protocol(StrEnum):
    """What a port speaks. `UNSPECIFIED`: neither `appProtocol` nor the port's name says; it shows
    in the first bytes that a client sends.
    """

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
        return self in (Protocol.HTTP2, Protocol.GRPC, Protocol.GRPC_WEB)

    @property
    def is_grpc(self) -> bool:
        """Whether requests are calls of gRPC, which may be streams without end."""
        return self in (Protocol.GRPC, Protocol.GRPC_WEB)

    @property
    def is_tls(self) -> bool:
        """Whether clients speak TLS that is passed through: its connections are told by SNI."""
        return self in (Protocol.HTTPS, Protocol.TLS)

    @property
    def rules(self) -> str:
        """The list of a VirtualService's rules that holds at such a port (istio-api.md S-49): http,
        tls or tcp. What does not say what it speaks may be HTTP or TCP: nothing.
        """
        if self is Protocol.UNSPECIFIED:
            return ""
        if self.is_http:
            return "http"
        return "tls" if self.is_tls else "tcp"


_HTTP = frozenset({Protocol.HTTP, Protocol.HTTP2, Protocol.GRPC, Protocol.GRPC_WEB})
_APP_PROTOCOLS = {
    "kubernetes.io/h2c": Protocol.HTTP2,
    "kubernetes.io/ws": Protocol.HTTP,
    "kubernetes.io/wss": Protocol.HTTPS,
}
_BY_NAME = {
    "http": Protocol.HTTP,
    "http_proxy": Protocol.HTTP,
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
SERVER_FIRST_PORTS = frozenset({25, 53, 3306, 27017})
"""SMTP, DNS, MySQL, MongoDB: their clients wait for the server, so nothing could be detected."""


class Resolution(StrEnum):
    """Where the addresses of a service's endpoints come from."""

    CLIENT_SIDE = "EDS"
    """From the mesh: EndpointSlices, WorkloadEntries, inline endpoints. Sent over EDS."""
    DNS = "DNS"
    """Every address that the name resolves to (Envoy's STRICT_DNS)."""
    DNS_ROUND_ROBIN = "DNS_ROUND_ROBIN"
    """One address of the name at a time (Envoy's LOGICAL_DNS)."""
    DYNAMIC_DNS = "DYNAMIC_DNS"
    """Every address of the name that the request is for, looked up when it comes (Envoy's dynamic
    forward proxy).
    """
    NONE = "NONE"
    """The address that the client chose (Envoy's ORIGINAL_DST); headless services too."""

    @property
    def is_dns(self) -> bool:
        """Whether Envoy looks the addresses up by name."""
        return self in (Resolution.DNS, Resolution.DNS_ROUND_ROBIN)


class Arrival(StrEnum):
    """Where connections to a service go that is not found by the names in requests."""

    VIRTUAL_IP = "virtual IP"
    ENDPOINT = "endpoint"
    """Its clients know the addresses of its endpoints (istio-api.md S-47)."""
    ANYWHERE = "anywhere"
    """Unknown: what goes to its port, and to no address that is known, may be meant for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """One port of a service. `target` is the workload's port: a number, or the name of a container
    port.
    """

    number: int
    name: str
    protocol: Protocol
    target: int | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A host that clients call. `addresses` are its virtual IPs; a headless service has none.
    `automatic`: nobody wrote an address, so that some are allocated. `blocks` are the addresses
    given as CIDR blocks. No `export_to`: the mesh's default.
    """

    key: Key
    host: str
    name: str
    namespace: str
    ports: tuple[Port, ...]
    addresses: tuple[str, ...] = ()
    blocks: tuple[str, ...] = ()
    automatic: bool = False
    headless: bool = False
    external: bool = False
    resolution: Resolution = Resolution.CLIENT_SIDE
    export_to: frozenset[str] = frozenset()
    selector: Mapping[str, str] = EMPTY
    subject_alt_names: tuple[str, ...] = ()
    created: str = ""

    @property
    def in_kubernetes(self) -> bool:
        """Whether it was made from a Kubernetes Service."""
        return self.key.kind == "Service"

    @property
    def arrival(self) -> Arrival:
        """Where connections to it go. A Kubernetes Service without an address in its file gets one
        from the cluster; an address that was allocated is not the only one that clients may know.
        """
        if self.headless or (self.resolution is Resolution.NONE and self.selector):
            return Arrival.ENDPOINT
        written = self.addresses and not (self.automatic or self.blocks)
        return Arrival.VIRTUAL_IP if self.in_kubernetes or written else Arrival.ANYWHERE

    def named_port(self, port: Port) -> int:
        """The port at which connections look up the name that their TLS greeting asks for; 0 if
        their addresses are known otherwise.
        """
        if self.resolution is not Resolution.DYNAMIC_DNS:
            return 0
        return port.target if isinstance(port.target, int) else port.number

    def port(self, number: int) -> Port | None:
        """The port with this number."""
        return next((port for port in self.ports if port.number == number), None)


def protocol(app_protocol: str, name: str, number: int = 0) -> Protocol:
    """What a port speaks, from its `appProtocol`, or else from its name, or else, where the server
    speaks first, from its number (istio-api.md S-39).
    """
    given = app_protocol.lower()
    if given in _APP_PROTOCOLS:
        return _APP_PROTOCOLS[given]
    text = given or name.lower()
    if text.startswith("grpc-web"):
        return Protocol.GRPC_WEB
    unsaid = Protocol.TCP if number in SERVER_FIRST_PORTS else Protocol.UNSPECIFIED
    return _BY_NAME.get(text.partition("-")[0], unsaid)


def services_of(key: Key, made_from: Object | None) -> tuple[Service, ...]:
    """The services that an object stands for: one for a Service, one a host for a ServiceEntry,
    none for anything else.
    """
    match made_from:
        case core.Service():
            return _from_kubernetes(key, made_from)
        case service_entry.ServiceEntry():
            return tuple(
                _from_entry(key, made_from, host) for host in dict.fromkeys(made_from.hosts)
            )
        case _:
            return ()


def _from_kubernetes(key: Key, service: core.Service) -> tuple[Service, ...]:
    if service.type == "ExternalName":
        return ()
    return (
        Service(
            key=key,
            host=hosts.fqdn(service.meta.name, service.meta.namespace),
            name=service.meta.name,
            namespace=service.meta.namespace,
            ports=_kubernetes_ports(service.ports),
            addresses=_addresses(service.addresses),
            headless=service.headless,
            resolution=Resolution.NONE if service.headless else Resolution.CLIENT_SIDE,
            export_to=exported_to(service),
            selector=service.selector,
            created=service.meta.created,
        ),
    )


def exported_to(service: core.Service) -> frozenset[str]:
    """Who sees it, by its annotation (istio-api.md S-3); nobody: the mesh's default counts."""
    given = service.meta.annotations.get(Annotation.EXPORT_TO, "").split(",")
    return frozenset(filter(None, (name.strip() for name in given)))


def _kubernetes_ports(given: Iterable[core.ServicePort]) -> tuple[Port, ...]:
    """Those that speak TCP, the first of each number: two clusters of one name are refused."""
    ports: dict[int, Port] = {}
    for port in given:
        if port.protocol in ("", "TCP"):
            ports.setdefault(port.port, _kubernetes_port(port))
    return tuple(ports.values())


def _kubernetes_port(port: core.ServicePort) -> Port:
    target = port.target_port if port.target_port not in (None, 0, "") else port.port
    return Port(
        number=port.port,
        name=port.name,
        protocol=protocol(port.app_protocol, port.name, port.port),
        target=target if target is not None else port.port,
    )


def _addresses(given: Iterable[str]) -> tuple[str, ...]:
    """Each address once, in its one form: IPv6 has many."""
    return tuple(dict.fromkeys(str(ip_address(a)) if ":" in a else a for a in given))


def _blocks(given: Iterable[str]) -> tuple[str, ...]:
    """Each block once, in its one form: `10.1.2.3/8` is written `10.0.0.0/8`."""
    return tuple(dict.fromkeys(str(ip_network(block, strict=False)) for block in given))


_RESOLUTIONS = {
    service_entry.Resolution.NONE: Resolution.NONE,
    service_entry.Resolution.STATIC: Resolution.CLIENT_SIDE,
    service_entry.Resolution.DNS: Resolution.DNS,
    service_entry.Resolution.DNS_ROUND_ROBIN: Resolution.DNS_ROUND_ROBIN,
    service_entry.Resolution.DYNAMIC_DNS: Resolution.DYNAMIC_DNS,
}


def _from_entry(key: Key, entry: service_entry.ServiceEntry, host: str) -> Service:
    dynamic = entry.resolution is service_entry.Resolution.DYNAMIC_DNS
    given = () if dynamic else entry.addresses  # where a name leads is only known when it is asked
    return Service(
        key=key,
        host=hosts.resolve(host, entry.meta.namespace),
        name=entry.meta.name,
        namespace=entry.meta.namespace,
        ports=tuple(
            Port(
                number=port.number,
                name=port.name,
                protocol=protocol(port.protocol, port.name, port.number),
                target=port.target_port or port.number,
            )
            for port in entry.ports
            if port.protocol.upper() != Protocol.UDP
        ),
        addresses=_addresses(address for address in given if "/" not in address),
        blocks=_blocks(address for address in given if "/" in address),
        automatic=_is_automatic(entry),
        external=entry.location is service_entry.Location.MESH_EXTERNAL,
        resolution=_RESOLUTIONS[entry.resolution],
        export_to=frozenset(entry.export_to),
        selector=entry.workload_selector.labels if entry.workload_selector else EMPTY,
        subject_alt_names=entry.subject_alt_names,
        created=entry.meta.created,
    )


def _is_automatic(entry: service_entry.ServiceEntry) -> bool:
    """Whether it gets addresses that nobody wrote. Those of resolution NONE would lead nowhere, for
    there the client chooses; a wildcard is no name that resolves to one.
    """
    wanted = entry.meta.labels.get(Label.AUTO_ALLOCATE, "true") != "false"
    named = not any(hosts.is_wildcard(host) for host in entry.hosts)
    found = entry.resolution is not service_entry.Resolution.NONE
    return wanted and named and found and not entry.addresses
