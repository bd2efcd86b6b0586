"""What the clients of a scope see: exportTo says who may, the Sidecar's egress says who wants to
(istio-api.md S-3 to S-7).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import takewhile

from crds.meta import Key
from crds.virtual_service import VirtualService
from mesh import hosts
from mesh.binds import Bind
from mesh.egress import ANY, NOWHERE, OWN, Exposure, Imports, exposure, routed_exposure
from mesh.mesh import Mesh
from mesh.scope import Scope, sidecar_of
from mesh.service_aliases import concrete, leading_to
from mesh.services import Service
from mesh.virtual_services import candidates, destination_hosts, routed_hosts

HTTP_PORT = 80
"""Where a VirtualService's host that no service has is served (istio-api.md S-11)."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A service, and how it is called; without an `exposure`: in every way."""

    service: Service
    exposure: Exposure | None = None


def imports_of(mesh: Mesh, scope: Scope) -> Imports | None:
    """What the scope's Sidecar imports; nothing if there is no Sidecar to ask."""
    key = sidecar_of(mesh, scope)
    return mesh.sidecars.imports[key] if key else None


def binds_of(mesh: Mesh, scope: Scope) -> tuple[Bind, ...]:
    """The addresses that the scope's Sidecar names."""
    imported = imports_of(mesh, scope)
    return tuple(bind for _, bind in imported.bound(scope.mode)) if imported else ()


def imported_namespaces(mesh: Mesh, scope: Scope) -> frozenset[str] | None:
    """The namespaces that hosts can be imported from; nothing: all, to which the scope's namespace
    has them exported.
    """
    imported = imports_of(mesh, scope)
    if imported is None or ANY in imported.namespaces:
        return None
    return frozenset(scope.namespace if name == OWN else name for name in imported.namespaces)


def candidate_hosts(mesh: Mesh, scope: Scope) -> frozenset[str]:
    """The hosts that a scope may see: those that it does not see are none of them, or are found
    out by looking.
    """
    namespaces = imported_namespaces(mesh, scope)
    services, routes = mesh.services, mesh.virtual_services
    if namespaces is None:
        return frozenset(services.exported_hosts(scope.namespace)) | frozenset(routes.hosts)
    found: set[str] = set()
    for namespace in namespaces:
        for key in services.namespaces.get(namespace, ()):
            found.update(service.host for service in services.contributed[key])
        for key in routes.namespaces.get(namespace, ()):
            found.update(routed_hosts(routes.objects[key]))
            found.update(_led_to(mesh, routes.objects[key]))
    return frozenset(found)


def known_hosts(mesh: Mesh) -> frozenset[str]:
    """Every host that some client may see: those of services, and those that a VirtualService
    routes.
    """
    return frozenset(mesh.services.hosts) | frozenset(mesh.virtual_services.hosts)


def audiences(mesh: Mesh, host: str) -> Iterator[tuple[str, frozenset[str]]]:
    """For each object that may make `host` visible: its namespace, and the namespaces that it is
    exported to (its own by name, `*` for all).
    """
    services, routes = mesh.services, mesh.virtual_services
    for service in services.at(host):
        yield service.namespace, _named(services.exports_of(service), service.namespace)
    for key in routes.hosts.get(host, frozenset()) | _leading_to(mesh, host):
        yield key.namespace, _named(routes.exports_of(key), key.namespace)


def _named(exports: frozenset[str], own: str) -> frozenset[str]:
    return frozenset(own if name == OWN else name for name in exports)


def seen_service(mesh: Mesh, scope: Scope, host: str) -> Seen | None:
    """The service that `host` is for a scope; the namespace's own before all others (S-4).

    One that is not imported is there all the same if an imported VirtualService routes to it, or
    unknown traffic goes there: `NOWHERE` can it be called then.
    """
    imported = imports_of(mesh, scope)
    if imported is None:
        service = mesh.services.visible(host, scope.namespace)
        return Seen(service) if service else None
    pulled: Service | None = None
    for service in mesh.services.seen(host, scope.namespace):
        exposed = exposure(imported, service, scope.namespace, scope.mode)
        if exposed != NOWHERE:
            everywhere = exposed == Exposure(ports=frozenset(p.number for p in service.ports))
            return Seen(service, None if everywhere else exposed)
        if pulled is None and not imported.excludes(service, scope.namespace):
            pulled = service
    if pulled is not None and _is_led_to(mesh, scope, imported, host):
        return Seen(pulled, NOWHERE)
    return None


