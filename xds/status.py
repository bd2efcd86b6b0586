"""Who is connected and how far each client has come: for people, and for those who wait.

Nothing here is kept up to date resource by resource: a status is read off the stream's cursors when
somebody asks.
"""

import asyncio
from collections.abc import Hashable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass
from typing import Protocol

from xds.containment import Quarantined
from xds.standing import Holding, Nack
from xds.types import CDS


class TypeState(Protocol):
    """The state of one type on one stream, to look at."""

    @property
    def type_url(self) -> str:
        """The type."""

    @property
    def sent(self) -> int:
        """The generation that the client was brought up to."""

    @property
    def acked(self) -> int:
        """The generation that it has accepted."""

    @property
    def rejected(self) -> bool:
        """Whether it runs something older, because it rejected what it was sent."""

    @property
    def in_flight(self) -> Sized:
        """The responses that it has not answered."""

    @property
    def nack(self) -> Nack | None:
        """Its last rejection."""

    @property
    def quarantined(self) -> Sequence[Quarantined]:
        """What is kept from it until it changes."""

    @property
    def settled(self) -> bool:
        """Whether it has accepted all that there is."""

    @property
    def behind_since(self) -> float | None:
        """Since when it has not, if it is known to wait."""

    def holdings(self) -> Iterator[Holding]:
        """All that it is to hold now."""


class Stream(Protocol):
    """A stream, whichever way it speaks."""

    def poll(self, now: float) -> list[bytes]:
        """The responses to send now, in order."""

    def next_wakeup(self) -> float | None:
        """When to poll even if nothing happens before."""

    def exchanges(self) -> Sequence[TypeState]:
        """The state of each type that the client asked for."""

    def changed_after(self, generation: int) -> bool:
        """Whether a later generation has changed what there is for the client."""

    def acknowledged(self) -> int:
        """The newest generation that the client has accepted all of."""

    def close(self) -> None:
        """Give up the parts."""


def is_brought_up(states: Sequence[TypeState]) -> bool:
    """Whether a client that has just connected has got what it asked for.

    Acceptance of clusters counts only while nothing else was asked for: Envoy withholds it until
    they are warm (X-29), which may take as long as their DNS names do.
    """
    answering = [each for each in states if each.type_url != CDS] or states
    sent = bool(states) and all(each.sent >= 0 for each in states)
    return sent and all(each.acked >= 0 or each.nack is not None for each in answering)


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeStatus:
    """One type of one client. Generations are the publisher's; -1 is none yet."""

    sent: int
    acked: int
    in_flight: int
    settled: bool
    """The client has accepted all that there is for it."""
    rejected: bool
    """The client runs something older, because it rejected what it was sent."""
    nack: Nack | None
    """The last rejection, which may since have been mended."""
    quarantined: tuple[Quarantined, ...]
    """What is kept from the client until it changes, by name."""
    behind_since: float | None = None
    """Since when the client owes an answer, or is owed what has to wait: in the time of the event
    loop, as the time of a rejection is.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientStatus:
    """One connected client. `since` is in unix seconds, `acknowledged` a generation."""

    id: int
    node: str
    identity: str
    peer: str
    key: Hashable
    since: float
    acknowledged: int
    types: Mapping[str, TypeStatus]


@dataclass(slots=True, kw_only=True, eq=False)
class Client:
    """A connected client: what does not change about it, and its stream."""

    id: int
    node: str
    identity: str
    peer: str
    key: Hashable
    since: float
    stream: Stream

    def status(self) -> ClientStatus:
        """How far the client has come."""
        return ClientStatus(
            id=self.id,
            node=self.node,
            identity=self.identity,
            peer=self.peer,
            key=self.key,
            since=self.since,
            acknowledged=self.stream.acknowledged(),
            types={
                exchange.type_url: TypeStatus(
                    sent=exchange.sent,
                    acked=exchange.acked,
                    in_flight=len(exchange.in_flight),
                    settled=exchange.settled,
                    rejected=exchange.rejected,
                    nack=exchange.nack,
                    quarantined=tuple(exchange.quarantined),
                    behind_since=exchange.behind_since,
                )
                for exchange in self.stream.exchanges()
            },
        )


class _Wait:
    """Somebody waits until these clients have come to a generation."""

    def __init__(self, generation: int, clients: set[Client]) -> None:
        self.generation = generation
        self.clients = clients
        self.done = asyncio.get_running_loop().create_future()

    def look(self, client: Client, *, gone: bool = False) -> None:
        if client in self.clients and (gone or client.stream.acknowledged() >= self.generation):
            self.clients.discard(client)
            self.finish()

    def finish(self) -> None:
        if not self.clients and not self.done.done():
            self.done.set_result(None)


class Clients:
    """All connected clients of one server. Belongs to one event loop."""

    def __init__(self) -> None:
        self.revision = 0
        """Grows whenever a status may have changed."""
        self._clients: dict[int, Client] = {}
        self._waits: list[_Wait] = []
        self._changed: list[asyncio.Future[None]] = []

    def __len__(self) -> int:
        return len(self._clients)

    def __iter__(self) -> Iterator[Client]:
        """Everyone, in the order in which they connected; for who would not have all of `snapshot`
        made for one question."""
        return iter(tuple(self._clients.values()))

    def snapshot(self) -> tuple[ClientStatus, ...]:
        """Everyone's status, in the order in which they connected."""
        return tuple(client.status() for client in self._clients.values())

    async def settled(self, generation: int) -> None:
        """Wait until every client that is connected now has accepted all up to `generation`.

        One that leaves meanwhile is not waited for; one that rejected a part of it is, until that
        part has changed and is accepted. Bound the wait with `asyncio.timeout`.
        """
        late = {c for c in self._clients.values() if c.stream.acknowledged() < generation}
        wait = _Wait(generation, late)
        wait.finish()
        self._waits.append(wait)
        try:
            await wait.done
        finally:
            self._waits.remove(wait)

    async def changed(self, revision: int) -> int:
        """Wait until the revision is another than `revision`; the one it is then."""
        if self.revision == revision:
            future = asyncio.get_running_loop().create_future()
            self._changed.append(future)
            try:
                await future
            finally:
                if future in self._changed:
                    self._changed.remove(future)
        return self.revision

    def add(self, client: Client) -> None:
        """The client has connected."""
        self._clients[client.id] = client
        self._notify()

    def touch(self, client: Client) -> None:
        """The client's status may have changed. Cheap while nobody waits."""
        for wait in self._waits:
            wait.look(client)
        self._notify()

    def remove(self, client: Client) -> None:
        """The client has left. Another stream of the same node is another client (X-09)."""
        if self._clients.pop(client.id, None) is None:
            return
        for wait in self._waits:
            wait.look(client, gone=True)
        self._notify()

    def _notify(self) -> None:
        self.revision += 1
        waiting, self._changed = self._changed, []
        for future in waiting:
            if not future.done():
                future.set_result(None)
