"""All services by host, by virtual IP and by namespace, and which one a client sees."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from crds.fields import EMPTY
from crds.meta import Key
from mesh import auto_addresses, hosts
from mesh.auto_addresses import Claim, Table
from mesh.exports import EVERYBODY, is_exported
from mesh.index import regroup
from mesh.order import Rank, rank
from mesh.service_aliases import Alias
from mesh.services import Arrival, Service, services_of
from mesh.spelling import Names, changed
from mesh.store import Change

Bucket = TypeVar("Bucket")

_Label = tuple[str, str, str]
"""A namespace, a label's name and its value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """`contributed` holds what each Kubernetes object stands for; the rest is inverted from it.

    `selectors` is by namespace and each label of the selector, `anywhere` by the port at which a
    service wants what goes to no known address; `automatic` has the addresses that nobody wrote,
    `names` the hosts in short, for whoever misspells one. `exports` says who sees a service that
    does not say it.
    """

    contributed: Mapping[Key, tuple[Service, ...]] = field(default_factory=dict)
    hosts: Mapping[str, frozenset[Key]] = EMPTY
    addresses: Mapping[str, frozenset[Key]] = EMPTY
    namespaces: Mapping[str, frozenset[Key]] = EMPTY
    selectors: Mapping[_Label, frozenset[Key]] = field(default_factory=dict)
    anywhere: Mapping[int, frozenset[Key]] = field(default_factory=dict)
    automatic: Table = field(default_factory=Table)
    names: Names = field(default_factory=Names)
    exports: frozenset[str] = EVERYBODY

    def at(self, host: str) -> tuple[Service, ...]:
        """Every service that claims `host`: Kubernetes Services first, then the oldest (istio-
        api.md S-4).
        """
        found = [
            s for key in self.hosts.get(host, ()) for s in self.contributed[key] if s.host == host
        ]
        return tuple(sorted(found, key=lambda s: (not s.in_kubernetes, rank(s.created, s.key))))

    def seen(self, host: str, namespace: str) -> tuple[Service, ...]:
        """The services that are exported to clients of `namespace` as `host`: their own
        namespace's before all others.
        """
        found = [s for s in self.at(host) if self.is_visible(s, namespace)]
        return tuple(sorted(found, key=lambda s: s.namespace != namespace))

    def exported_hosts(self, namespace: str) -> Iterator[str]:
        """The hosts that clients of `namespace` see; some more than once."""
        for services in self.contributed.values():
            for service in services:
                if self.is_visible(service, namespace):
                    yield service.host

    def visible(self, host: str, namespace: str) -> Service | None:
        """The first of them: what a client of `namespace` reaches as `host`."""
        return next(iter(self.seen(host, namespace)), None)

    def exports_of(self, service: Service | Alias) -> frozenset[str]:
        """The namespaces that see a service: names, `.` for its own, `*` for all, `~` for none."""
        return service.export_to or self.exports

    def is_visible(self, service: Service | Alias, namespace: str) -> bool:
        """Whether `exportTo` lets clients of `namespace` see the service."""
        return is_exported(self.exports_of(service), service.namespace, namespace)

    def claims(self, address: str, port: int) -> list[Service]:
        """The services that have a virtual IP and port, the oldest first; those that were only
        allocated the address come last.
        """
        found = [
            service
            for key in self.addresses.get(address, ())
            for service in self.contributed[key]
            if address in service.addresses and service.port(port)
        ]
        return sorted(found, key=lambda s: (not s.in_kubernetes, s.automatic, *_age(s)))

    def owner(self, address: str, port: int) -> Service | None:
        """Which service answers at a virtual IP and port, of all that there are."""
        return next(iter(self.claims(address, port)), None)

    def wanting(self, port: int) -> Iterator[Service]:
        """The opaque services that want whatever goes to a port and to no known address."""
        for key in self.anywhere.get(port, ()):
            yield from (s for s in self.contributed[key] if port in _wanted_ports(s))

    def selecting(self, namespace: str, labels: Mapping[str, str]) -> tuple[Service, ...]:
        """The services of `namespace` whose selector picks a workload with these labels, oldest
        first.
        """
        keys = {k for label in labels.items() for k in self.selectors.get((namespace, *label), ())}
        found = [
            service
            for key in keys
            for service in self.contributed[key]
            if selects(service.selector, labels)
        ]
        return tuple(sorted(found, key=_age))


def _age(service: Service) -> tuple[bool, Rank, str]:
    return (not service.in_kubernetes, rank(service.created, service.key), service.host)


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


def exported(services: Services, default: Collection[str]) -> Services:
    """`services` with another default of exportTo."""
    exports = frozenset(default) or EVERYBODY
    return services if exports == services.exports else replace(services, exports=exports)


def advance(services: Services, changes: Iterable[Change]) -> Advanced:
    """`services` after `changes`; the hosts include those that share an address or a short name
    with a changed one.
    """
    stated = {change.key: services_of(change.key, change.new) for change in changes}
    old = services.contributed
    stated = {key: new for key, new in stated.items() if new or key in old}
    automatic, moved = auto_addresses.advance(
        services.automatic,
        (claim for key in stated for claim in _claims(old.get(key, ()))),
        (claim for new in stated.values() for claim in _claims(new)),
    )
    for key in {claim.key for claim in moved} & (old.keys() - stated.keys()):
        stated[key] = old[key]
    edits = [
        (key, old.get(key, ()), tuple(_addressed(service, automatic) for service in new))
        for key, new in stated.items()
    ]
    edits = [edit for edit in edits if edit[1] != edit[2]]
    if not edits:
        return Advanced(services, frozenset(), frozenset())
    advanced = _edited(services, automatic, edits)
    touched = [service for _, before, after in edits for service in (*before, *after)]
    return Advanced(
        advanced,
        frozenset(_affected(services, advanced, touched)),
        frozenset(service.namespace for service in touched),
    )


_Edit = tuple[Key, tuple[Service, ...], tuple[Service, ...]]
"""What an object stood for, and what it stands for now."""


def _claims(services: Iterable[Service]) -> Iterator[Claim]:
    return (_claim(service) for service in services if service.automatic)


def _claim(service: Service) -> Claim:
    return Claim(rank(service.created, service.key), service.key, service.host)


def _addressed(service: Service, automatic: Table) -> Service:
    if not service.automatic:
        return service
    return replace(service, addresses=automatic.addresses(_claim(service)))


def _edited(services: Services, automatic: Table, edits: Sequence[_Edit]) -> Services:
    contributed = dict(services.contributed)
    for key, _, new in edits:
        contributed.pop(key, None)
        if new:
            contributed[key] = new

    def regrouped(
        index: Mapping[Bucket, frozenset[Key]], buckets: Callable[[Service], Iterable[Bucket]]
    ) -> Mapping[Bucket, frozenset[Key]]:
        return regroup(
            index,
            [(bucket, key) for key, old, _ in edits for s in old for bucket in buckets(s)],
            [(bucket, key) for key, _, new in edits for s in new for bucket in buckets(s)],
        )

    by_host = regrouped(services.hosts, lambda s: (s.host,))
    touched = {s.host for _, old, new in edits for s in (*old, *new)}
    return Services(
        contributed=contributed,
        hosts=by_host,
        addresses=regrouped(services.addresses, lambda s: s.addresses),
        namespaces=regrouped(services.namespaces, lambda s: (s.namespace,)),
        selectors=regrouped(
            services.selectors,
            lambda s: [(s.namespace, name, value) for name, value in s.selector.items()],
        ),
        anywhere=regrouped(services.anywhere, _wanted_ports),
        automatic=automatic,
        names=_names(services.names, by_host, touched),
        exports=services.exports,
    )


def _names(names: Names, by_host: Collection[str], touched: Iterable[str]) -> Names:
    """`names` after hosts came or went: a Service and a ServiceEntry may have the same in short."""
    short = {hosts.shortest(host) for host in touched}
    there = {name for name in short if name in by_host or f"{name}{hosts.IN_CLUSTER}" in by_host}
    return changed(names, frozenset(short - there), frozenset(there))


def _affected(old: Services, new: Services, touched: Iterable[Service]) -> Iterator[str]:
    for service in touched:
        yield service.host
        yield from full_names(service.host, new.namespaces)
        for index in (old, new):
            # Another service of the host may now be the one that is seen, with its addresses.
            addresses = {a for rival in index.at(service.host) for a in rival.addresses}
            for address in (service.host, *service.addresses, *addresses):
                yield from hosts_at(index, address)
        for port in service.ports:
            yield from (other.host for other in new.wanting(port.number))


def _wanted_ports(service: Service) -> Iterator[int]:
    if service.arrival is Arrival.ANYWHERE and not service.blocks:
        for port in service.ports:
            if not (port.protocol.is_http or port.protocol.is_tls):
                yield port.number


def full_names(host: str, namespaces: Iterable[str]) -> Iterator[str]:
    """The Kubernetes hosts that have `host` as one of their other names, or for one of their pods:
    who claims it takes it from them.
    """
    labels = host.removeprefix("*.").removesuffix(".").split(".")
    for each in (labels, labels[1:]):
        yield from _full_names(each, namespaces)


def _full_names(labels: Sequence[str], namespaces: Iterable[str]) -> Iterator[str]:
    match labels:
        case [name]:
            yield from (hosts.fqdn(name, namespace) for namespace in namespaces)
        case [name, namespace] | [name, namespace, "svc"] | [name, namespace, "svc", _, _]:
            yield hosts.fqdn(name, namespace)


def hosts_at(services: Services, address: str) -> Iterator[str]:
    """The hosts of the services that have `address`."""
    for key in services.addresses.get(address, ()):
        yield from (s.host for s in services.contributed[key] if address in s.addresses)
