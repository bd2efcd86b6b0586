"""Ports of workloads as sidecars guard them, in a real Envoy: what a policy is worth is what comes
through here.

    with guarded(envoy, folder, {"strict": Guarded(policies, mode=Mode.STRICT)}) as doors:
        doors["strict"].ask(b"GET /admin HTTP/1.1\\r\\n...", peer="spiffe://...")

Listeners are whole, as the translator makes them. In front of each a PROXY header tells what
iptables would, where the connection was going and from where; behind them an application answers
with what it was asked.
"""

import json
import socket
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.client import HTTPResponse
from pathlib import Path

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.core.v3.base_pb2 import HeaderValue, HeaderValueOption
from envoy.config.listener.v3.listener_components_pb2 import Filter, FilterChain, ListenerFilter
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from envoy.extensions.filters.listener.proxy_protocol.v3.proxy_protocol_pb2 import ProxyProtocol
from envoy.extensions.filters.network.echo.v3.echo_pb2 import Echo

from ca.authority import Authority, new_intermediate, new_root
from ca.workload import KeyPair, key_pair
from ca.workload_secrets import trust_secret, workload_secret
from crds.authorization_policy import AuthorizationPolicy
from crds.path_normalization import NormalizationType
from crds.peer_authentication import Mode
from crds.scalars import Duration
from mesh.authentication import Modes
from mesh.identity import SpiffeId
from mesh.inbound import InboundPort
from mesh.protection import Membership, Protection
from mesh.services import Protocol
from tests.certificates import END, START, presenting
from tests.translator.envoy import as_json
from tests.translator.running import UnixConnection, echo, pipe, pipe_cluster, started
from tests.translator.static_secrets import by_name
from translator import gateways, names, pb
from translator.filters import outbound_filters, router
from translator.gateways import Table
from translator.guards import Guards, guards
from translator.http_manager import http_manager
from translator.listeners_inbound import Inbound, inbound_listener
from translator.listeners_outbound import Settings
from translator.routes import inbound_route_configuration

DOMAIN = "cluster.local"
SECONDS = 60.0
HTTP_PORT, TCP_PORT = 8080, 9000
CALLED = "10.0.0.1"
"""Where the workload is, as its callers know it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded:
    """What guards a port; at the `edge` it is a gateway's, else a sidecar's. `patience` is how long
    it waits for first bytes, in nanoseconds; 0 is without end.
    """

    policies: Sequence[AuthorizationPolicy] = ()
    http: bool = True
    edge: bool = False
    protocol: Protocol | None = None
    patience: int = 0
    mode: Mode = Mode.PERMISSIVE
    paths: NormalizationType = NormalizationType.DEFAULT
    domains: tuple[str, ...] = (DOMAIN,)
    aliases: tuple[str, ...] = (DOMAIN,)

    def listener(self) -> Listener:
        """The port's listener as the translator makes it."""
        number = HTTP_PORT if self.http else TCP_PORT
        protocol = self.protocol or (Protocol.HTTP if self.http else Protocol.TCP)
        protection = Protection(
            modes=Modes(default=self.mode),
            policies=tuple(self.policies),
            membership=Membership(domains=self.domains),
            aliases=self.aliases,
        )
        if self.edge:
            return _edge(guards(protection, self.paths))
        settings = Settings(paths=self.paths, detection_timeout=Duration(self.patience))
        inbound = Inbound(protection=protection, settings=settings)
        port = InboundPort(number=number, protocol=protocol)
        return inbound_listener("127.0.0.1", number, port, inbound)


