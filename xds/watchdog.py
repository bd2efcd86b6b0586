"""Notices a client that never asks for clusters, and so would never be sent any (X-65).

Envoy asks for them first, or, while one that it has is warming, after the rest; but it can miss to,
and then only a new stream helps.
"""

from collections.abc import Collection

from xds.types import CDS


class ClusterWatchdog:
    """One stream's, sans-I/O."""

    def __init__(self, *, started: float, patience: float | None) -> None:
        """With the patience `None` it is never too late."""
        self._deadline = started + patience if patience is not None else None

    def deadline(self, asked: Collection[str]) -> float | None:
        """When it is too late for a client that asked for these types; `None` if never."""
        return self._deadline if asked and CDS not in asked else None

    def is_late(self, asked: Collection[str], now: float) -> bool:
        """Whether the client had better come back."""
        deadline = self.deadline(asked)
        return deadline is not None and deadline <= now
