"""The HTTP filters of each side, in the order in which a request meets them."""

from collections.abc import Iterable

from translator.filters import cors, fault, router, upstream_alpn
from translator.http_messages import HttpFilter


def outbound_filters(guards: Iterable[HttpFilter] = ()) -> tuple[HttpFilter, ...]:
    """Of a client's side: what a VirtualService asks for. At a gateway `guards` say who
    may call.
    """
    return (
        *guards,  # before anything is answered, preflights too (S-91)
        cors.http_filter(),  # answers preflights, before any fault can hit them
        fault.http_filter(),  # delays and aborts, before anything is sent upstream
        upstream_alpn.http_filter(),  # says what is sent upstream
        router.http_filter(),  # forwards; always the last
    )


def inbound_filters(guards: Iterable[HttpFilter] = ()) -> tuple[HttpFilter, ...]:
    """Of a server's side: `guards` say who may call."""
    return (*guards, router.http_filter())  # forwards; always the last
