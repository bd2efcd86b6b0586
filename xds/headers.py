"""The headers of a request, of whoever sent it."""

from collections.abc import Iterable
from typing import Final

from xds.errors import TooMuch

MAX_HEADERS: Final = 100
"""gRPC's own bound on their size does not hold for a client that never ends them: a hundred
thousand arrive here.
"""


def headers(given: Iterable[tuple[str, str | bytes]] | None) -> dict[str, str]:
    """By name, without binary ones; raises `TooMuch`. A header that was sent more than once is
    joined with commas.
    """
    found: dict[str, str] = {}
    listed = tuple(given or ())
    if len(listed) > MAX_HEADERS:
        raise TooMuch(f"more than {MAX_HEADERS} headers")
    for name, value in listed:
        if isinstance(value, str):
            found[name] = f"{found[name]},{value}" if name in found else value
    return found