def reachable(mesh: Mesh, scope: Scope, host: str) -> Service | None:
    """The service that a route of a scope can lead to as `host`: imported or not, but never one
    that the Sidecar excludes.
    """
    imported = imports_of(mesh, scope)
    found = mesh.services.seen(host, scope.namespace)
    if imported is None:
        return next(iter(found), None)
    own = scope.namespace
    known = [service for service in found if not imported.excludes(service, own)]
    called = (s for s in known if exposure(imported, s, own, scope.mode) != NOWHERE)
    return next(called, None) or next(iter(known), None)


def _is_led_to(mesh: Mesh, scope: Scope, imported: Imports, host: str) -> bool:
    """Whether the Sidecar's `egressProxy` is the host, or an imported VirtualService has it as a
    destination (S-5).
    """
    if imported.proxy and concrete(mesh.aliases, mesh.services.hosts, imported.proxy) == host:
        return True
    index = mesh.virtual_services
    keys = index.ranked(_leading_to(mesh, host), scope.namespace)
    return any(_imports_routes(mesh, scope, imported, key) for key in keys)


def _leading_to(mesh: Mesh, host: str) -> frozenset[Key]:
    """The VirtualServices with `host`, or another name of it, as a destination."""
    aliases = leading_to(mesh.aliases, mesh.services.hosts, host)
    index = mesh.virtual_services.destinations
    return frozenset().union(*(index.get(n, ()) for n in (host, *(a.host for a in aliases))))


def _led_to(mesh: Mesh, virtual_service: VirtualService) -> Iterator[str]:
    """Its destinations, each by its own name."""
    for host in destination_hosts(virtual_service):
        yield concrete(mesh.aliases, mesh.services.hosts, host)


def _imports_routes(mesh: Mesh, scope: Scope, imported: Imports, key: Key) -> bool:
    routed = routed_hosts(mesh.virtual_services.objects[key])
    return any(
        each.includes_routes(key.namespace, routed, scope.namespace) for each in imported.listeners
    )


def routes_of(mesh: Mesh, scope: Scope, host: str) -> Iterator[Key]:
    """The VirtualServices that may route `host` for a scope, the one that wins first."""
    imported = imports_of(mesh, scope)
    for key in candidates(mesh.virtual_services, host, scope.namespace):
        if imported is None or _imports_routes(mesh, scope, imported, key):
            yield key


def routed_only(mesh: Mesh, scope: Scope, host: str, chosen: Key) -> Exposure | None:
    """How a name is called that only the VirtualService `chosen` has; `NOWHERE` if it is not, or
    if a service has it.
    """
    if host == "*" or chosen not in mesh.virtual_services.hosts.get(host, ()):
        return NOWHERE
    known: Iterable[str] = mesh.services.hosts if hosts.is_wildcard(host) else (host,)
    if any(hosts.matches(host, each) and is_called(mesh, scope, each) for each in known):
        return NOWHERE
    imported = imports_of(mesh, scope)
    if imported is None:
        return None
    routed = routed_hosts(mesh.virtual_services.objects[chosen])
    return routed_exposure(
        imported, chosen.namespace, routed, scope.namespace, HTTP_PORT, scope.mode
    )


def is_called(mesh: Mesh, scope: Scope, host: str) -> bool:
    """Whether clients of a scope can call a service as `host`."""
    found = seen_service(mesh, scope, host) if host in mesh.services.hosts else None
    return found is not None and found.exposure != NOWHERE


def claims(mesh: Mesh, scope: Scope, name: str, port: int) -> bool:
    """Whether something that the scope sees has `name` as its own: the exact name wins (S-45)."""
    if is_called(mesh, scope, name):
        return True
    if port != HTTP_PORT or name not in mesh.virtual_services.hosts:
        return False
    return any(
        name in routed_hosts(mesh.virtual_services.objects[key])
        for key in routes_of(mesh, scope, name)
    )


def answers(mesh: Mesh, scope: Scope, service: Service, address: str, port: int) -> bool:
    """Whether, of all services that the scope sees with `address` and `port`, `service` is the
    one that answers there: the oldest.
    """
    claims = mesh.services.claims(address, port)
    older = takewhile(lambda claim: claim != service, claims)
    return not any(_is_seen(mesh, scope, claim) for claim in older)


def _is_seen(mesh: Mesh, scope: Scope, service: Service) -> bool:
    found = seen_service(mesh, scope, service.host)
    return found is not None and found.service == service and found.exposure != NOWHERE
