"""The HTTP filters of each side, in the order in which a request meets them."""

from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpFilter,
)

from translator.filters import cors, fault, router


def outbound_filters() -> tuple[HttpFilter, ...]:
    """Of a client's side: what a VirtualService asks for."""
    return (
        cors.http_filter(),  # answers preflights, before any fault can hit them
        fault.http_filter(),  # delays and aborts, before anything is sent upstream
        router.http_filter(),  # forwards; always the last
    )


def inbound_filters() -> tuple[HttpFilter, ...]:
    """Of a server's side."""
    return (router.http_filter(),)  # forwards; always the last