def _edge(guarding: Guards) -> Listener:
    routes = RouteConfiguration()
    routes.CopyFrom(gateways.skeleton(Table(name="edge", servers=()), vhds=False))
    routes.virtual_hosts.extend(inbound_route_configuration(HTTP_PORT, Protocol.HTTP).virtual_hosts)
    routes.virtual_hosts[0].include_request_attempt_count = True  # as a gateway's hosts have it
    filters = outbound_filters(guarding.requests)
    manager = http_manager("edge", routes, filters, edge=True, paths=guarding.paths)
    return Listener(filter_chains=(FilterChain(filters=(manager,)),))


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What a caller heard: a status and what the application saw, or, of a connection, whether it
    was carried on. A closed connection has status 0.
    """

    status: int
    path: str = ""
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Door:
    """A guarded port that listens."""

    number: int
    http: bool

    def ask(
        self,
        given: bytes,
        *,
        peer: str = "",
        sni: str = "",
        source: str = "127.0.0.1",
        told: str = "",
        port: int = 0,
        address: str = CALLED,
    ) -> Heard:
        """Sends these bytes. `peer`: with a certificate of this SPIFFE id; `source`: from this
        address of the loopback; `told`: PROXY tells of this one; `port`: called at this one.
        """
        called = port or (HTTP_PORT if self.http else TCP_PORT)
        family = "TCP6" if ":" in address else "TCP4"
        header = f"PROXY {family} {told or source} {address} 4321 {called}\r\n"
        try:
            with socket.create_connection(
                ("127.0.0.1", self.number), SECONDS, source_address=(source, 0)
            ) as raw:
                raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                raw.sendall(header.encode())
                if not peer:
                    return self._answer(raw, given)
                with context(peer).wrap_socket(raw, server_hostname=sni or None) as secured:
                    return self._answer(secured, given)
        except (ConnectionError, ssl.SSLError):
            return Heard(status=0)

    def _answer(self, connection: socket.socket, given: bytes) -> Heard:
        connection.sendall(given)
        if not self.http:
            return Heard(status=200 if connection.recv(1) else 0)
        response = HTTPResponse(connection)
        response.begin()
        got = {name.lower(): value for name, value in response.getheaders()}
        body = response.read().decode(errors="replace")
        path = got.get("seen-path", "")
        return Heard(status=response.status, path=path, body=body, headers=got)


@cache
def root() -> Authority:
    """What the mesh trusts."""
    return new_root(START, DOMAIN, END - START)


@cache
def pair(peer: str) -> KeyPair:
    """A certificate for a SPIFFE id."""
    _, _, domain, _, namespace, _, account = peer.split("/")
    identity = SpiffeId(domain, namespace, account)
    return key_pair(authority(), identity, START, lifetime=END - START)


@cache
def authority() -> Authority:
    """What signs for the mesh."""
    return new_intermediate(root(), START, DOMAIN, END - START)


@cache
def context(peer: str) -> ssl.SSLContext:
    """A client's TLS as one with this SPIFFE id does it; who the server is does not matter."""
    made = pair(peer)
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    found.check_hostname = False
    found.verify_mode = ssl.CERT_NONE
    found.set_alpn_protocols(["istio"])
    return presenting(found, made.certificate.chain_pem, made.key.reveal())


@contextmanager
def guarded(
    envoy: Path, folder: Path, ports: Mapping[str, Guarded], seen: Sequence[str] = ()
) -> Iterator[Mapping[str, Door]]:
    """An Envoy in which each of these ports listens. Of each header in `seen` the application says
    in `seen-<name>` what it received.
    """
    server = f"spiffe://{DOMAIN}/ns/shop/sa/server"
    secrets = (workload_secret(pair(server)), trust_secret((root().certificate,)))
    config: dict[str, object] = {
        "admin": {"address": {"pipe": {"path": str(folder / "admin")}}},
        "static_resources": {
            "listeners": [
                *(as_json(_served(name, port)) for name, port in ports.items()),
                *(as_json(each) for each in _applications(folder, seen)),
            ],
            "clusters": [as_json(each) for each in _clusters(folder)],
            "secrets": [as_json(each) for each in secrets],
        },
    }
    with started(envoy, folder, config):
        numbers = _numbers(folder / "admin")
        yield {name: Door(numbers[name], port.http) for name, port in ports.items()}


def _served(name: str, port: Guarded) -> Listener:
    """The listener at a port that is free, told by a header what it cannot see."""
    own = port.listener()
    own.name = name
    own.address.CopyFrom(pb.socket_address("127.0.0.1", 0))
    others = tuple(own.listener_filters)
    del own.listener_filters[:]
    told = ListenerFilter(
        name="envoy.filters.listener.proxy_protocol", typed_config=pb.any_of(ProxyProtocol())
    )
    own.listener_filters.extend((told, *others))
    by_name(own)
    return own


def _clusters(folder: Path) -> Iterator[Cluster]:
    for number in (HTTP_PORT, TCP_PORT):
        yield pipe_cluster(names.inbound_cluster(number), folder / str(number))


def _applications(folder: Path, seen: Sequence[str]) -> Iterator[Listener]:
    """One answers requests, whatever their path; the other what it is sent."""
    routes = echo("application")
    for name in seen:
        told = HeaderValue(key=f"seen-{name}", value=f"%REQ({name})%")
        routes.response_headers_to_add.append(HeaderValueOption(header=told))
    said = Filter(name="envoy.filters.network.echo", typed_config=pb.any_of(Echo()))
    answers = http_manager(
        "application", routes, (router.http_filter(),), paths=NormalizationType.NONE
    )
    for number, application in ((HTTP_PORT, answers), (TCP_PORT, said)):
        yield Listener(
            name=f"application-{number}",
            address=pipe(folder / str(number)),
            filter_chains=(FilterChain(filters=(application,)),),
        )


def _numbers(admin: Path) -> Mapping[str, int]:
    """Where each listener listens."""
    client = UnixConnection(admin)
    try:
        client.request("GET", "/listeners?format=json", headers={"Host": "admin"})
        statuses = json.load(client.getresponse())["listener_statuses"]
    finally:
        client.close()
    sockets = ((each["name"], each["local_address"].get("socket_address")) for each in statuses)
    return {name: at["port_value"] for name, at in sockets if at}


def request(
    path: str = "/", *, method: str = "GET", host: str = "reviews", headers: Sequence[str] = ()
) -> bytes:
    """A request as it goes over the wire: nothing is checked, nothing is mended."""
    lines = (f"{method} {path} HTTP/1.1", f"Host: {host}", "Connection: close", *headers, "", "")
    return "\r\n".join(lines).encode("utf-8")
