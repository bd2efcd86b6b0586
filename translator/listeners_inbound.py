"""The listeners that take what is sent to the workload.

Redirected traffic arrives at port 15006 and finds its filter chain by its original destination
port. In proxy-port mode each port of the workload has a listener of its own instead, at that port +
20000 on the pod's own address. Where a port does not say what it speaks, and at ports of no
service, that is detected.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from envoy.config.core.v3.base_pb2 import TrafficDirection
from envoy.config.listener.v3.listener_components_pb2 import (
    FilterChain,
    FilterChainMatch,
    ListenerFilter,
)
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from envoy.extensions.filters.listener.original_dst.v3.original_dst_pb2 import OriginalDst

from crds.peer_authentication import Mode
from crds.server_tls import ServerTLSSettings
from mesh.endpoints import PROXY_PORT_OFFSET
from mesh.inbound import InboundPort
from mesh.protection import UNGUARDED, Protection
from mesh.services import SERVER_FIRST_PORTS, Protocol
from translator import detection, names, pb, tcp_proxy
from translator.filters import inbound_filters
from translator.guards import Guards, guards
from translator.http_manager import http_manager
from translator.inbound_chains import Carriers, Door, chains, ended
from translator.listeners_outbound import ANY_ADDRESS, SETTINGS, Settings, any_ipv6
from translator.routes import inbound_passthrough_routes, inbound_route_configuration
from translator.server_tls import ALPN_HTTP, server_tls

INBOUND_PORT = 15006


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbound:
    """What all ports of a workload have in common. `draining`: the pod is about to end. Whoever is
    connected is told to go with the next answer (a filter chain that is replaced is drained), and
    whoever still comes has one request answered and is told the same. Nobody is refused: who calls
    may not have heard yet.
    """

    protection: Protection = UNGUARDED
    settings: Settings = SETTINGS
    draining: bool = False


INBOUND = Inbound()


def virtual_inbound(ports: Iterable[InboundPort], inbound: Inbound = INBOUND) -> Listener:
    """Where redirected connections arrive. Ports of no service are passed through to the workload,
    as guarded as the others; connections that were meant for this very port would loop and are
    blackholed.
    """
    own = [port for port in ports if port.number != INBOUND_PORT]
    # Requests do not mind being looked at first, so only opaque ports are left out: a change of the
    # list makes Envoy drain the whole listener, and not only one filter chain.
    opaque = {port.number for port in own if not (port.protocol.is_http or _is_detected(port))}
    server_first = SERVER_FIRST_PORTS - {port.number for port in own}
    modes = inbound.protection.modes
    guarded = _guarded(inbound)
    return Listener(
        name=names.VIRTUAL_INBOUND,
        address=pb.socket_address(ANY_ADDRESS, INBOUND_PORT),
        additional_addresses=any_ipv6(INBOUND_PORT, inbound.settings),
        traffic_direction=TrafficDirection.INBOUND,
        listener_filters=(
            _original_destination(),
            *detection.listener_filters(
                tls={modes.default, *modes.ports.values()} != {Mode.DISABLE}
                or any(port.tls is not None for port in own),
                http=True,
                except_at=opaque | server_first,
            ),
        ),
        listener_filters_timeout=detection.timeout(inbound.settings.detection_timeout),
        continue_on_listener_filters_timeout=detection.ends(inbound.settings.detection_timeout),
        filter_chains=(
            FilterChain(
                name="virtualInbound-blackhole",
                filter_chain_match=FilterChainMatch(destination_port=pb.uint32(INBOUND_PORT)),
                filters=(tcp_proxy.to_cluster(names.BLACKHOLE),),
            ),
            *(chain for port in own for chain in _chains(port, port.number, guarded)),
            *(
                chain
                for door in _unserved(own, inbound)
                for chain in _passed_through(door, guarded)
            ),
        ),
    )


def _is_detected(port: InboundPort) -> bool:
    return port.protocol is Protocol.UNSPECIFIED


def _original_destination() -> ListenerFilter:
    # Not `use_original_dst`: that would hand the connection over to an outbound listener.
    return ListenerFilter(
        name="envoy.filters.listener.original_dst", typed_config=pb.any_of(OriginalDst())
    )


@dataclass(frozen=True, slots=True)
class _Guarded:
    """What all ports have in common, with the filters that its policies come to: made once."""

    inbound: Inbound
    guards: Guards


def _guarded(inbound: Inbound, offset: int = 0) -> _Guarded:
    """`offset`: callers arrive that much higher than at the workload's own port."""
    made = guards(inbound.protection, inbound.settings.paths, offset=offset)
    return _Guarded(inbound, made)


