"""What the VirtualServices of a Gateway make of its servers: the rules of each host, and where
connections go.

Unlike on sidecars, the VirtualServices of one host are merged at a gateway: the rules of all of
them count, those of the oldest first (istio-api.md S-8).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from crds.meta import Key
from crds.virtual_service import VirtualService
from mesh import hosts
from mesh.gateway_servers import ANY_NAMESPACE, GatewayServer, intersection
from mesh.l4_routing import L4Rule, tcp_rules, tls_rules
from mesh.mesh import Mesh
from mesh.routing import At, HttpRule, http_rules
from mesh.scope import Scope

ANY_HOST = "*"


@dataclass(frozen=True, slots=True)
class RoutedBy:
    """A VirtualService at a server of a Gateway; `port` is the one that clients see."""

    virtual_service: Key
    gateway: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayHost:
    """A host, or wildcard, of a route table. `redirects`: plain requests are sent to HTTPS."""

    host: str
    port: int
    redirects: bool = False
    routed_by: tuple[RoutedBy, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """What a server does with connections; of its rules the first that matches counts.

    Rules of an HTTPS server have no targets: its requests are routed one by one.
    """

    server: GatewayServer
    rules: tuple[L4Rule, ...]


def bound(
    mesh: Mesh, namespace: str, server: GatewayServer
) -> Iterator[tuple[Key, VirtualService, tuple[str, ...]]]:
    """The VirtualServices that gateways of `namespace` obey at a server, in the order in which they
    count, each with the hosts that it has there.
    """
    index = mesh.virtual_services
    for key in index.ranked(index.gateways.get(server.gateway_name, ()), namespace):
        found = index.objects[key]
        shared = shared_hosts(server, found)
        if shared:
            yield key, found, shared


def shared_hosts(server: GatewayServer, virtual_service: VirtualService) -> tuple[str, ...]:
    """The hosts of a VirtualService that the server has, for the namespace that it is in."""
    own = virtual_service.meta.namespace
    allowed = (host for namespace, host in server.hosts if namespace in (ANY_NAMESPACE, own))
    return intersection((hosts.resolve(host, own) for host in virtual_service.hosts), allowed)


def http_hosts(
    mesh: Mesh, namespace: str, servers: Iterable[GatewayServer]
) -> tuple[GatewayHost, ...]:
    """The hosts of servers that share a route table, in the order of their names; `*`, for all
    others, is always one of them.
    """
    return merged_hosts(server_hosts(mesh, namespace, server) for server in servers)


def server_hosts(mesh: Mesh, namespace: str, server: GatewayServer) -> tuple[GatewayHost, ...]:
    """The hosts of one server; one that several VirtualServices have comes several times."""
    port, redirects = server.server.port.number, server.server.redirects
    routed = (
        GatewayHost(
            host=host,
            port=port,
            redirects=redirects,
            routed_by=(RoutedBy(key, server.gateway_name, port),),
        )
        for key, virtual_service, shared in bound(mesh, namespace, server)
        for host in (shared if virtual_service.http else ())
    )
    named = server.names if redirects else ()
    return (*routed, *(GatewayHost(host=host, port=port, redirects=True) for host in named))


def merged_hosts(listed: Iterable[tuple[GatewayHost, ...]]) -> tuple[GatewayHost, ...]:
    """The hosts of several servers, each once."""
    found: dict[str, GatewayHost] = {}
    for hosts_of_server in listed:
        for host in hosts_of_server:
            known = found.get(host.host)
            found[host.host] = host if known is None else _both(known, host)
    found.setdefault(ANY_HOST, GatewayHost(host=ANY_HOST, port=0))
    return tuple(found[host] for host in sorted(found))


def _both(first: GatewayHost, second: GatewayHost) -> GatewayHost:
    return GatewayHost(
        host=first.host,
        port=first.port,
        redirects=first.redirects or second.redirects,
        routed_by=tuple(dict.fromkeys((*first.routed_by, *second.routed_by))),
    )


def host_rules(mesh: Mesh, scope: Scope, host: GatewayHost) -> tuple[HttpRule, ...]:
    """The rules of all VirtualServices of a host, one after the other."""
    objects = mesh.virtual_services.objects
    return tuple(
        rule
        for by in host.routed_by
        for rule in http_rules(mesh, scope, objects[by.virtual_service], by.port, by.gateway)
    )


def chains(mesh: Mesh, scope: Scope, servers: Iterable[GatewayServer]) -> tuple[Chain, ...]:
    """What servers that share a port, and are not plain HTTP, do with connections. What two want
    belongs to the first.
    """
    return tuple(chain for server in servers for chain in _chains(mesh, scope, server))


def _chains(mesh: Mesh, scope: Scope, server: GatewayServer) -> Iterator[Chain]:
    names = _server_names(server.names) if server.server.terminates_tls else ()
    if server.server.is_https:
        yield Chain(server=server, rules=(L4Rule(targets=(), sni_hosts=names),))
        return
    for _, virtual_service, shared in bound(mesh, scope.namespace, server):
        at = At(server.gateway_name, server.server.port.number, virtual_service.meta.namespace)
        if server.server.passes_tls:
            rules = _passed(tls_rules(mesh, scope, virtual_service, at), shared)
        else:
            found = tcp_rules(mesh, scope, virtual_service, at)
            rules = tuple(replace(rule, sni_hosts=names) for rule in found)
        if rules:
            yield Chain(server=server, rules=rules)


def _passed(rules: Iterable[L4Rule], shared: tuple[str, ...]) -> tuple[L4Rule, ...]:
    """Only for the server names that the object has at the server."""
    narrowed = ((rule, intersection(rule.sni_hosts or ("*",), shared)) for rule in rules)
    return tuple(replace(rule, sni_hosts=_server_names(names)) for rule, names in narrowed if names)


def _server_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """As rules have them: `*` is no condition."""
    return () if "*" in names else names


def is_server_name(name: str) -> bool:
    """Whether Envoy can match it: a wildcard is a whole label."""
    return not hosts.is_wildcard(name) or name == "*" or name.startswith("*.")
