"""The admin port of a proxy: what of it may be read from elsewhere, and how it is reached.

Only pages that show something are ever asked for, each by its exact name and with the parameters
that it has: the port also ends the process and drains its listeners.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from socket import socket
from typing import Final
from urllib.parse import urlencode

from heddle.proxies.exchange import ANSWER_SECONDS, Answer, exchange

ADMIN_PORT: Final = 15000
"""Of a pod, on its own loopback; in proxy-port mode on its address."""

PAGES: Final[Mapping[str, frozenset[str]]] = {
    "config_dump": frozenset({"resource", "mask", "name_regex", "include_eds"}),
    "clusters": frozenset({"format"}),
    "listeners": frozenset({"format"}),
    "certs": frozenset(),
    "server_info": frozenset(),
    "stats": frozenset({"filter", "format", "type", "usedonly", "histogram_buckets"}),
    "ready": frozenset(),
}
"""What may be read, and its parameters."""
_LONGEST_QUERY: Final = 2048

ToAdmin = Callable[[str, str, str | None], AbstractAsyncContextManager[socket]]
"""A connection to the admin port of a pod, by namespace and name, for whom a header `Authorization`
proves; without one, for who runs this control plane. Raises `OSError` or `ApiError`.
"""


class NotReadable(Exception):
    """What was asked for is not among the pages that may be read."""


async def read_admin(connected: socket, page: str, query: Mapping[str, str]) -> Answer:
    """A page of an admin port. Raises `NotReadable` before anything is sent, and `OSError`."""
    path = path_of(page, query)
    return await exchange(connected, path, {"host": "localhost"}, seconds=ANSWER_SECONDS)


def path_of(page: str, query: Mapping[str, str]) -> str:
    """The page's address; raises `NotReadable`."""
    known = PAGES.get(page)
    if known is None:
        raise NotReadable(f"a proxy's {page!r} is not shown; there are: {', '.join(PAGES)}")
    if other := sorted(query.keys() - known):
        raise NotReadable(f"{page} has no parameter {other[0]!r}")
    encoded = urlencode(query)
    if len(encoded) > _LONGEST_QUERY:
        raise NotReadable("the parameters are too long")
    return f"/{page}?{encoded}" if encoded else f"/{page}"
