"""From one mesh to the next: what changed decides, at the grain of a host, what must be looked at
again.

Saying too much is safe (a rebuilt host with equal bytes is no change), saying too little is a bug:
tests compare every
step with a mesh and a translation made from nothing.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from crds import core
from crds.authorization_policy import AuthorizationPolicy
from crds.mesh_config import CONFIG_MAP, ROOT_NAMESPACE, MeshConfig
from crds.meta import Key
from crds.peer_authentication import PeerAuthentication
from crds.virtual_service import VirtualService
from mesh import (
    by_namespace,
    credentials,
    destination_rules,
    endpoint_index,
    gateways,
    hosts,
    request_authentications,
    service_aliases,
    service_index,
    sidecars,
    virtual_services,
)
from mesh.mesh import Mesh
from mesh.mutual_tls import Peers, known_endpoints, peers
from mesh.place import asked_places
from mesh.providers import provider_hosts
from mesh.service_aliases import related
from mesh.services import Arrival
from mesh.store import Change

CONFIG_KEY = Key("", "ConfigMap", ROOT_NAMESPACE, CONFIG_MAP)
"""The object that MeshConfig is read from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dirty:
    """What may differ: of `hosts` all but their endpoints, of `endpoints` those; `seen` are hosts
    of which only who sees them does. `sidecars` are namespaces whose Sidecars differ, `inbound`
    those of workloads; `selections`: proxies may have another scope. `gateways`: any server of a
    Gateway; `gateway_routes` are the VirtualServices whose rules may differ at gateways.
    """

    everything: bool = False
    hosts: frozenset[str] = frozenset()
    endpoints: frozenset[str] = frozenset()
    seen: frozenset[str] = frozenset()
    sidecars: frozenset[str] = frozenset()
    inbound: frozenset[str] = frozenset()
    every_inbound: bool = False
    selections: bool = False
    pods: frozenset[Key] = frozenset()
    gateways: bool = False
    gateway_routes: frozenset[Key] = frozenset()


def advance(mesh: Mesh, changes: Sequence[Change], config: MeshConfig) -> tuple[Mesh, Dirty]:
    """The mesh after `changes` under `config`, and what must be looked at again."""
    mesh, reconfigured = _configured(mesh, config), config != mesh.config
    services = service_index.advance(mesh.services, changes)
    endpoints, moved = endpoint_index.advance(mesh.endpoints, services.services, changes)
    aliases, renamed = service_aliases.advance(mesh.aliases, changes)
    rules, ruled = destination_rules.advance(mesh.rules, changes)
    routes, routed = virtual_services.advance(mesh.virtual_services, changes)
    served, gated, moved_gateways = gateways.advance(mesh.gateways, changes)
    secrets, kept = credentials.advance(mesh.credentials, changes)
    scoping = sidecars.advance(mesh.sidecars, changes)
    peers, authenticated = by_namespace.advance(
        PeerAuthentication, mesh.peer_authentications, changes
    )
    policies, authorized = by_namespace.advance(
        AuthorizationPolicy, mesh.authorization_policies, changes
    )
    tokens, issued = request_authentications.advance(mesh.request_authentications, changes)
    new = Mesh(
        config=config,
        services=services.services,
        aliases=aliases,
        endpoints=endpoints,
        rules=rules,
        virtual_services=routes,
        gateways=served,
        credentials=secrets,
        sidecars=scoping.sidecars,
        peer_authentications=peers,
        authorization_policies=policies,
        request_authentications=tokens,
    )
    kept_for = {destination_rules.pattern_of(rules.objects[k])[1] for k in rules.naming(kept)}
    changed = services.hosts | set(_covered(new, ruled | kept_for)) | renamed
    changed |= _also_named(mesh, new, changed)
    touched = changed | set(_covered(new, routed)) | routed
    touched |= set(_referring(new, changed)) | set(_wildcards_over(new, services.hosts))
    touched |= {host for host in moved if _has_endpoints_inside(new, host)}
    touched |= {n for h in routed for n in service_index.full_names(h, new.services.namespaces)}
    touched |= {n for h in routed for n in service_index.hosts_at(new.services, h)}
    touched |= _also_named(mesh, new, touched)
    ruled_namespaces = {s.namespace for host in _covered(new, ruled) for s in new.services.at(host)}
    secured = set(_served_in(new, authenticated, everywhere=config.root_namespace in authenticated))
    touched |= secured | {host for host in moved if _has_other_peers(mesh, new, host)}
    routed_to = _routed_to(mesh, new, routed)
    fetching = request_authentications.fetching(tokens, (*touched, *routed_to))
    held = {key.namespace for key in kept}
    guarded = authenticated | authorized | issued | {key.namespace for key in fetching}
    return new, Dirty(
        everything=reconfigured,
        hosts=frozenset(touched),
        endpoints=moved | services.hosts | secured,
        seen=frozenset(routed_to),
        sidecars=scoping.namespaces,
        inbound=services.namespaces | ruled_namespaces | scoping.namespaces | guarded | held,
        every_inbound=bool(
            config.root_namespace in guarded or services.hosts & provider_hosts(config)
        ),
        selections=reconfigured
        or scoping.selections
        or routes.labels.keys() != mesh.virtual_services.labels.keys()
        or rules.labels != mesh.rules.labels
        or rules.credentials != mesh.rules.credentials
        or endpoints.nodes != mesh.endpoints.nodes
        or asked_places(new) != asked_places(mesh),
        pods=frozenset(c.key for c in changes if isinstance(c.old or c.new, core.Pod)),
        gateways=bool(gated or kept or moved_gateways),
        gateway_routes=frozenset(_routed_at_gateways(new, changes, changed)),
    )


