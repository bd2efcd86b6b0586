"""The servers that a gateway workload runs, of all Gateways that select it, merged by port.

Servers share a port where their clients can be told apart: plain HTTP by the Host header, TLS by
server name. Of two that cannot, the one of the older Gateway stays and the other is `Refused`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from crds.gateway import Gateway, Server
from crds.meta import Key
from crds.names import UNIX
from crds.server_tls import ServerTLSmode
from mesh import hosts
from mesh.credentials import Credentials, Lacking, lacking
from mesh.gateways import Gateways
from mesh.proxy import Proxy
from mesh.service_index import Services

ANY_ADDRESS = "0.0.0.0"
ANY_NAMESPACE = "*"

RESERVED_PORTS = frozenset({15000, 15020, 15021, 15090})
"""Where the gateway's Envoy itself listens: its admin port, readiness and metrics."""


class Family(StrEnum):
    """What servers on one port have in common."""

    HTTP = "HTTP"
    TLS = "TLS"
    TCP = "TCP"


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayServer:
    """One server of a Gateway. `hosts` are pairs of a namespace (`*` is any) and a host."""

    gateway: Key
    index: int
    server: Server
    hosts: tuple[tuple[str, str], ...]

    @property
    def gateway_name(self) -> str:
        """The Gateway as VirtualServices name it."""
        return f"{self.gateway.namespace}/{self.gateway.name}"

    @property
    def path(self) -> str:
        """Where it is in its Gateway."""
        return f"spec.servers[{self.index}]"

    @property
    def names(self) -> tuple[str, ...]:
        """The hosts, whatever namespace may route them."""
        return tuple(dict.fromkeys(host for _, host in self.hosts))

    @property
    def family(self) -> Family:
        """What it can share a port with."""
        if self.server.is_plain_http:
            return Family.HTTP
        return Family.TLS if self.server.tls is not None else Family.TCP


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayListener:
    """One port of the gateway's pod and the servers there, the first of which was first."""

    bind: str
    port: int
    family: Family
    servers: tuple[GatewayServer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A server that is closed, and why: `code` is that of the problem, `winner` who is in its
    way.
    """

    server: GatewayServer
    code: str
    port: int = 0
    winner: GatewayServer | None = None
    value: str = ""
    lacking: Lacking | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What a gateway workload listens on, and the servers that it does not serve."""

    listeners: tuple[GatewayListener, ...] = ()
    refused: tuple[Refused, ...] = ()


def merged(
    gateways: Gateways, services: Services, credentials: Credentials, proxy: Proxy
) -> Merged:
    """The servers of all Gateways that select the pod of `proxy`, by port."""
    ports: dict[tuple[str, int], _Port] = {}
    refused: list[Refused] = []
    targets = ports_behind(services, proxy)
    for server in servers_for(gateways, proxy.labels):
        # A server that cannot open keeps its place: nobody else takes its names meanwhile.
        closed = _closed(credentials, proxy.namespace, server)
        if closed is not None:
            refused.append(closed)
        bind = server.server.bind or proxy.address or ANY_ADDRESS
        for port in _ports(server.server, targets):
            place = ports.setdefault((bind, port), _Port(bind=bind, port=port))
            reason = place.take(server, opened=closed is None)
            if reason is not None:
                refused.append(reason)
    listeners = (ports[place].listener() for place in sorted(ports) if ports[place].opened)
    return Merged(listeners=tuple(listeners), refused=tuple(refused))


def servers_for(gateways: Gateways, labels: Mapping[str, str]) -> Iterator[GatewayServer]:
    """The servers of all Gateways that select a pod with these labels, the oldest Gateway first."""
    for key in gateways.selecting(labels):
        yield from servers_of(key, gateways.objects[key])


def servers_of(key: Key, gateway: Gateway) -> Iterator[GatewayServer]:
    """The servers of one Gateway."""
    for index, server in enumerate(gateway.servers):
        parsed = tuple(_host(host, key.namespace) for host in server.hosts)
        yield GatewayServer(gateway=key, index=index, server=server, hosts=parsed)


def _host(host: str, own: str) -> tuple[str, str]:
    namespace, _, name = host.rpartition("/")
    return {"": ANY_NAMESPACE, ".": own}.get(namespace, namespace), name.lower()


def ports_behind(services: Services, proxy: Proxy) -> Mapping[int, frozenset[int]]:
    """The pod's ports behind each port of the Services that select it."""
    named = dict(proxy.named_ports)
    found: dict[int, set[int]] = {}
    for service in services.selecting(proxy.namespace, proxy.labels):
        for port in service.ports:
            target = port.target if isinstance(port.target, int) else named.get(port.target, 0)
            if target:
                found.setdefault(port.number, set()).add(target)
    return {number: frozenset(each) for number, each in found.items()}


def _ports(server: Server, targets: Mapping[int, frozenset[int]]) -> Iterable[int]:
    """A Gateway names ports as clients see them: the pod listens on the target of its Service."""
    if server.bind.startswith(UNIX):
        return (0,)
    return sorted(targets.get(server.port.number, {server.port.number}))


def _closed(credentials: Credentials, namespace: str, server: GatewayServer) -> Refused | None:
    tls = server.server.tls
    if tls is None or server.server.is_plain_http:
        return None
    if tls.mode is ServerTLSmode.AUTO_PASSTHROUGH:
        return Refused(server=server, code="not-translated", value=tls.mode.value)
    lack = lacking(credentials, namespace, tls)
    if lack is None:
        return None
    return Refused(server=server, code="unusable-secret", value=lack.secret, lacking=lack)


@dataclass(slots=True, kw_only=True)
class _Port:
    """One port while it is filled."""

    bind: str
    port: int
    servers: list[GatewayServer] = field(default_factory=list)
    opened: list[GatewayServer] = field(default_factory=list)
    names: dict[str, GatewayServer] = field(default_factory=dict)

    def take(self, server: GatewayServer, *, opened: bool) -> Refused | None:
        """Adds the server, or says why not."""
        if not server.server.bind and self.port in RESERVED_PORTS:
            return Refused(server=server, code="reserved-port", port=self.port)
        first = self.servers[0] if self.servers else None
        if first and (first.family is not server.family or first.family is Family.TCP):
            return Refused(server=server, code="port-conflict", port=self.port, winner=first)
        if server.family is Family.TLS:
            for name in server.names:
                if name in self.names:
                    winner = self.names[name]
                    return Refused(
                        server=server,
                        code="duplicate-sni",
                        port=self.port,
                        winner=winner,
                        value=name,
                    )
            self.names |= dict.fromkeys(server.names, server)
        self.servers.append(server)
        if opened:
            self.opened.append(server)
        return None

    def listener(self) -> GatewayListener:
        """What came of it."""
        return GatewayListener(
            bind=self.bind,
            port=self.port,
            family=self.servers[0].family,
            servers=tuple(self.opened),
        )


def intersection(given: Iterable[str], allowed: Iterable[str]) -> tuple[str, ...]:
    """The hosts that both lists cover: of two patterns the narrower one."""
    found: dict[str, None] = {}
    limits = tuple(allowed)
    for host in given:
        for limit in limits:
            if hosts.matches(limit, host):
                found[host] = None
            elif hosts.matches(host, limit):
                found[limit] = None
    return tuple(found)
