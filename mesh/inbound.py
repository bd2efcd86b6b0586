"""The ports at which a workload takes calls: those of the services that select it, or those that
its Sidecar has ingress listeners for.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from crds.connection_pool import ConnectionPoolSettings
from crds.meta import Key
from crds.peer_authentication import Mode as PeerMode
from crds.server_tls import ServerTLSSettings
from crds.sidecar import CaptureMode, IstioIngressListener, Sidecar
from mesh.authentication import modes
from mesh.credentials import lacking
from mesh.destination_rules import merged, policy_for, rules_for
from mesh.endpoints import has_entrance
from mesh.ingress import Application, application, own_address
from mesh.mesh import Mesh, client
from mesh.proxy import Mode, Proxy
from mesh.scope import scope_of, sidecar_of
from mesh.services import Port, Protocol, Service, protocol

_WITHIN = {Protocol.HTTPS: Protocol.HTTP, Protocol.TLS: Protocol.TCP}
"""What is spoken where TLS has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundPort:
    """A port of the workload (`number`), and the service and service port that lead to it, if any.

    Without an `application` calls are passed on to the very port. `bind` is an address at which the
    sidecar listens itself; `captured`: it takes what is redirected, or meant, for the port. `tls`
    is what callers speak; if it is `closed`, a Secret lacks what that takes. `sidecar` is the
    Sidecar that has an ingress listener for it.
    """

    number: int
    protocol: Protocol
    host: str = ""
    service_port: int = 0
    pool: ConnectionPoolSettings | None = None
    application: Application | None = None
    bind: str = ""
    captured: bool = True
    tls: ServerTLSSettings | None = None
    closed: bool = False
    sidecar: Key | None = None


def inbound_ports(mesh: Mesh, proxy: Proxy) -> tuple[InboundPort, ...]:
    """The ports of a proxy's workload, by number."""
    found = {port.number: port for port in _of_services(mesh, proxy)}
    key = sidecar_of(mesh, scope_of(mesh, proxy))
    if key is not None:
        sidecar = mesh.sidecars.objects[key]
        if sidecar.ingress:
            listened = _of_listeners(sidecar.ingress, found, proxy)
            found = {port.number: replace(port, sidecar=key) for port in listened}
            found |= {port.number: port for port in _secured(mesh, proxy, sidecar, found)}
        found = {number: _pooled(port, sidecar) for number, port in found.items()}
    entered = (n for n in sorted(found) if proxy.mode is Mode.REDIRECT or has_entrance(n))
    return tuple(found[number] for number in entered)


def services_by_port(mesh: Mesh, proxy: Proxy) -> Mapping[int, Key]:
    """The Services that lead to ports of a proxy's workload."""
    hosts = {port.number: port.host for port in inbound_ports(mesh, proxy) if port.host}
    leading = {number: mesh.services.at(host) for number, host in hosts.items()}
    return {number: services[0].key for number, services in leading.items() if services}


def _of_services(mesh: Mesh, proxy: Proxy) -> Iterator[InboundPort]:
    """Of two services with one target port the oldest counts (S-37)."""
    taken: set[int] = set()
    for service in mesh.services.selecting(proxy.namespace, proxy.labels):
        for port in service.ports:
            number = _target(port, dict(proxy.named_ports))
            if number and number not in taken:
                taken.add(number)
                yield _inbound_port(mesh, service, port, number)


def _target(port: Port, named: Mapping[str, int]) -> int:
    return port.target if isinstance(port.target, int) else named.get(port.target, 0)


def _inbound_port(mesh: Mesh, service: Service, port: Port, number: int) -> InboundPort:
    who = client(mesh, service.namespace)
    rules = rules_for(mesh.rules, service.host, service.namespace, who)
    policy = policy_for(merged(mesh.rules.objects[key] for key in rules), None, port.number)
    return InboundPort(
        number=number,
        protocol=port.protocol,
        host=service.host,
        service_port=port.number,
        pool=policy.connection_pool,
    )


def _of_listeners(
    listeners: Iterable[IstioIngressListener], known: Mapping[int, InboundPort], proxy: Proxy
) -> Iterator[InboundPort]:
    for listener, given in ((each, each.port) for each in listeners if each.port is not None):
        number, bind = given.number, own_address(listener)
        # In proxy-port mode clients find the workload at its entrance, whatever is intercepted.
        captured = listener.capture_mode is not CaptureMode.NONE or proxy.mode is Mode.NONE
        if captured or bind:
            port = known.get(number, InboundPort(number=number, protocol=Protocol.UNSPECIFIED))
            yield replace(
                port,
                protocol=protocol(given.protocol, ""),
                application=application(listener),
                bind=bind,
                captured=captured,
            )


def _secured(
    mesh: Mesh, proxy: Proxy, sidecar: Sidecar, found: Mapping[int, InboundPort]
) -> Iterator[InboundPort]:
    """The ports with TLS for callers from outside: where the mesh has its own, it is not used."""
    root = mesh.config.root_namespace
    taken = modes(mesh.peer_authentications, root, proxy.namespace, proxy.labels)
    for listener in sidecar.ingress:
        number, tls = listener.port.number if listener.port else 0, listener.tls
        if tls is not None and number in found and taken.at(number) is PeerMode.DISABLE:
            yield replace(
                found[number],
                protocol=_WITHIN.get(found[number].protocol, found[number].protocol),
                tls=tls,
                closed=lacking(mesh.credentials, proxy.namespace, tls) is not None,
            )


def ingress_tls(mesh: Mesh, proxy: Proxy) -> Iterator[ServerTLSSettings]:
    """What the Sidecar of a proxy's workload says of callers from outside, used or not."""
    key = sidecar_of(mesh, scope_of(mesh, proxy))
    listeners = mesh.sidecars.objects[key].ingress if key else ()
    yield from (each.tls for each in listeners if each.tls is not None)


def _pooled(port: InboundPort, sidecar: Sidecar) -> InboundPort:
    """What a Sidecar says of connections wins over a DestinationRule: of the port, then of all
    (S-22).
    """
    own = (each for each in sidecar.ingress if each.port and each.port.number == port.number)
    pool = next((each.connection_pool for each in own), None) or sidecar.inbound_connection_pool
    return port if pool is None else replace(port, pool=pool)
