"""What becomes known of edits: who wants to follow how far they come is told here.

Nothing here knows who listens: a control plane without listeners pays nothing for them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from crds.kinds import NETWORKING, SECURITY
from crds.meta import Key
from sources.events import Event
from xds.status import ClientStatus

TELEMETRY, EXTENSIONS = "telemetry.istio.io", "extensions.istio.io"
GROUPS = frozenset({NETWORKING, SECURITY, TELEMETRY, EXTENSIONS})
"""API groups of mesh objects: those that have a status of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """Events that were taken in at once, and the generations that they came to: those after `since`
    up to `upto`; none if these are equal. `keys` are the mesh objects that differ.
    """

    events: Sequence[Event]
    keys: frozenset[Key]
    since: int
    upto: int


class EditListener(Protocol):
    """Who follows edits. Must not wait."""

    def edited(self, edit: Edit) -> None:
        """An edit was taken in, and published."""

    def reselected(self, client: ClientStatus) -> None:
        """The stream of this client ends, for it is to hold other parts since the last edit."""
