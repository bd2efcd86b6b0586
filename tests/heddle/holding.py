"""Clients that hold secrets, or do not."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from heddle.identity import Held
from mesh.identity import WorkloadIdentity
from xds.containment import Quarantined
from xds.standing import Holding, Nack
from xds.status import Client, Clients, TypeState
from xds.types import LDS, SDS


@dataclass(slots=True)
class State:
    """One type of a stream, as a test wants it."""

    type_url: str = SDS
    settled: bool = True
    sent: int = 0
    acked: int = 0
    rejected: bool = False
    in_flight: Sequence[object] = ()
    nack: Nack | None = None
    quarantined: Sequence[Quarantined] = ()
    held: Sequence[Holding] = ()
    behind_since: float | None = None

    def holdings(self) -> Iterator[Holding]:
        return iter(self.held)


@dataclass(slots=True)
class HeldStream:
    """A stream that does nothing."""

    states: Sequence[TypeState] = field(default_factory=lambda: (State(LDS), State(SDS)))

    def poll(self, now: float) -> list[bytes]:
        return []

    def next_wakeup(self) -> float | None:
        return None

    def exchanges(self) -> Sequence[TypeState]:
        return self.states

    def changed_after(self, generation: int) -> bool:
        return False

    def acknowledged(self) -> int:
        return 0

    def close(self) -> None:
        return None


def client(number: int, pod: str, *states: State, since: float = 0.0) -> Client:
    """A client of a pod of the namespace `shop`."""
    who = WorkloadIdentity(
        namespace="shop", service_account="web", pod_name=pod, pod_uid="uid", expires=0.0
    )
    return Client(
        id=number,
        node=pod,
        identity=pod,
        peer="",
        key=Held(who, (), inline=False),
        since=since,
        stream=HeldStream(states) if states else HeldStream(),
    )


def clients(*connected: Client) -> Clients:
    found = Clients()
    for each in connected:
        found.add(each)
    return found
