"""The listeners that take what is sent to the workload.

Redirected traffic arrives at port 15006 and finds its filter chain by its original destination
port. In proxy-port mode each port of the workload has a listener of its own instead, at that port +
20000 on the pod's own address.
"""

from collections.abc import Iterable

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
from translator import names, pb, tcp_proxy
from translator.filters import inbound_filters
from translator.http_manager import http_manager
from translator.listeners_outbound import ANY_ADDRESS
from translator.routes import inbound_route_configuration

INBOUND_PORT = 15006


def virtual_inbound(ports: Iterable[InboundPort], *, logged: bool = False) -> Listener:
    """Where redirected connections arrive. Ports of no service are passed through to the workload;
    connections that were meant for this very port would loop and are blackholed.
    """
    return Listener(
        name=names.VIRTUAL_INBOUND,
        address=pb.socket_address(ANY_ADDRESS, INBOUND_PORT),
        traffic_direction=TrafficDirection.INBOUND,
        listener_filters=(_original_destination(),),
        filter_chains=(
            FilterChain(
                name="virtualInbound-blackhole",
                filter_chain_match=_at(INBOUND_PORT),
                filters=(tcp_proxy.to_cluster(names.BLACKHOLE),),
            ),
            *(
                FilterChain(
                    name=names.listener(ANY_ADDRESS, port.number),
                    filter_chain_match=_at(port.number),
                    filters=(_to_workload(port, logged),),
                )
                for port in ports
                if port.number != INBOUND_PORT
            ),
        ),
        default_filter_chain=FilterChain(
            name="virtualInbound-catchall",
            filters=(tcp_proxy.to_cluster(names.INBOUND_PASSTHROUGH, logged=logged),),
        ),
    )


def _original_destination() -> ListenerFilter:
    # Not `use_original_dst`: that would hand the connection over to an outbound listener.
    return ListenerFilter(
        name="envoy.filters.listener.original_dst", typed_config=pb.any_of(OriginalDst())
    )


def _at(port: int) -> FilterChainMatch:
    return FilterChainMatch(destination_port=pb.uint32(port))


def _to_workload(port: InboundPort, logged: bool) -> Filter:
    if not port.protocol.is_http:
        return tcp_proxy.to_cluster(names.inbound_cluster(port.number), logged=logged)
    return http_manager(
        f"inbound_{names.listener(ANY_ADDRESS, port.number)}",
        inbound_route_configuration(port.number),
        inbound_filters(),
        logged=logged,
    )


def inbound_listener(address: str, port: InboundPort, *, logged: bool = False) -> Listener:
    """One port of the workload in proxy-port mode."""
    number = port.number + PROXY_PORT_OFFSET
    return Listener(
        name=names.listener(address, number),
        address=pb.socket_address(address, number),
        traffic_direction=TrafficDirection.INBOUND,
        filter_chains=(FilterChain(filters=(_to_workload(port, logged),)),),
    )
