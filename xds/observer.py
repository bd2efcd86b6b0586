"""Who is told what happens on a stream: metrics, logs, nobody."""

from typing import Protocol

from xds.containment import Quarantined
from xds.standing import Nack


class Observer(Protocol):
    """Is told what happens on a stream. Must not block, and must not call back."""

    def sent(self, type_url: str, size: int) -> None:
        """A response of `size` bytes was handed out."""

    def acked(self, type_url: str, seconds: float) -> None:
        """The client accepted a response, so long after it was handed out."""

    def rejected(self, nack: Nack) -> None:
        """The client rejected a response."""

    def quarantined(self, what: Quarantined) -> None:
        """A resource is from now on kept from the client."""

    def lifted(self, type_url: str, count: int) -> None:
        """So many resources are no longer kept from it: they changed, or the stream has ended."""

    def stale(self, type_url: str) -> None:
        """The client answered a response that this stream is not waiting for."""


class NoObserver:
    """Tells nobody."""

    def sent(self, type_url: str, size: int) -> None:
        """See `Observer`."""

    def acked(self, type_url: str, seconds: float) -> None:
        """See `Observer`."""

    def rejected(self, nack: Nack) -> None:
        """See `Observer`."""

    def quarantined(self, what: Quarantined) -> None:
        """See `Observer`."""

    def lifted(self, type_url: str, count: int) -> None:
        """See `Observer`."""

    def stale(self, type_url: str) -> None:
        """See `Observer`."""
