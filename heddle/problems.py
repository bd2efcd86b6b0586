"""The problems that hold now: of files, of objects on their own, of objects in their surroundings.
Each is told once.
"""

from collections.abc import Iterable, Mapping

from crds.destination_rule import DestinationRule
from crds.meta import Key
from crds.problem import Problem
from crds.virtual_service import VirtualService
from mesh import hosts
from mesh.advance import Dirty
from mesh.check import check
from mesh.check_claims import claiming
from mesh.check_gateways import check_gateways
from mesh.check_plaintext import concerned
from mesh.check_security import asking, targeting
from mesh.check_sidecar import referring_sidecars
from mesh.delegates import delegate_keys
from mesh.destination_rules import pattern_of
from mesh.mesh import Mesh
from mesh.providers import provider_hosts
from mesh.request_authentications import fetching
from mesh.store import Change

_PEERS = "PeerAuthentication"


class Surroundings:
    """What `mesh.check` says of each object, looked at again only where something changed."""

    def __init__(self) -> None:
        self._found: dict[Key, tuple[Problem, ...]] = {}
        self._gateways: Mapping[Key, tuple[Problem, ...]] = {}

    def update(self, mesh: Mesh, changes: Iterable[Change], dirty: Dirty) -> None:
        """Checks again what changed, what refers to a host or to a Gateway that did, what was or is
        delegated to, and the other rules for what a DestinationRule is for.
        """
        if dirty.gateways or dirty.inbound:
            self._gateways = check_gateways(mesh)
        changed = list(changes)
        names = mesh.aliases.objects.keys() if dirty.everything else ()
        keys = {change.key for change in changed}
        keys |= _referring(mesh, dirty.hosts.union(names)) | _bound(mesh, keys)
        keys |= _scoped(mesh, dirty.sidecars) | _selecting(mesh, changed, dirty.endpoints)
        objects = [each for change in changed for each in (change.old, change.new)]
        roots = (each for each in objects if isinstance(each, VirtualService))
        rules = (each for each in objects if isinstance(each, DestinationRule))
        rivals = (mesh.rules.patterns.get(pattern_of(rule), ()) for rule in rules)
        around = frozenset(c.key.namespace for c in changed if c.key.kind == _PEERS)
        kinds = {change.key.kind for change in changed}
        secrets = [each.key for each in changed if each.key.kind == "Secret"]
        keys |= mesh.rules.naming(secrets) | _securing(mesh, changed)
        if dirty.gateways or dirty.everything:
            keys.update(*mesh.rules.credentials.values(), targeting(mesh))
        if dirty.everything or dirty.hosts & provider_hosts(mesh.config):
            keys.update(asking(mesh))
        if dirty.gateways or dirty.everything or "RequestAuthentication" in kinds:
            keys.update(claiming(mesh))
        peers = (*mesh.peer_authentications.keys(*around), *concerned(mesh, around))
        for key in keys.union(*map(delegate_keys, roots), *rivals, peers):
            found = check(mesh, key)
            if found:
                self._found[key] = found
            else:
                self._found.pop(key, None)

    def problems(self) -> tuple[Problem, ...]:
        """All of them, in the order of objects."""
        every = (*self._found.items(), *self._gateways.items())
        return tuple(
            problem
            for _, problems in sorted(every, key=lambda pair: pair[0])
            for problem in problems
        )


def _bound(mesh: Mesh, changed: Iterable[Key]) -> set[Key]:
    """The VirtualServices of Gateways among what changed."""
    routes = mesh.virtual_services.gateways
    named = (f"{key.namespace}/{key.name}" for key in changed if key.kind == "Gateway")
    return {key for name in named for key in routes.get(name, ())}


def _securing(mesh: Mesh, changed: Iterable[Change]) -> set[Key]:
    """The Sidecars whose listeners may take TLS with other certificates, or in other cases."""
    places = {c.key.namespace for c in changed if c.key.kind in ("Secret", "PeerAuthentication")}
    every = mesh.config.root_namespace in places
    sidecars = mesh.sidecars.namespaces
    return {key for place in (sidecars if every else places) for key in sidecars.get(place, ())}


def _selecting(mesh: Mesh, changed: Iterable[Change], moved: frozenset[str]) -> set[Key]:
    """The services whose endpoints moved with a WorkloadEntry, which may be of no use to them."""
    if not any(change.key.kind == "WorkloadEntry" for change in changed):
        return set()
    return {key for host in moved for key in mesh.services.hosts.get(host, ())}


def _referring(mesh: Mesh, changed: frozenset[str]) -> set[Key]:
    routes = mesh.virtual_services
    keys: set[Key] = set()
    for host in changed:
        keys |= routes.destinations.get(host, frozenset())
        for pattern in (host, *hosts.most_specific(routes.wildcards, host)):
            keys |= routes.hosts.get(pattern, frozenset())
        keys |= mesh.services.hosts.get(host, frozenset()) | mesh.rules.over(host)
        if (alias := mesh.aliases.objects.get(host)) is not None:
            keys.add(alias.key)
    keys |= fetching(mesh.request_authentications, changed)
    return keys | referring_sidecars(mesh, changed)


def _scoped(mesh: Mesh, namespaces: frozenset[str]) -> set[Key]:
    """What Sidecars of these namespaces have a say in: other Sidecars, and destinations."""
    every = mesh.config.root_namespace in namespaces
    places = mesh.virtual_services.namespaces.keys() if every else namespaces
    routes = mesh.virtual_services.namespaces
    keys = {key for place in places for key in routes.get(place, ())}
    return keys.union(*(mesh.sidecars.namespaces.get(name, ()) for name in namespaces))
