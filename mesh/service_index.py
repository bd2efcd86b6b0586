"""All services by host, by virtual IP and by namespace, and which one a client sees."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from crds.fields import EMPTY
from crds.meta import Key
from mesh import hosts
from mesh.index import regroup
from mesh.order import rank
from mesh.services import Arrival, Port, Service, services_of
from mesh.store import Change


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """`contributed` holds what each Kubernetes object stands for; the rest is inverted from it."""

    contributed: Mapping[Key, tuple[Service, ...]] = field(default_factory=dict)
    hosts: Mapping[str, frozenset[Key]] = EMPTY
    addresses: Mapping[str, frozenset[Key]] = EMPTY
    namespaces: Mapping[str, frozenset[Key]] = EMPTY
    anywhere: Mapping[int, frozenset[Key]] = field(default_factory=dict)
    """By port, those that want what goes to no known address."""

    def at(self, host: str) -> tuple[Service, ...]:
        """Every service that claims `host`: Kubernetes Services first, then the oldest (istio-
        api.md S-4).
        """
        found = [
            s for key in self.hosts.get(host, ()) for s in self.contributed[key] if s.host == host
        ]
        return tuple(sorted(found, key=lambda s: (not s.in_kubernetes, rank(s.created, s.key))))

    def visible(self, host: str, namespace: str) -> Service | None:
        """The service that a client of `namespace` reaches as `host`: its own namespace's before
        all others.
        """
        seen = [service for service in self.at(host) if is_visible(service, namespace)]
        return next((s for s in seen if s.namespace == namespace), seen[0] if seen else None)

    def owner(self, address: str, port: int) -> Service | None:
        """Which service answers at a virtual IP and port: the oldest of those that claim both."""
        claims = [
            service
            for key in self.addresses.get(address, ())
            for service in self.contributed[key]
            if address in service.addresses and service.port(port)
        ]
        return min(
            claims,
            key=lambda s: (not s.in_kubernetes, rank(s.created, s.key), s.host),
            default=None,
        )

    def wanting(self, port: int) -> Iterator[Service]:
        """The opaque services that want whatever goes to a port and to no known address."""
        for key in self.anywhere.get(port, ()):
            yield from (s for s in self.contributed[key] if port in _wanted_ports(s))

    def selecting(self, namespace: str, labels: Mapping[str, str]) -> tuple[Service, ...]:
        """The services of `namespace` whose selector picks a workload with these labels, oldest
        first.
        """
        found = [
            service
            for key in self.namespaces.get(namespace, ())
            for service in self.contributed[key]
            if service.selector and selects(service.selector, labels)
        ]
        return tuple(
            sorted(found, key=lambda s: (not s.in_kubernetes, rank(s.created, s.key), s.host))
        )


def is_visible(service: Service, namespace: str) -> bool:
    """Whether `exportTo` lets clients of `namespace` see the service."""
    if "*" in service.export_to or namespace in service.export_to:
        return True
    return "." in service.export_to and service.namespace == namespace


def selects(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Whether `labels` has everything that `selector` asks for."""
    return all(labels.get(name) == value for name, value in selector.items())


@dataclass(frozen=True, slots=True)
class Advanced:
    """The new index, the hosts that must be looked at again, and the namespaces whose inbound side
    may have changed.
    """

    services: Services
    hosts: frozenset[str]
    namespaces: frozenset[str]


def advance(services: Services, changes: Iterable[Change]) -> Advanced:
    """`services` after `changes`; the hosts include those that share an address or a short name
    with a changed one.
    """
    edits = [
        (change.key, services.contributed.get(change.key, ()), services_of(change.key, change.new))
        for change in changes
    ]
    edits = [edit for edit in edits if edit[1] != edit[2]]
    if not edits:
        return Advanced(services, frozenset(), frozenset())
    contributed = dict(services.contributed)
    for key, _, new in edits:
        contributed.pop(key, None)
        if new:
            contributed[key] = new
    gone = [(key, service) for key, old, _ in edits for service in old]
    come = [(key, service) for key, _, new in edits for service in new]
    advanced = Services(
        contributed=contributed,
        hosts=regroup(
            services.hosts, ((s.host, k) for k, s in gone), ((s.host, k) for k, s in come)
        ),
        addresses=regroup(
            services.addresses,
            ((address, k) for k, s in gone for address in s.addresses),
            ((address, k) for k, s in come for address in s.addresses),
        ),
        namespaces=regroup(
            services.namespaces,
            ((s.namespace, k) for k, s in gone),
            ((s.namespace, k) for k, s in come),
        ),
        anywhere=regroup(
            services.anywhere,
            ((port, k) for k, s in gone for port in _wanted_ports(s)),
            ((port, k) for k, s in come for port in _wanted_ports(s)),
        ),
    )
    touched = [service for _, service in (*gone, *come)]
    return Advanced(
        advanced,
        frozenset(_affected(services, advanced, touched)),
        frozenset(service.namespace for service in touched),
    )


def _affected(old: Services, new: Services, touched: Iterable[Service]) -> Iterator[str]:
    for service in touched:
        yield service.host
        yield from full_names(service.host, new.namespaces)
        for address in (service.host, *service.addresses):
            for index in (old, new):
                yield from hosts_at(index, address)
        for port in service.ports:
            yield from (other.host for other in new.wanting(port.number))


def _wanted_ports(service: Service) -> Iterator[int]:
    if service.arrival is Arrival.ANYWHERE and not service.blocks:
        for port in service.ports:
            if not (port.protocol.is_http or port.protocol.is_tls):
                yield port.number


def full_names(host: str, namespaces: Iterable[str]) -> Iterator[str]:
    """The Kubernetes hosts that have `host` as one of their other names: a host that claims it
    takes it from them.
    """
    match host.removeprefix("*.").removesuffix(".").split("."):
        case [name]:
            yield from (hosts.fqdn(name, namespace) for namespace in namespaces)
        case [name, namespace] | [name, namespace, "svc"] | [name, namespace, "svc", _, _]:
            yield hosts.fqdn(name, namespace)


def hosts_at(services: Services, address: str) -> Iterator[str]:
    """The hosts of the services that have `address`."""
    for key in services.addresses.get(address, ()):
        yield from (s.host for s in services.contributed[key] if address in s.addresses)


def answers(services: Services, service: Service, address: str, port: Port) -> bool:
    """Whether `service` is the one that owns `address` at `port`."""
    owner = services.owner(address, port.number)
    return owner is None or (owner.key == service.key and owner.host == service.host)
