"""What is a gateway's own: its listeners, and its hosts by route configuration.

The hosts are listed first, cheaply, and translated one by one: who keeps translations
(heddle/gateway_part.py) does the second step only where something changed.
"""

from dataclasses import dataclass

from envoy.config.route.v3.route_components_pb2 import VirtualHost

from mesh.gateway_routes import GatewayHost, chains, host_rules, http_hosts
from mesh.gateway_servers import Family, Merged, merged
from mesh.mesh import Mesh
from mesh.proxy import Proxy
from mesh.scope import gateway_scope
from translator import gateways
from translator.config import Config, joined


@dataclass(frozen=True, slots=True)
class Place:
    """A host in a route configuration."""

    table: str
    host: GatewayHost


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """What a gateway listens on and `frame`s its routes with, and the hosts that it has."""

    servers: Merged
    frame: Config
    places: tuple[Place, ...]


def gateway(mesh: Mesh, proxy: Proxy, *, vhds: bool = True) -> Gateway:
    """All of a gateway but the virtual hosts of its `places`. Without `vhds` the route
    configurations are to be filled with them.
    """
    servers = merged(mesh.gateways, mesh.services, mesh.credentials, proxy)
    scope = gateway_scope(proxy)
    made = (
        gateways.listener(
            each, () if each.family is Family.HTTP else chains(mesh, scope, each.servers)
        )
        for each in servers.listeners
    )
    tables = gateways.tables(servers.listeners)
    hosts = {t.name: http_hosts(mesh, proxy.namespace, t.servers) for t in tables}
    return Gateway(
        servers=servers,
        frame=Config(
            listeners=tuple(listener for listener in made if listener is not None),
            routes=tuple(gateways.skeleton(table, vhds=vhds) for table in tables),
            secrets=gateways.file_secrets(servers.listeners),
            virtual_hosts=tuple(
                gateways.nothing_here(name)
                for name, listed in hosts.items()
                if not any(each.host == "*" for each in listed)
            ),
        ),
        places=tuple(Place(name, each) for name, listed in hosts.items() for each in listed),
    )


def place(mesh: Mesh, proxy: Proxy, where: Place) -> VirtualHost | None:
    """The virtual host at one place; nothing if none of its rules can apply there."""
    rules = host_rules(mesh, gateway_scope(proxy), where.host)
    return gateways.virtual_host(where.table, where.host, rules)


def whole(mesh: Mesh, proxy: Proxy, *, vhds: bool = True) -> Config:
    """All of a gateway's own, made from nothing."""
    made = gateway(mesh, proxy, vhds=vhds)
    hosts = (place(mesh, proxy, where) for where in made.places)
    return joined((made.frame, Config(virtual_hosts=tuple(h for h in hosts if h is not None))))
