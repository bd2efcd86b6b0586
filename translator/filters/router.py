"""The filter that forwards the request."""

from envoy.extensions.filters.http.router.v3.router_pb2 import Router

from translator import pb
from translator.http_messages import HttpFilter


def http_filter() -> HttpFilter:
    """With Envoy's defaults."""
    return HttpFilter(name="envoy.filters.http.router", typed_config=pb.any_of(Router()))
