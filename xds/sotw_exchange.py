"""One type on one state-of-the-world stream: what was sent last, and how far it is accepted.

Each response holds all that the client is to have, so the newest one settles all before it.
"""

from dataclasses import dataclass

from xds.sotw_state import State
from xds.standing import Standing
from xds.types import CDS, LDS

FULL_STATE_TYPES = frozenset({CDS, LDS})
"""A response of these is everything: what it does not hold, the client drops (X-50)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SotwInFlight:
    """A response that the client has not answered yet.

    `base` is how far the type counts as acknowledged as long as this one is not.
    """

    nonce: str
    base: int
    generation: int
    sent_at: float
    state: State
    brings: bool
    """Whether it holds anything that the client did not have."""
    trial: bool = False
    """It was sent to find out what of another one was rejected."""


@dataclass(slots=True, kw_only=True)
class SotwExchange(Standing[SotwInFlight]):
    """The state of one type. Only `SotwStream` changes it, save for what the methods do."""

    named: bool = False
    """The client has named resources, so naming none means none from now on (X-41)."""
    asked: bool = False
    """The client asked for something: look whether it has it."""
    forced: bool = False
    """An answer is owed even if it is what the client was sent before."""
    held: State | None = None
    """What the client was sent last, whether or not it accepted it (X-23)."""
    accepted: State | None = None
    """What the client accepted last; `None` if that is not known."""
    nonce: str = ""
    """Of the newest response."""

    def owes(self) -> bool:
        """Whether there may be something to send: cheap, and sometimes wrongly yes."""
        if self.asked or self.forced or (self.contained is not None and self.contained.searching):
            return True
        removes = self.type_url in FULL_STATE_TYPES
        return any(
            track.changed > self.sent or (removes and track.removed > self.sent)
            for track in self.tracks
        )

    def answer(self, nonce: str) -> SotwInFlight | None:
        """Take the response that the client answers out of flight, with those before it."""
        for position, response in enumerate(self.in_flight):
            if response.nonce == nonce:
                del self.in_flight[: position + 1]
                return response
        return None

    def ack(self) -> None:
        """The client accepted what is out of flight already."""
        self._reach(self.in_flight[0].base if self.in_flight else self.sent)

    def advance(self, generation: int) -> None:
        """Nothing is owed any more up to `generation`."""
        if not self.in_flight and self.acked >= self.rejected_at:
            self._reach(generation)
        self.sent = generation
        self.asked = self.forced = False
        self.held_since = None

    @property
    def full(self) -> bool:
        """Whether no more responses may be sent before the client answers one.

        While something is contained they go one by one: each builds on what was accepted.
        """
        return len(self.in_flight) >= (self.window if self.contained is None else 1)
