"""What is a gateway's own: its listeners, and its hosts by route configuration.

What VirtualServices decide comes host by host: who keeps translations (heddle/gateway_part.py)
makes only those again where something changed.
"""

from dataclasses import dataclass

from envoy.config.route.v3.route_components_pb2 import VirtualHost

from mesh.gateway_routes import GatewayHost, chains, host_rules, http_hosts
from mesh.gateway_servers import Family, Merged, merged
from mesh.mesh import Mesh
from mesh.protection import protection_of
from mesh.proxy import Proxy
from mesh.scope import gateway_scope
from translator import gateways, parts
from translator.config import Config, joined
from translator.gateways import Table
from translator.guards import guards
from translator.jwks_clusters import jwks_clusters, jwks_secrets
from translator.listeners_gateway import Gate


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """The servers of a gateway, and the route configurations of their requests."""

    servers: Merged
    tables: tuple[Table, ...]


def served(mesh: Mesh, proxy: Proxy) -> Served:
    """What a gateway serves, whatever VirtualServices there are."""
    servers = merged(mesh.gateways, mesh.services, mesh.credentials, proxy)
    return Served(servers=servers, tables=gateways.tables(servers.listeners))


def frame(mesh: Mesh, proxy: Proxy, given: Served, *, vhds: bool = True) -> Config:
    """All of a gateway but its virtual hosts. Without `vhds` the route configurations are to be
    filled with them.
    """
    scope, listeners = gateway_scope(proxy), given.servers.listeners
    paths, settings = mesh.config.path_normalization.normalization, parts.defaults(mesh.config)
    protection = protection_of(mesh, proxy)
    gate = Gate(
        guards=guards(protection, paths, reroute=True),
        membership=protection.membership,
        draining=proxy.draining,
    )
    made = (
        gateways.listener(
            each,
            () if each.family is Family.HTTP else chains(mesh, scope, each.servers),
            gate,
        )
        for each in listeners
    )
    return Config(
        clusters=tuple(jwks_clusters(protection.issuers, settings)),
        listeners=tuple(listener for listener in made if listener is not None),
        routes=tuple(gateways.skeleton(table, vhds=vhds) for table in given.tables),
        secrets=(*gateways.file_secrets(listeners), *jwks_secrets(protection.issuers)),
    )


def virtual_host(mesh: Mesh, proxy: Proxy, table: str, host: GatewayHost) -> VirtualHost | None:
    """A host of a route configuration; nothing if none of its rules can apply there."""
    return gateways.virtual_host(table, host, host_rules(mesh, gateway_scope(proxy), host))


def whole(mesh: Mesh, proxy: Proxy, *, vhds: bool = True) -> Config:
    """All of a gateway's own, made from nothing."""
    given = served(mesh, proxy)
    made = (
        virtual_host(mesh, proxy, table.name, host)
        for table in given.tables
        for host in http_hosts(mesh, proxy.namespace, table.servers)
    )
    hosts = Config(virtual_hosts=tuple(host for host in made if host is not None))
    return joined((frame(mesh, proxy, given, vhds=vhds), hosts))
