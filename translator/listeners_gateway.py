"""The listeners of a gateway: one a port, with a filter chain for each server that speaks TLS."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from envoy.config.core.v3.base_pb2 import TrafficDirection
from envoy.config.listener.v3.listener_components_pb2 import (
    Filter,
    FilterChain,
    ListenerFilter,
)
from envoy.config.listener.v3.listener_pb2 import Listener

from mesh.gateway_routes import Chain
from mesh.gateway_servers import Family, GatewayListener, GatewayServer
from mesh.protection import OF_ANY_MESH, Membership
from translator import names, pb, tcp_proxy
from translator.detection import listener_filters
from translator.filter_chains import Entry, Targets, filter_chains, table
from translator.filters import outbound_filters
from translator.guards import NO_GUARDS, Guards
from translator.http_manager import http_manager
from translator.server_tls import ALPN_HTTP, server_tls


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What all servers of a gateway have in common; `membership` is the gateway's own. `draining`:
    its pod is about to end. Whoever is connected hears of it with the next answer, and whoever
    comes yet with the first one.
    """

    guards: Guards = NO_GUARDS
    membership: Membership = OF_ANY_MESH
    draining: bool = False


GATE = Gate()


def listener_name(listener: GatewayListener) -> str:
    """Istio's: the address and the port."""
    return names.listener(listener.bind, listener.port)


def route_configuration_name(listener: GatewayListener, server: GatewayServer) -> str:
    """Where the requests of a server are routed; empty if it takes connections as a whole."""
    if server.server.is_plain_http:
        return names.gateway_routes(listener.port, server.server.bind)
    if not server.server.is_https:
        return ""
    port = server.server.port
    return names.gateway_tls_routes(port.number, port.name, server.gateway_name)


def http_listener(listener: GatewayListener, gate: Gate = GATE) -> Listener:
    """A port of plain HTTP; its servers share one chain."""
    routes = route_configuration_name(listener, listener.servers[0])
    chain = FilterChain(filters=(_requests(listener, routes, gate),))
    return _listener(listener, (chain,), ())


def chained_listener(
    listener: GatewayListener, chains: Iterable[Chain], gate: Gate = GATE
) -> Listener | None:
    """A port of TLS, or of connections as such; nothing if it would take none. A connection that no
    chain takes is closed.
    """
    inspectors = listener_filters(tls=listener.family is Family.TLS, http=False)
    made = tuple(_filter_chains(listener, chains, gate))
    return _listener(listener, made, inspectors) if made else None


def _listener(
    listener: GatewayListener, chains: Iterable[FilterChain], filters: Iterable[ListenerFilter]
) -> Listener:
    return Listener(
        name=listener_name(listener),
        address=pb.endpoint_address(listener.bind, listener.port),
        traffic_direction=TrafficDirection.OUTBOUND,
        listener_filters=filters,
        filter_chains=chains,
    )


def _filter_chains(
    listener: GatewayListener, chains: Iterable[Chain], gate: Gate
) -> Iterator[FilterChain]:
    taken: set[Entry] = set()
    for chain in chains:
        mine = {entry: to for entry, to in table(chain.rules).items() if entry not in taken}
        taken.update(mine)
        server = chain.server.server
        ends = server.tls if server.terminates_tls else None
        alpn = ALPN_HTTP if server.is_https else ()
        socket = server_tls(ends, alpn, gate.membership) if ends else None
        to_targets = partial(_connections, listener, chain.server, gate)
        only_tls = listener.family is Family.TLS
        of = chain.server.gateway
        yield from filter_chains(mine, to_targets, socket, only_tls=only_tls, of=of)


def _connections(
    listener: GatewayListener, server: GatewayServer, gate: Gate, to: Targets
) -> tuple[Filter, ...]:
    routes = route_configuration_name(listener, server)
    if routes:
        return (_requests(listener, routes, gate),)
    return (*gate.guards.connections, tcp_proxy.to_targets(to))


def _requests(listener: GatewayListener, routes: str, gate: Gate) -> Filter:
    return http_manager(
        f"outbound_{listener_name(listener)}",
        routes,
        outbound_filters(gate.guards.requests),
        edge=True,
        paths=gate.guards.paths,
        most_requests=1 if gate.draining else None,
    )
