"""One type on one stream: how far it was sent, how far acknowledged, and what is owed.

Cursors are generations of the publisher, not versions of resources: a stream that holds ten
thousand resources keeps the same few integers as one that holds ten.
"""

import unicodedata
from dataclasses import dataclass
from typing import Final

from xds.interest import NO_NAMES
from xds.search import Content
from xds.slices import Chunk
from xds.standing import NEVER, Standing
from xds.subscription import Asked
from xds.types import CDS, LDS, SDS, VHDS, WILDCARD_TYPES

_MESSAGE_LIMIT = 1024


@dataclass(slots=True, kw_only=True)
class InFlight:
    """A response that the client has not answered yet.

    `base` is how far the type counts as acknowledged as long as this one is not.
    """

    nonce: str
    base: int
    generation: int
    sent_at: float
    chunks: tuple[Chunk, ...]
    removed: tuple[str, ...]
    trial: float | None = None
    """If it was sent to find a culprit: when the search for it began."""

    @property
    def waits_since(self) -> float:
        """Since when others may have to wait for it."""
        return self.sent_at if self.trial is None else self.trial

    @property
    def names(self) -> tuple[str, ...]:
        """All names that it carried."""
        carried = tuple(entry.name for chunk in self.chunks for entry in chunk.resources)
        return carried + self.removed


@dataclass(slots=True, kw_only=True)
class Exchange(Standing[InFlight]):
    """The state of one type. Only `DeltaStream` changes it, save for what the methods do.

    Additions and changes are `sent`, removals `removed`; `sent` NEVER: all of them are owed.
    """

    removed: int
    """Removals were sent up to this generation."""
    again: frozenset[str] = NO_NAMES
    """Names that are owed whether or not they changed."""
    asked: frozenset[str] = NO_NAMES
    """Those of `again` that are owed an answer even if they do not exist (X-46)."""
    strays: frozenset[str] = NO_NAMES
    """Names that the client said it holds, and should not."""
    must_answer: bool = False
    """An answer is owed even if it is empty: the client waits for one before it goes on."""

    def ask(self, asked: Asked) -> None:
        """Owe the client what it asked for."""
        if asked.everything:
            self.sent = NEVER
            # an empty answer about virtual hosts helps nobody.
            self.must_answer = self.type_url != VHDS
        self.owe(asked.names)

    def owe(self, names: frozenset[str]) -> None:
        """Owe the client an answer about each of these names."""
        self.again = self.again | names if self.again else names
        self.asked = self.asked | names if self.asked else names

    def owes(self) -> bool:
        """Whether there may be something to send: cheap, and sometimes wrongly yes."""
        if self.again or self.must_answer or self.sent == NEVER:
            return True
        if self.contained is not None and self.contained.searching:
            return True
        if self.strays and self.type_url != CDS:
            return True
        for track in self.tracks:
            if track.changed > self.sent:
                return True
            if track.removed > self.removed and self.removes_at_once:
                return True
        return False

    @property
    def removes_at_once(self) -> bool:
        """Whether what goes away is removed in the response that brings the changes.

        A listener must leave a port in the response that brings its successor there, and a domain
        must leave one virtual host in the response that brings it to another (X-129). Removals of
        clusters wait (X-81). Those of the other types Envoy acknowledges and ignores (X-105).
        """
        return self.type_url in (LDS, VHDS)

    def holds(self, name: str) -> bool:
        """Whether the client is to hold `name` now."""
        return self.interest.wants(name) and any(name in track for track in self.tracks)

    def missing(self, names: frozenset[str]) -> frozenset[str]:
        """Those of `names` that no part holds."""
        for track in self.tracks:
            names = track.missing(names)
        return names

    def unknown(self) -> frozenset[str]:
        """Names that are owed an answer, which is that the client is not to have them."""
        given_up = self.asked - self.subscription.names
        unwanted = frozenset(name for name in given_up if not self.interest.wants(name))
        return self.missing(self.asked) | unwanted

    def answer(self, nonce: str) -> InFlight | None:
        """Take the response that the client answers out of flight; `None` for a stale nonce."""
        for position, response in enumerate(self.in_flight):
            if response.nonce == nonce:
                return self.in_flight.pop(position)
        return None

    def ack(self, response: InFlight) -> None:
        """The client accepted the response, which is out of flight already."""
        if response.generation > self.rejected_at:
            self._reach(self.in_flight[0].base if self.in_flight else self.sent)

    def advance(self, generation: int) -> None:
        """Nothing is owed any more up to `generation`."""
        if not self.in_flight and self.acked >= self.rejected_at:
            self._reach(generation)
        self.sent = generation
        if self.removes_at_once:
            self.removed = generation
        if self.type_url != CDS:
            self.strays = NO_NAMES
        self.again = self.asked = NO_NAMES
        self.must_answer = False
        self.held_since = None

    def warm_by(self, grace: float) -> float:
        """Until when others may have to wait for what was added here; `-inf` if for nothing."""
        added = [response.waits_since for response in self.in_flight if response.chunks]
        return max(added) + grace if added else float("-inf")

    @property
    def full(self) -> bool:
        """Whether no more responses may be sent before the client answers one."""
        return len(self.in_flight) >= self.window

    @property
    def lost_removals(self) -> bool:
        """Whether a removal that the client needs may have been forgotten."""
        for track in self.tracks:
            if track.floor > self.removed:
                return self.type_url in WILDCARD_TYPES
        return False

    def gone(self, generation: int) -> frozenset[str]:
        """What to remove along with the changes up to `generation`."""
        if self.type_url == CDS:
            return NO_NAMES
        gone = {name for name in self.strays if not self.holds(name)}
        if self.removes_at_once:
            for track in self.tracks:
                gone.update(track.removals(self.removed, generation, self.interest))
        return frozenset(gone) - (self.contained.tied() if self.contained is not None else NO_NAMES)

    def kept(self, names: frozenset[str]) -> frozenset[str]:
        """Those of `names` that are quarantined."""
        if self.contained is None:
            return NO_NAMES
        return frozenset(name for name in names if self.contained.keeps(name))

    def runs(self, content: Content) -> bool:
        """Whether the client has accepted this content, as far as this stream knows."""
        name, version = content
        entry = self.current(name)
        if entry is None or entry.version != version or name in self.again:
            return False
        if self.contained is not None and (
            self.contained.keeps(name) or content in self.contained.suspects()
        ):
            return False
        carried = any(name in response.names for response in self.in_flight)
        changed = max(t.changed_at(name) for t in self.tracks if name in t)
        return not carried and changed <= self.sent


WITHHELD: Final = "the secret was rejected; the reason is withheld because it may quote the secret"


def printable(message: str, type_url: str) -> str:
    """A client's error text, without control characters and of bounded length (X-30).

    Envoy quotes a secret that violates a constraint, private key included: nothing of it is kept.
    """
    if type_url == SDS:
        return WITHHELD
    shown = message[:_MESSAGE_LIMIT]
    return "".join(
        " " if unicodedata.category(character).startswith("C") else character for character in shown
    )
