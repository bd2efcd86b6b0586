"""The listeners that take what the workload sends.

Redirected traffic arrives at one port, 15001; Envoy hands each connection over to the listener of
its original destination: `<virtual IP>_<port>` for TCP services, `0.0.0.0_<port>` for all HTTP
services on a port. These do not bind a port. What finds no listener is passed through or
blackholed. In proxy-port mode there is one HTTP listener instead, on the pod's own address.
"""

from collections.abc import Sequence

from envoy.config.core.v3.base_pb2 import TrafficDirection
from envoy.config.listener.v3.listener_components_pb2 import (
    Filter,
    FilterChain,
    FilterChainMatch,
    ListenerFilter,
)
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.extensions.filters.listener.http_inspector.v3.http_inspector_pb2 import HttpInspector
from google.protobuf.wrappers_pb2 import BoolValue

from mesh.routing import Missing, Target
from mesh.services import Port
from translator import names, pb, tcp_proxy
from translator.filters import outbound_filters
from translator.http_manager import http_manager

OUTBOUND_PORT = 15001
ANY_ADDRESS = "0.0.0.0"

_PLAINTEXT_HTTP = ("http/1.1", "h2c")


def http_listener(port: int, allow_any: bool = True, *, logged: bool = False) -> Listener:
    """All HTTP services on `port`. What turns out not to be HTTP is passed through or
    blackholed.
    """
    name = names.listener(ANY_ADDRESS, port)
    return Listener(
        name=name,
        address=pb.socket_address(ANY_ADDRESS, port),
        bind_to_port=BoolValue(value=False),
        traffic_direction=TrafficDirection.OUTBOUND,
        listener_filters=(_http_inspector(),),
        # The inspector waits for the first byte however long it takes: a client that connects
        # early and writes late must not slip past the routes.
        listener_filters_timeout=pb.seconds(0),
        filter_chains=(
            FilterChain(
                name="http",
                filter_chain_match=FilterChainMatch(application_protocols=_PLAINTEXT_HTTP),
                filters=(_requests(name, names.outbound_routes(port), logged),),
            ),
        ),
        default_filter_chain=FilterChain(name="other", filters=(_unmatched(allow_any, logged),)),
    )


def _requests(name: str, routes: str, logged: bool) -> Filter:
    return http_manager(f"outbound_{name}", routes, outbound_filters(), logged=logged)


def _http_inspector() -> ListenerFilter:
    return ListenerFilter(
        name="envoy.filters.listener.http_inspector", typed_config=pb.any_of(HttpInspector())
    )


def _unmatched(allow_any: bool, logged: bool) -> Filter:
    return tcp_proxy.to_cluster(names.PASSTHROUGH if allow_any else names.BLACKHOLE, logged=logged)


def tcp_listener(
    address: str, port: Port, targets: Sequence[Target | Missing], *, logged: bool = False
) -> Listener:
    """One service's port at one virtual IP."""
    return Listener(
        name=names.listener(address, port.number),
        address=pb.socket_address(address, port.number),
        bind_to_port=BoolValue(value=False),
        traffic_direction=TrafficDirection.OUTBOUND,
        filter_chains=(FilterChain(filters=(tcp_proxy.to_targets(targets, logged=logged),)),),
    )


def virtual_outbound(allow_any: bool, *, logged: bool = False) -> Listener:
    """Where redirected connections arrive. Those that were meant for this very port would loop:
    they are blackholed.
    """
    return Listener(
        name=names.VIRTUAL_OUTBOUND,
        address=pb.socket_address(ANY_ADDRESS, OUTBOUND_PORT),
        use_original_dst=BoolValue(value=True),
        traffic_direction=TrafficDirection.OUTBOUND,
        filter_chains=(
            FilterChain(
                name="virtualOutbound-blackhole",
                filter_chain_match=FilterChainMatch(destination_port=pb.uint32(OUTBOUND_PORT)),
                filters=(tcp_proxy.to_cluster(names.BLACKHOLE),),
            ),
            FilterChain(
                name="virtualOutbound-catchall-tcp", filters=(_unmatched(allow_any, logged),)
            ),
        ),
    )


def http_proxy(address: str, *, logged: bool = False) -> Listener:
    """The HTTP proxy port of proxy-port mode, on the pod's own address."""
    return Listener(
        name=names.HTTP_PROXY,
        address=pb.socket_address(address, OUTBOUND_PORT),
        traffic_direction=TrafficDirection.OUTBOUND,
        filter_chains=(
            FilterChain(filters=(_requests(names.HTTP_PROXY, names.HTTP_PROXY, logged),)),
        ),
    )
