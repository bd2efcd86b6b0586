"""Which pods have the secrets that they are to have now, and which do not: what a step of a
rotation waits for.

A pod that has been connected, to us or to a replica that has ended, holds a certificate and roots
of ours. If it is away now, it is waited for until it comes back or is deleted. What never was
connected holds nothing; but who has just started cannot be sure, so for a while every pod that
there should be is waited for.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from ca.reports import Lack
from ca.workload_secrets import TRUST, WORKLOAD
from heddle.identity import Held
from xds.status import Client, Clients, TypeState
from xds.types import LDS, SDS

YOUNG_SECONDS = 30.0
"""How long after the start pods come back that were connected before: Envoy tries again after 10
seconds at most."""
_ASKS_SECONDS = 5.0
"""After so long, a proxy that has all it asked for, and asked for no secret, needs none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Pods, as namespace/name."""

    taken: frozenset[str]
    lacking: dict[str, Lack]


class SecretHolders:
    """What is known of the pods of one server."""

    def __init__(
        self,
        clients: Clients,
        pods: Callable[[], Collection[str]],
        *,
        generation: Callable[[], int],
        wall: Callable[[], float],
    ) -> None:
        """`pods` are those that shall have a proxy, by namespace/name; `generation` is the one that
        has all secrets as they are to be; `wall` gives unix seconds, as the server has them.
        """
        self._clients = clients
        self._pods = pods
        self._generation = generation
        self._wall = wall
        self._since = wall()
        self._seen: set[str] = set()

    def remember(self, pods: Iterable[str]) -> None:
        """These were connected to a replica that has ended."""
        self._seen |= set(pods)

    def standing(self) -> Standing:
        """How it is now. To be asked now and then, or who came and went is not known."""
        here: dict[str, bool] = {}
        for client in self._clients:
            if isinstance(client.key, Held):
                pod = "/".join(client.key.pod)
                here[pod] = here.get(pod, True) and self._has(client)
        expected = set(self._pods())
        young = self._wall() < self._since + YOUNG_SECONDS
        self._seen = (self._seen & expected) | here.keys()
        away = (expected if young else self._seen & expected) - here.keys()
        untaken = (pod for pod, has in here.items() if not has)
        return Standing(
            taken=frozenset(pod for pod, has in here.items() if has),
            lacking=dict.fromkeys(away, Lack.AWAY) | dict.fromkeys(untaken, Lack.UNTAKEN),
        )

    def _has(self, client: Client) -> bool:
        states = client.stream.exchanges()
        for state in states:
            if state.type_url == SDS:
                return state.settled or self._has_all_but_others(state)
        settled = self._wall() > client.since + _ASKS_SECONDS
        return settled and _is_complete(states)

    def _has_all_but_others(self, state: TypeState) -> bool:
        """Whether all that is missing is what was rejected of other secrets: a gateway's, say."""
        kept = {each.name for each in state.quarantined}
        sent = state.sent >= self._generation() and not state.in_flight
        return bool(kept) and not kept & {WORKLOAD, TRUST} and sent


def _is_complete(states: Sequence[TypeState]) -> bool:
    return any(state.type_url == LDS for state in states) and all(s.settled for s in states)
