"""Reads the typed configuration inside listeners."""

from envoy.config.listener.v3.listener_components_pb2 import Filter
from envoy.extensions.filters.network.tcp_proxy.v3.tcp_proxy_pb2 import TcpProxy

from translator.http_messages import HttpConnectionManager


def manager(filter_: Filter) -> HttpConnectionManager:
    made = HttpConnectionManager()
    assert filter_.typed_config.Unpack(made)
    return made


def tcp(filter_: Filter) -> TcpProxy:
    made = TcpProxy()
    assert filter_.typed_config.Unpack(made)
    return made
