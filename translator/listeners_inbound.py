"""The listeners that take what is sent to the workload.

Redirected traffic arrives at port 15006 and finds its filter chain by its original destination
port. In proxy-port mode each port of the workload has a listener of its own instead, at that port +
20000 on the pod's own address. Where a port does not say what it speaks, and at ports of no
service, that is detected.
"""

from collections.abc import Iterable, Iterator

from envoy.config.core.v3.base_pb2 import TrafficDirection
from envoy.config.listener.v3.listener_components_pb2 import (
    Filter,
    FilterChain,
    FilterChainMatch,
    ListenerFilter,
)
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.extensions.filters.listener.original_dst.v3.original_dst_pb2 import OriginalDst

from mesh.endpoints import PROXY_PORT_OFFSET
from mesh.inbound import InboundPort
from mesh.services import SERVER_FIRST_PORTS, Protocol
from translator import detection, names, pb, tcp_proxy
from translator.filters import inbound_filters
from translator.http_manager import http_manager
from translator.listeners_outbound import ANY_ADDRESS, SETTINGS, Settings, any_ipv6
from translator.routes import inbound_passthrough_routes, inbound_route_configuration

INBOUND_PORT = 15006


def virtual_inbound(ports: Iterable[InboundPort], settings: Settings = SETTINGS) -> Listener:
    """Where redirected connections arrive. Ports of no service are passed through to the workload;
    connections that were meant for this very port would loop and are blackholed.
    """
    own = [port for port in ports if port.number != INBOUND_PORT]
    # Requests do not mind being looked at first, so only opaque ports are left out: a change of the
    # list makes Envoy drain the whole listener, and not only one filter chain.
    opaque = {port.number for port in own if not (port.protocol.is_http or _is_detected(port))}
    return Listener(
        name=names.VIRTUAL_INBOUND,
        address=pb.socket_address(ANY_ADDRESS, INBOUND_PORT),
        additional_addresses=any_ipv6(INBOUND_PORT, settings),
        traffic_direction=TrafficDirection.INBOUND,
        listener_filters=(
            _original_destination(),
            detection.http_inspector(opaque | (SERVER_FIRST_PORTS - {p.number for p in own})),
        ),
        listener_filters_timeout=detection.timeout(settings.detection_timeout),
        continue_on_listener_filters_timeout=detection.ends(settings.detection_timeout),
        filter_chains=(
            FilterChain(
                name="virtualInbound-blackhole",
                filter_chain_match=FilterChainMatch(destination_port=pb.uint32(INBOUND_PORT)),
                filters=(tcp_proxy.to_cluster(names.BLACKHOLE),),
            ),
            *(chain for port in own for chain in _chains(port, port.number, settings.logged)),
            FilterChain(
                name="virtualInbound-catchall-http",
                filter_chain_match=FilterChainMatch(application_protocols=detection.PLAINTEXT_HTTP),
                filters=(
                    http_manager(
                        f"inbound_{names.VIRTUAL_INBOUND}",
                        inbound_passthrough_routes(),
                        inbound_filters(),
                        logged=settings.logged,
                    ),
                ),
            ),
        ),
        default_filter_chain=FilterChain(
            name="virtualInbound-catchall",
            filters=(tcp_proxy.to_cluster(names.INBOUND_PASSTHROUGH, logged=settings.logged),),
        ),
    )


def _is_detected(port: InboundPort) -> bool:
    return port.protocol is Protocol.UNSPECIFIED


def _original_destination() -> ListenerFilter:
    # Not `use_original_dst`: that would hand the connection over to an outbound listener.
    return ListenerFilter(
        name="envoy.filters.listener.original_dst", typed_config=pb.any_of(OriginalDst())
    )


def _chains(port: InboundPort, destination: int, logged: bool) -> Iterator[FilterChain]:
    """The chains of one port; `destination` is matched, 0 is any."""
    name = names.listener(ANY_ADDRESS, port.number)
    at = pb.uint32(destination) if destination else None
    if _is_detected(port):
        yield FilterChain(
            name=f"{name}-http",
            filter_chain_match=FilterChainMatch(
                destination_port=at, application_protocols=detection.PLAINTEXT_HTTP
            ),
            filters=(_requests(port, logged),),
        )
    filters = (_requests(port, logged),) if port.protocol.is_http else _bytes(port, logged)
    yield FilterChain(
        name=name,
        filter_chain_match=FilterChainMatch(destination_port=at) if at else None,
        filters=filters,
    )


def _bytes(port: InboundPort, logged: bool) -> tuple[Filter, ...]:
    cluster = names.inbound_cluster(port.number)
    observers = tcp_proxy.observers(port.protocol, cluster)
    return (*observers, tcp_proxy.to_cluster(cluster, logged=logged))


def _requests(port: InboundPort, logged: bool) -> Filter:
    return http_manager(
        f"inbound_{names.listener(ANY_ADDRESS, port.number)}",
        inbound_route_configuration(port.number),
        inbound_filters(),
        logged=logged,
    )


def entrance(address: str, port: InboundPort, settings: Settings = SETTINGS) -> Listener:
    """Where one port of the workload is called in proxy-port mode."""
    return inbound_listener(address, port.number + PROXY_PORT_OFFSET, port, settings)


def inbound_listener(
    address: str, number: int, port: InboundPort, settings: Settings = SETTINGS
) -> Listener:
    """One port of the workload as the sidecar takes it at an address of its own."""
    *requests, last = _chains(port, 0, settings.logged)
    detected = bool(requests)
    return Listener(
        name=names.listener(address, number),
        address=pb.socket_address(address, number),
        traffic_direction=TrafficDirection.INBOUND,
        listener_filters=(detection.http_inspector(),) if detected else (),
        listener_filters_timeout=detection.timeout(settings.detection_timeout)
        if detected
        else None,
        continue_on_listener_filters_timeout=detected
        and detection.ends(settings.detection_timeout),
        filter_chains=requests or (last,),
        default_filter_chain=last if detected else None,
    )
