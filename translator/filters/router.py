"""The filter that forwards the request."""

from envoy.extensions.filters.http.router.v3.router_pb2 import Router
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpFilter,
)

from translator import pb


def http_filter() -> HttpFilter:
    """With Envoy's defaults."""
    return HttpFilter(name="envoy.filters.http.router", typed_config=pb.any_of(Router()))
