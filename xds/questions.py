"""Questions to the server's owner on a stream of state-of-the-world ADS, by type URL.

Tools that look at a control plane have no other way to it than the port that its clients use, so
they ask there, for a type that is no resource. The owner hands in what answers; a stream whose
first request is for such a type is served by that alone, and ends soon.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from envoy.config.core.v3 import base_pb2
from envoy.service.discovery.v3 import discovery_pb2

from xds.auth import Identity, Selection
from xds.errors import BadRequest, Reconnect, Unserved

NO_SOTW: Final = "state of the world is not served: set api_type DELTA_GRPC"

Answer = Callable[[Sequence[str], Identity], Awaitable[discovery_pb2.DiscoveryResponse]]
"""Gives the answer to a question about these names by who has proved to be this; type, version and
nonce are the server's business. Raises a `StreamEnded`, such as `Forbidden`.
"""
Read = Callable[[], Awaitable[discovery_pb2.DiscoveryRequest | None]]
"""The next request, or `None` when the client has hung up."""
Write = Callable[[bytes], Awaitable[None]]


async def answered(
    first: discovery_pb2.DiscoveryRequest,
    answer: Answer,
    identity: Identity,
    *,
    read: Read,
    write: Write,
    seconds: float,
) -> None:
    """Answers a stream of questions of one type, until the client has had enough or its time is
    over. Raises `StreamEnded`.
    """
    request: discovery_pb2.DiscoveryRequest | None = first
    nonce, number = "", 0
    try:
        async with asyncio.timeout(seconds):
            while request is not None:
                if request.type_url != first.type_url:
                    raise BadRequest("this stream is for questions of one type")
                if not nonce or request.response_nonce != nonce:  # else it says that it has got it
                    number += 1
                    nonce = str(number)
                    response = await answer(tuple(request.resource_names), identity)
                    response.type_url = first.type_url
                    response.version_info = response.nonce = nonce
                    await write(response.SerializeToString())
                request = await read()
    except TimeoutError:
        raise Reconnect("no question takes that long: ask again") from None


async def questions_only(node: base_pb2.Node, identity: Identity) -> Selection:
    """The `Resolver` of a server that answers questions in state of the world, and serves no
    resources so.
    """
    del node, identity
    raise Unserved(NO_SOTW)
