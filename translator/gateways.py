"""What a gateway holds beside the clusters: listeners, and route configurations of merged servers.

Nothing here is kept: whoever keeps parts (heddle/gateway_part.py) decides what to make again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from envoy.config.core.v3.base_pb2 import DataSource
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.route.v3.route_components_pb2 import (
    DirectResponseAction,
    Route,
    RouteMatch,
    VirtualHost,
)
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret

from mesh.gateway_routes import Chain, GatewayHost
from mesh.gateway_servers import Family, GatewayListener, GatewayServer
from mesh.routing import HttpRule
from translator import listeners_gateway, names, routes, server_tls
from translator.listeners_gateway import GATE, Gate, route_configuration_name

_NO_HOST = "no Gateway has a VirtualService for this host\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A route configuration, and the servers whose requests it routes."""

    name: str
    servers: tuple[GatewayServer, ...]


def tables(listeners: Iterable[GatewayListener]) -> tuple[Table, ...]:
    """The route configurations of a gateway, by name."""
    found: dict[str, dict[GatewayServer, None]] = {}
    for listener in listeners:
        for server in listener.servers:
            name = route_configuration_name(listener, server)
            if name:
                found.setdefault(name, {})[server] = None
    return tuple(Table(name=name, servers=tuple(found[name])) for name in sorted(found))


def listener(
    gateway: GatewayListener, chains: Sequence[Chain], gate: Gate = GATE
) -> Listener | None:
    """The listener of one port; nothing if no server there can take a connection."""
    if gateway.family is Family.HTTP:
        return listeners_gateway.http_listener(gateway, gate)
    return listeners_gateway.chained_listener(gateway, chains, gate)


def file_secrets(listeners: Iterable[GatewayListener]) -> tuple[Secret, ...]:
    """The certificates that are in files of the proxy's container."""
    found = {
        secret.name: secret
        for listener in listeners
        for server in listener.servers
        if server.server.tls is not None and server.server.terminates_tls
        for secret in server_tls.file_secrets(server.server.tls)
    }
    return tuple(found[name].message() for name in sorted(found))


def skeleton(table: Table, *, vhds: bool) -> RouteConfiguration:
    """A route configuration whose virtual hosts come by themselves, or are to be filled in."""
    return routes.route_configuration(table.name, vhds=vhds, stripped=routes.STRIPPED)


def virtual_host(table: str, host: GatewayHost, rules: Sequence[HttpRule]) -> VirtualHost | None:
    """One host of a route configuration: the rules of all its VirtualServices, those that take
    everything last. Nothing if there are no rules, and nothing to redirect.
    """
    if not rules and not host.redirects:
        return nothing_here(table) if host.host == names.CATCH_ALL else None
    domain = f"[{host.host}]" if ":" in host.host else host.host
    made = routes.virtual_host(table, names.host_port(host.host, host.port), (domain,), rules)
    return VirtualHost(
        name=made.name,
        domains=made.domains,
        routes=sorted(made.routes, key=_takes_everything),
        require_tls=VirtualHost.ALL if host.redirects else VirtualHost.NONE,
        include_request_attempt_count=True,
        metadata=made.metadata,
    )


def _takes_everything(route: Route) -> bool:
    match = route.match
    all_paths = match.prefix == "/" or match.safe_regex.regex in (".*", "/.*")
    return all_paths and not match.headers and not match.query_parameters


def nothing_here(table: str) -> VirtualHost:
    """Requests for hosts that no VirtualService routes: 404."""
    return VirtualHost(
        name=names.virtual_host(table, names.CATCH_ALL),
        domains=("*",),
        routes=(
            Route(
                name="blackhole",
                match=RouteMatch(prefix="/"),
                direct_response=DirectResponseAction(
                    status=404, body=DataSource(inline_string=_NO_HOST)
                ),
            ),
        ),
        include_request_attempt_count=True,
    )
