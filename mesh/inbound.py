"""The ports at which a workload takes calls, from the services that select it."""

from dataclasses import dataclass

from crds.connection_pool import ConnectionPoolSettings
from mesh.destination_rules import merged, policy_for, rules_for
from mesh.endpoints import has_entrance
from mesh.mesh import Mesh, client
from mesh.proxy import Mode, Proxy
from mesh.services import Port, Protocol, Service


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundPort:
    """A port of the workload (`number`), and the service and service port that lead to it."""

    number: int
    protocol: Protocol
    host: str
    service_port: int
    pool: ConnectionPoolSettings | None = None


def inbound_ports(mesh: Mesh, proxy: Proxy) -> tuple[InboundPort, ...]:
    """The ports of a proxy's workload, by number; of two services with one target port the oldest
    counts (S-37).
    """
    ports: dict[int, InboundPort] = {}
    for service in mesh.services.selecting(proxy.namespace, proxy.labels):
        for port in service.ports:
            number = _target(port, dict(proxy.named_ports))
            taken = number in ports or (proxy.mode is Mode.NONE and not has_entrance(number))
            if number and not taken:
                ports[number] = _inbound_port(mesh, service, port, number)
    return tuple(ports[number] for number in sorted(ports))


def _target(port: Port, named: dict[str, int]) -> int:
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
