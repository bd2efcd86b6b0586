"""The ports at which a workload takes calls: those of the services that select it, or those that
its Sidecar has ingress listeners for.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from crds.connection_pool import ConnectionPoolSettings
from crds.sidecar import CaptureMode, IstioIngressListener, Sidecar
from mesh.destination_rules import merged, policy_for, rules_for
from mesh.endpoints import has_entrance
from mesh.ingress import Application, application, own_address
from mesh.mesh import Mesh, client
from mesh.proxy import Mode, Proxy
from mesh.scope import scope_of, sidecar_of
from mesh.services import Port, Protocol, Service, protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundPort:
    """A port of the workload (`number`), and the service and service port that lead to it, if any.

    Without an `application` calls are passed on to the very port. `bind` is an address at which the
    sidecar listens itself; `captured`: it takes what is redirected, or meant, for the port.
    """

    number: int
    protocol: Protocol
    host: str = ""
    service_port: int = 0
    pool: ConnectionPoolSettings | None = None
    application: Application | None = None
    bind: str = ""
    captured: bool = True


def inbound_ports(mesh: Mesh, proxy: Proxy) -> tuple[InboundPort, ...]:
    """The ports of a proxy's workload, by number."""
    found = {port.number: port for port in _of_services(mesh, proxy)}
    key = sidecar_of(mesh, scope_of(mesh, proxy))
    if key is not None:
        sidecar = mesh.sidecars.objects[key]
        if sidecar.ingress:
            found = {port.number: port for port in _of_listeners(sidecar.ingress, found, proxy)}
        found = {number: _pooled(port, sidecar) for number, port in found.items()}
    entered = (n for n in sorted(found) if proxy.mode is Mode.REDIRECT or has_entrance(n))
    return tuple(found[number] for number in entered)


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


def _pooled(port: InboundPort, sidecar: Sidecar) -> InboundPort:
    """What a Sidecar says of connections wins over a DestinationRule: of the port, then of all
    (S-22).
    """
    own = (each for each in sidecar.ingress if each.port and each.port.number == port.number)
    pool = next((each.connection_pool for each in own), None) or sidecar.inbound_connection_pool
    return port if pool is None else replace(port, pool=pool)
