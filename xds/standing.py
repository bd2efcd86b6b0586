"""How far one type has come on one stream, whichever of the two protocols that speaks."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from xds.containment import Containment, Quarantined
from xds.interest import Interest
from xds.resource import Resource
from xds.subscription import Subscription
from xds.track import Track

NEVER = -1


class Unanswered(Protocol):
    """A response that the client has not answered."""

    @property
    def sent_at(self) -> float:
        """When it was sent."""


Response = TypeVar("Response", bound=Unanswered)


@dataclass(frozen=True, slots=True, kw_only=True)
class Nack:
    """A response that the client rejected. `message` is the client's text, made safe to print."""

    type_url: str
    nonce: str
    message: str
    generation: int
    at: float
    names: tuple[str, ...]
    trial: bool = False
    """It was sent to find out what of another one was rejected."""


@dataclass(frozen=True, slots=True)
class Holding:
    """A resource as a client is to hold it, and whether it has accepted this very content."""

    resource: Resource
    accepted: bool


@dataclass(slots=True, kw_only=True)
class Standing(ABC, Generic[Response]):
    """What was sent, and what the client has said of it."""

    type_url: str
    tracks: tuple[Track, ...]
    window: int
    subscription: Subscription
    interest: Interest
    sent: int
    """The client was brought up to this generation; NEVER: it was sent nothing."""
    acked: int = NEVER
    rejected_at: int = NEVER
    initial: bool = False
    """The client held nothing of this type when it connected, and was sent nothing yet."""
    in_flight: list[Response] = field(default_factory=list)
    nack: Nack | None = None
    contained: Containment | None = None
    """What the client rejected, if there is anything."""
    held_since: float | None = None
    """Since when what is owed may not be sent, because other types come first."""

    @abstractmethod
    def owes(self) -> bool:
        """Whether there may be something to send: cheap, and sometimes wrongly yes."""

    @property
    def settled(self) -> bool:
        """Whether the client has accepted all that there is."""
        return not self.in_flight and not self.rejected and not self.owes()

    @property
    def behind_since(self) -> float | None:
        """Since when the client has not said that it took what it was sent, or is not sent what is
        owed; `None` if it is not known to wait.
        """
        if self.in_flight:
            sent = min(response.sent_at for response in self.in_flight)
            return sent if self.held_since is None else min(sent, self.held_since)
        return self.held_since

    def hold(self, now: float) -> None:
        """What is owed may not be sent yet."""
        if self.held_since is None:
            self.held_since = now

    @property
    def rejected(self) -> bool:
        """Whether the client runs something older, because it rejected what it was sent."""
        return self.acked < self.rejected_at or self.contained is not None

    @property
    def quarantined(self) -> tuple[Quarantined, ...]:
        """What is kept from the client until it changes."""
        return self.contained.quarantined if self.contained is not None else ()

    def holdings(self) -> Iterator[Holding]:
        """All that the client is to hold now, in no particular order."""
        kept = {each.name for each in self.quarantined}
        for track in self.tracks:
            for entry in track.wanted(self.interest):
                accepted = track.changed_at(entry.name) <= self.acked and entry.name not in kept
                yield Holding(entry, accepted)

    def current(self, name: str) -> Resource | None:
        """What the client is to hold now under `name`."""
        if not self.interest.wants(name):
            return None
        return next((t.get(name) for t in self.tracks if name in t), None)

    def _reach(self, generation: int) -> None:
        """The client has come so far, but for what it rejected."""
        limit = generation if self.contained is None else self.contained.base
        self.acked = min(generation, limit)