def _also_named(old: Mesh, new: Mesh, touched: Iterable[str]) -> set[str]:
    """The hosts that have one of these as another name, and their other names."""
    indexes = [index for index in (old.aliases, new.aliases) if index.objects]
    return {name for index in indexes for h in touched for name in related(index, h)}


def _configured(mesh: Mesh, config: MeshConfig) -> Mesh:
    """The mesh with the defaults of `config` for what does not say who sees it."""
    if config == mesh.config:
        return mesh
    return replace(
        mesh,
        services=service_index.exported(mesh.services, config.default_service_export_to),
        rules=destination_rules.exported(mesh.rules, config.default_destination_rule_export_to),
        virtual_services=virtual_services.exported(
            mesh.virtual_services, config.default_virtual_service_export_to
        ),
    )


def _routed_to(old: Mesh, new: Mesh, routed: Iterable[str]) -> set[str]:
    """The destinations of changed VirtualServices: a Sidecar that imports those imports these."""
    found: set[str] = set()
    for index in (old.virtual_services, new.virtual_services):
        for key in {key for host in routed for key in index.hosts.get(host, ())}:
            found.update(virtual_services.destination_hosts(index.objects[key]))
    return found | _also_named(old, new, found)


def _served_in(mesh: Mesh, namespaces: Collection[str], *, everywhere: bool) -> Iterator[str]:
    """The hosts of services of these namespaces."""
    if namespaces:
        for host in mesh.services.hosts:
            if everywhere or any(s.namespace in namespaces for s in mesh.services.at(host)):
                yield host


def _has_other_peers(old: Mesh, new: Mesh, host: str) -> bool:
    """Whether somebody else may answer for a host: clusters name who."""
    return _peers_at(old, host) != _peers_at(new, host)


def _peers_at(mesh: Mesh, host: str) -> Mapping[Key, Peers]:
    return {s.key: peers(known_endpoints(mesh, s)) for s in mesh.services.at(host)}


def _has_endpoints_inside(mesh: Mesh, host: str) -> bool:
    """Whether endpoints are part of clusters, for Envoy to resolve, or have listeners, for clients
    to call.
    """
    return any(
        service.resolution.is_dns or service.arrival is Arrival.ENDPOINT
        for service in mesh.services.at(host)
    )


def _routed_at_gateways(
    mesh: Mesh, changes: Iterable[Change], changed: Iterable[str]
) -> Iterator[Key]:
    """The VirtualServices of gateways that changed, or that lead to a changed host."""
    index = mesh.virtual_services
    edited = {c.key for c in changes if isinstance(c.old or c.new, VirtualService)}
    yield from edited
    leading = {key for host in changed for key in index.destinations.get(host, ())}
    for key in leading.union(*(index.delegating.get(key, ()) for key in edited)):
        if virtual_services.gateways_of(index.objects[key]):
            yield key


def _covered(mesh: Mesh, patterns: Iterable[str]) -> Iterator[str]:
    """The hosts of services that the patterns name or cover."""
    for pattern in patterns:
        if hosts.is_wildcard(pattern):
            yield from (host for host in mesh.services.hosts if hosts.matches(pattern, host))
        else:
            yield pattern


def _referring(mesh: Mesh, changed: Iterable[str]) -> Iterator[str]:
    """The hosts whose routes lead to one of the changed hosts."""
    index = mesh.virtual_services
    keys = {key for host in changed for key in index.destinations.get(host, ())}
    for key in keys:
        routed = virtual_services.routed_hosts(index.objects[key])
        yield from routed
        yield from _covered(mesh, routed)


def _wildcards_over(mesh: Mesh, changed: Iterable[str]) -> Iterator[str]:
    for host in changed:
        yield from hosts.most_specific(mesh.virtual_services.wildcards, host)
