"""How many clients may be brought up to date from nothing at one time.

After a restart everybody comes back at once. To serve all of them at once would hold everyone's
whole configuration in memory and keep the event loop from those who are connected already. So they
wait in a line, and the next one enters when one has got what it lacked, has left, or has had its
share of time: a client that does not answer keeps nobody out for long.

Sans-I/O: it is told the time and asked who may enter.
"""

from dataclasses import dataclass
from itertools import islice


@dataclass(slots=True, eq=False)
class Ticket:
    """One client's place in the line; `expires` once it has entered, in seconds."""

    expires: float = 0.0


class Admission:
    """First come, first served. All times are of one clock, which never goes back."""

    def __init__(self, *, at_once: int, patience: float) -> None:
        """`at_once` clients inside; each keeps its place from the next for `patience` seconds."""
        if at_once < 1:
            raise ValueError("nobody could ever enter: at_once must be 1 at least")
        self._at_once = at_once
        self._patience = patience
        self._waiting: dict[Ticket, None] = {}
        self._inside: dict[Ticket, None] = {}

    @property
    def waiting(self) -> int:
        """How many stand in the line."""
        return len(self._waiting)

    @property
    def inside(self) -> int:
        """How many have a place inside."""
        return len(self._inside)

    def join(self) -> Ticket:
        """Stand at the end of the line."""
        ticket = Ticket()
        self._waiting[ticket] = None
        return ticket

    def leave(self, ticket: Ticket) -> None:
        """The client has what it lacked, or is gone. May be called twice."""
        self._waiting.pop(ticket, None)
        self._inside.pop(ticket, None)

    def admit(self, now: float) -> list[Ticket]:
        """Those who may enter now, in order."""
        for ticket in [each for each in self._inside if each.expires <= now]:
            del self._inside[ticket]
        admitted = list(islice(self._waiting, max(self._at_once - len(self._inside), 0)))
        for ticket in admitted:
            del self._waiting[ticket]
            ticket.expires = now + self._patience
            self._inside[ticket] = None
        return admitted

    def next_wakeup(self) -> float | None:
        """When to ask again even if nobody leaves: `None` while nobody waits."""
        if not self._waiting:
            return None
        return min((each.expires for each in self._inside), default=None)
