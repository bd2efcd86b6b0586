"""Who signs in a mesh and who is trusted, now: one value, and those who have to know when it is
another.
"""

from collections.abc import Awaitable, Callable

from cryptography import x509

from ca.authority import Authority
from ca.rotation import Rotation


class Trust:
    """Belongs to one event loop."""

    def __init__(self, rotation: Rotation) -> None:
        self.rotation = rotation
        self._followers: list[Callable[[], Awaitable[None]]] = []

    @property
    def signer(self) -> Authority:
        """What signs workloads' certificates."""
        return self.rotation.signer

    @property
    def server(self) -> Authority:
        """What signs the control plane's own certificate."""
        return self.rotation.server

    @property
    def roots(self) -> tuple[x509.Certificate, ...]:
        """What is trusted."""
        return self.rotation.roots

    def follow(self, follower: Callable[[], Awaitable[None]]) -> None:
        """Has `follower` called after each change, in the order in which they were given."""
        self._followers.append(follower)

    async def adopt(self, rotation: Rotation) -> None:
        """Puts another state in the place of this one; returns once everybody has followed."""
        self.rotation = rotation
        for follower in self._followers:
            await follower()