def _chains(port: InboundPort, destination: int, guarded: _Guarded) -> tuple[FilterChain, ...]:
    """The chains of one port; `destination` is matched, 0 is any."""
    protection = guarded.inbound.protection
    door = Door(
        name=names.listener(ANY_ADDRESS, port.number),
        port=destination,
        protocol=port.protocol,
        mode=protection.modes.at(port.number),
        membership=protection.membership,
        by=protection.decider(port.number),
        sidecar=port.sidecar,
    )
    routes = inbound_route_configuration(port.number, port.protocol)
    cluster = names.inbound_cluster(port.number)
    carriers = _carriers(door.name, routes, cluster, port.protocol, guarded)
    if port.closed:
        return (ended(door, (tcp_proxy.to_cluster(names.BLACKHOLE),), None),)
    if port.tls is not None:
        return (_ended(door, carriers, port.tls),)
    return chains(door, carriers)


def _ended(door: Door, carriers: Carriers, tls: ServerTLSSettings) -> FilterChain:
    if door.protocol.is_http:
        return ended(door, (carriers.requests,), server_tls(tls, ALPN_HTTP))
    return ended(door, carriers.connections, server_tls(tls))


def _unserved(own: Iterable[InboundPort], inbound: Inbound) -> Iterator[Door]:
    """Ports of no service: those that have a mode of their own, and all others (S-32, S-36)."""
    protection = inbound.protection
    served = {INBOUND_PORT, *(port.number for port in own)}
    for number in (0, *(each for each in protection.listed_ports() if each not in served)):
        yield Door(
            name="virtualInbound-catchall" + (f"-{number}" if number else ""),
            port=number,
            protocol=Protocol.UNSPECIFIED,
            mode=protection.modes.at(number),
            membership=protection.membership,
            by=protection.decider(number),
        )


def _passed_through(door: Door, guarded: _Guarded) -> tuple[FilterChain, ...]:
    routes, cluster = inbound_passthrough_routes(), names.INBOUND_PASSTHROUGH
    return chains(door, _carriers(names.VIRTUAL_INBOUND, routes, cluster, door.protocol, guarded))


def _carriers(
    name: str, routes: RouteConfiguration, cluster: str, protocol: Protocol, guarded: _Guarded
) -> Carriers:
    guarding, logged = guarded.guards, guarded.inbound.settings.logged
    filters = inbound_filters(guarding.requests)
    plain, known = (
        http_manager(
            f"inbound_{name}",
            routes,
            filters,
            logged=logged,
            known=each,
            paths=guarding.paths,
            most_requests=1 if guarded.inbound.draining else None,
        )
        for each in (False, True)
    )
    return Carriers(
        requests=plain,
        known_requests=known,
        connections=(
            *guarding.connections,
            *tcp_proxy.observers(protocol, cluster),
            tcp_proxy.to_cluster(cluster, logged=logged),
        ),
    )


def entrance(address: str, port: InboundPort, inbound: Inbound = INBOUND) -> Listener:
    """Where one port of the workload is called in proxy-port mode."""
    return inbound_listener(address, port.number + PROXY_PORT_OFFSET, port, inbound)


def inbound_listener(
    address: str, number: int, port: InboundPort, inbound: Inbound = INBOUND
) -> Listener:
    """One port of the workload as the sidecar takes it at an address of its own."""
    filters = detection.listener_filters(
        tls=port.tls is not None or inbound.protection.modes.at(port.number) is not Mode.DISABLE,
        http=_is_detected(port),
    )
    return Listener(
        name=names.listener(address, number),
        address=pb.socket_address(address, number),
        traffic_direction=TrafficDirection.INBOUND,
        listener_filters=filters,
        listener_filters_timeout=detection.timeout(inbound.settings.detection_timeout)
        if filters
        else None,
        continue_on_listener_filters_timeout=(
            bool(filters) and detection.ends(inbound.settings.detection_timeout)
        ),
        filter_chains=_chains(port, 0, _guarded(inbound, number - port.number)),
    )
