"""What the owner of a server hands in: who a client is, and which parts it is to have."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Protocol

from envoy.config.core.v3 import base_pb2

from xds.publisher import PartKey


class Identity(Protocol):
    """Who the client proved to be. The node that it claims to be is another matter."""

    @property
    def name(self) -> str:
        """For people: status and logs."""

    @property
    def expires_at(self) -> float | None:
        """When its credentials end and with them the stream, in unix seconds."""


class Authenticator(Protocol):
    """Checks a client's credentials before a byte of its requests is read."""

    async def __call__(self, metadata: Mapping[str, str], peer: str) -> Identity:
        """The identity; raises `Unauthenticated`, whose message the client never sees.

        `metadata` has lower-case names; a header that was sent twice is joined with a comma, which
        no credential survives. `peer` is the transport's address.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What one stream serves: its parts, for as long as it lasts. No two of them may have a name of
    one type in common: a client rejects a response that brings a name twice (X-100).

    `key` is the owner's own note about the client; the server only carries it. `principal` is who
    answers for the client: a service account, say, that many clients have. What two principals
    reject may be kept from other clients of the same release; `None` never counts for that.
    `private` are those of the parts that no other stream has: they are dropped when this one ends.
    """

    parts: tuple[PartKey, ...]
    key: Hashable = None
    principal: Hashable = None
    private: tuple[PartKey, ...] = ()


class Resolver(Protocol):
    """Decides what a node is served."""

    async def __call__(self, node: base_pb2.Node, identity: Identity) -> Selection:
        """The parts, which must exist by then.

        Raises `Forbidden` for a node that the identity may not be, `NotReady` if there is nothing
        to serve yet.
        """


Inspector = Callable[[Identity], bool]
"""Whether that client may see the status of all clients."""


def nobody(identity: Identity) -> bool:
    """The `Inspector` that lets nobody look."""
    del identity
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Anybody:
    """An identity that proves nothing: for tests, and for servers that only listen on loopback."""

    name: str = "anybody"
    expires_at: float | None = None


async def accept_anybody(metadata: Mapping[str, str], peer: str) -> Identity:
    """The `Authenticator` that asks for nothing."""
    del metadata, peer
    return Anybody()
