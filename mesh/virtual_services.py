"""VirtualServices by host, by destination and by source label, and which of them a client obeys for
a host.

On sidecars the VirtualServices of one host are not merged: the first wins (istio-api.md S-7), and
the others hear of it.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from crds.fields import EMPTY
from crds.meta import Key
from crds.virtual_service import (
    Destination,
    HTTPMatchRequest,
    L4MatchAttributes,
    RouteDestination,
    TLSMatchAttributes,
    VirtualService,
)
from mesh import hosts
from mesh.delegates import delegate_keys, http_source, merged, sources
from mesh.exports import EVERYBODY
from mesh.gateway_names import MESH, gateway_names
from mesh.index import regroup
from mesh.order import Rank, rank
from mesh.source import VIRTUAL_SERVICE, Source, networking
from mesh.store import Change


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualServices:
    """`hosts` maps each host or wildcard, `destinations` each host that is routed to, `labels` each
    label that a match asks of the client, `gateways` each Gateway, as namespace/name. `exports` is
    put into objects that do not say who sees them: `unsaid`.

    `objects` have the rules of their delegates in place; `written` are as users wrote them.
    `delegating` maps each delegate, existing or not, to the objects that name it; `sources` says of
    each such object what its rules were written as.
    """

    objects: Mapping[Key, VirtualService] = field(default_factory=dict)
    written: Mapping[Key, VirtualService] = field(default_factory=dict)
    delegating: Mapping[Key, frozenset[Key]] = field(default_factory=dict)
    sources: Mapping[Key, tuple[Source, ...]] = field(default_factory=dict)
    hosts: Mapping[str, frozenset[Key]] = EMPTY
    wildcards: frozenset[str] = frozenset()
    destinations: Mapping[str, frozenset[Key]] = EMPTY
    labels: Mapping[str, frozenset[Key]] = EMPTY
    gateways: Mapping[str, frozenset[Key]] = EMPTY
    namespaces: Mapping[str, frozenset[Key]] = EMPTY
    exports: frozenset[str] = EVERYBODY
    unsaid: frozenset[Key] = frozenset()

    def exports_of(self, key: Key) -> frozenset[str]:
        """The namespaces that see an object: names, `.` for its own, `*` for all."""
        return frozenset(self.objects[key].export_to) or EVERYBODY

    def http_sources(self, virtual_service: VirtualService) -> tuple[Source, ...]:
        """Where each `http` rule of one of the `objects` was written."""
        found = self.sources.get(networking(VIRTUAL_SERVICE, virtual_service.meta))
        if found is not None:
            return found
        return tuple(http_source(virtual_service, i) for i in range(len(virtual_service.http)))

    def ranked(self, keys: Iterable[Key], namespace: str) -> list[Key]:
        """Those of `keys` that clients of `namespace` see: private ones, then those exported to it
        by name, then public; oldest first.
        """
        seen = [(self._nearness(key, namespace), self._rank(key), key) for key in keys]
        return [key for nearness, _, key in sorted(seen) if nearness < _HIDDEN]

    def _nearness(self, key: Key, namespace: str) -> int:
        exports = self.exports_of(key)
        if "." in exports and key.namespace == namespace:
            return 0
        if namespace in exports:
            return 1
        return 2 if "*" in exports else _HIDDEN

    def _rank(self, key: Key) -> Rank:
        return rank(self.objects[key].meta.created, key)


_HIDDEN = 3


def exported(index: VirtualServices, default: Collection[str]) -> VirtualServices:
    """`index` with another default of exportTo."""
    exports = frozenset(default) or EVERYBODY
    if exports == index.exports:
        return index
    written = {
        key: replace(each, export_to=()) if key in index.unsaid else each
        for key, each in index.written.items()
    }
    changes = [Change(key, None, each) for key, each in written.items()]
    return advance(VirtualServices(exports=exports), changes)[0]


def advance(
    index: VirtualServices, changes: Iterable[Change]
) -> tuple[VirtualServices, frozenset[str]]:
    """`index` after `changes`, and the hosts and wildcards that the changed objects name."""
    edits = [c for c in changes if isinstance(c.old or c.new, VirtualService)]
    if not edits:
        return index, frozenset()
    written = dict(index.written)
    unsaid = index.unsaid - {change.key for change in edits}
    for change in edits:
        written.pop(change.key, None)
        if isinstance(change.new, VirtualService):
            written[change.key] = change.new
            if not change.new.export_to and index.exports != EVERYBODY:
                unsaid |= {change.key}
                exports = tuple(sorted(index.exports))
                written[change.key] = replace(change.new, export_to=exports)
    delegating = regroup(
        index.delegating,
        ((d, c.key) for c in edits for d in _named(c.old)),
        ((d, c.key) for c in edits for d in _named(c.new)),
    )
    objects, written_in = dict(index.objects), dict(index.sources)
    gone: list[tuple[Key, VirtualService]] = []
    come: list[tuple[Key, VirtualService]] = []
    edited = {change.key for change in edits}
    for key in sorted(edited.union(*(delegating.get(key, ()) for key in edited))):
        old = objects.pop(key, None)
        written_in.pop(key, None)
        if old is not None:
            gone.append((key, old))
        if key in written:
            objects[key] = merged(written[key], written)
            come.append((key, objects[key]))
            if objects[key] is not written[key]:
                written_in[key] = sources(written[key], written)
    by_host = regroup(
        index.hosts,
        ((h, k) for k, v in gone for h in routed_hosts(v)),
        ((h, k) for k, v in come for h in routed_hosts(v)),
    )
    touched = frozenset(h for _, v in (*gone, *come) for h in routed_hosts(v))
    wild = {host for host in touched if hosts.is_wildcard(host)}
    new = VirtualServices(
        objects=objects,
        written=written,
        delegating=delegating,
        sources=written_in,
        exports=index.exports,
        unsaid=unsaid,
        hosts=by_host,
        namespaces=regroup(
            index.namespaces,
            ((k.namespace, k) for k, _ in gone),
            ((k.namespace, k) for k, _ in come),
        ),
        wildcards=(index.wildcards - wild) | {host for host in wild if host in by_host},
        destinations=regroup(
            index.destinations,
            ((h, k) for k, v in gone for h in destination_hosts(v)),
            ((h, k) for k, v in come for h in destination_hosts(v)),
        ),
        labels=regroup(
            index.labels,
            ((name, k) for k, v in gone for name in _source_labels(v)),
            ((name, k) for k, v in come for name in _source_labels(v)),
        ),
        gateways=regroup(
            index.gateways,
            ((name, k) for k, v in gone for name in gateways_of(v)),
            ((name, k) for k, v in come for name in gateways_of(v)),
        ),
    )
    return new, touched


def _named(changed: object) -> Iterator[Key]:
    """The delegates that an object names, if it is one that can."""
    return delegate_keys(changed) if isinstance(changed, VirtualService) else iter(())


def routed_hosts(virtual_service: VirtualService) -> tuple[str, ...]:
    """The full names of the hosts whose traffic from sidecars the object routes."""
    if virtual_service.gateways and MESH not in virtual_service.gateways:
        return ()
    namespace = virtual_service.meta.namespace
    return tuple(hosts.resolve(host, namespace) for host in virtual_service.hosts)


def gateways_of(virtual_service: VirtualService) -> tuple[str, ...]:
    """The Gateways, as namespace/name, whose traffic the object routes."""
    return gateway_names(virtual_service.gateways, virtual_service.meta.namespace)


def destinations(virtual_service: VirtualService) -> Iterator[tuple[str, Destination]]:
    """Every destination that the object names, with its field path."""
    for i, http in enumerate(virtual_service.http):
        for j, weighted in enumerate(http.route):
            if weighted.destination is not None:
                yield f"spec.http[{i}].route[{j}].destination", weighted.destination
        if http.mirror is not None:
            yield f"spec.http[{i}].mirror", http.mirror
        for j, mirror in enumerate(http.mirrors):
            if mirror.destination is not None:
                yield f"spec.http[{i}].mirrors[{j}].destination", mirror.destination
    for i, tls in enumerate(virtual_service.tls):
        yield from _l4_destinations(f"spec.tls[{i}]", tls.route)
    for i, tcp in enumerate(virtual_service.tcp):
        yield from _l4_destinations(f"spec.tcp[{i}]", tcp.route)


def _l4_destinations(
    path: str, route: Iterable[RouteDestination]
) -> Iterator[tuple[str, Destination]]:
    for index, each in enumerate(route):
        if each.destination is not None:
            yield f"{path}.route[{index}].destination", each.destination


def destination_hosts(virtual_service: VirtualService) -> frozenset[str]:
    """The full names of the hosts that the object routes to."""
    namespace = virtual_service.meta.namespace
    return frozenset(hosts.resolve(d.host, namespace) for _, d in destinations(virtual_service))


Match = HTTPMatchRequest | TLSMatchAttributes | L4MatchAttributes


def matches(virtual_service: VirtualService) -> Iterator[Match]:
    """Every match block of the object."""
    yield from (match for rule in virtual_service.http for match in rule.match)
    yield from (match for rule in virtual_service.tls for match in rule.match)
    yield from (match for rule in virtual_service.tcp for match in rule.match)


def asks_for_source(virtual_service: VirtualService) -> bool:
    """Whether what the object says depends on who the client is."""
    return any(match.source_labels or match.source_namespace for match in matches(virtual_service))


def _source_labels(virtual_service: VirtualService) -> frozenset[str]:
    return frozenset(name for match in matches(virtual_service) for name in match.source_labels)


def candidates(index: VirtualServices, host: str, namespace: str) -> Iterator[Key]:
    """The objects that may route `host` for clients of `namespace`, the one that wins first."""
    yield from index.ranked(index.hosts.get(host, ()), namespace)
    for wildcard in hosts.most_specific(index.wildcards, host):
        yield from index.ranked(index.hosts.get(wildcard, ()), namespace)
