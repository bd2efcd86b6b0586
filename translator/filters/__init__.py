"""The HTTP filters of each side, in the order in which a request meets them."""

from translator.filters import cors, fault, router
from translator.http_messages import HttpFilter


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
