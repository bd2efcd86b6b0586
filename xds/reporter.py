"""Counts what happens to all clients, and logs what one of them rejects."""

import structlog

from xds.containment import Quarantined
from xds.metrics import Metrics
from xds.standing import Nack

log = structlog.get_logger(__name__)


class Reporter:
    """The `Observer` of one client's stream."""

    def __init__(self, metrics: Metrics, node: str, identity: str) -> None:
        self._metrics = metrics
        self._node = node
        self._identity = identity
        self.sent = metrics.sent
        self.acked = metrics.acked
        self.stale = metrics.stale

    def quarantined(self, what: Quarantined) -> None:
        """See `Observer`."""
        self._metrics.quarantined(what.type_url, 1)
        log.warning(
            "resource kept from the client until it changes",
            node=self._node,
            identity=self._identity,
            type=what.type_url,
            name=what.name,
            rejected_by="others of its release" if what.everyone else "the client",
            message=what.message,
        )

    def lifted(self, type_url: str, count: int) -> None:
        """See `Observer`."""
        self._metrics.quarantined(type_url, -count)

    def rejected(self, nack: Nack) -> None:
        """See `Observer`."""
        self._metrics.rejected(nack.type_url)
        say = log.info if nack.trial else log.warning
        say(
            "configuration rejected",
            node=self._node,
            identity=self._identity,
            type=nack.type_url,
            generation=nack.generation,
            message=nack.message,
        )
