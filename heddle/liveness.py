"""How far each edit has come: on which proxies it is live, and which reject it.

An edit is live once every pod that was connected when it was published, and holds a part that it
changed, has acknowledged the generation that it came to. Who connects later is sent all there is
and is not waited for, or each new pod would make a mesh look unfinished. Nothing is kept up to date
with each acknowledgement: `look` reads the cursors of those that are still waited for.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from crds.meta import Key
from heddle.blame import blamed, made_from
from heddle.edits import Edit
from heddle.engine import Engine
from heddle.identity import Held
from heddle.proxy_status import is_final
from xds.containment import Quarantined
from xds.publisher import Publisher
from xds.status import Client, ClientStatus

AWAY_SECONDS = 15.0
"""So long a pod whose stream ended is waited for: Envoy tries again after 10 seconds at most."""
NAMED_PODS = 3
"""So many of the pods that reject something are named."""

Pod = tuple[str, str]
"""Namespace and name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """On every connected proxy that uses it. `used`: there was one when it was published."""

    used: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """So many proxies have not answered yet."""

    proxies: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """What Envoys said: `pods` are some of the `proxies` that reject a resource, of `users` that
    are to have it; `words` are Envoy's, made safe to print.
    """

    pods: tuple[str, ...]
    proxies: int
    users: int
    resource: str
    words: str


Standing = Live | Waiting | Rejected


@dataclass(slots=True, kw_only=True)
class _Batch:
    """Objects that were changed at once. `old` are streams that end because of it."""

    upto: int
    keys: set[Key]
    waiting: set[Pod]
    old: set[int] = field(default_factory=set)
    away: dict[Pod, float] = field(default_factory=dict)


class Liveness:
    """What is known on this replica. Belongs to one event loop."""

    def __init__(
        self,
        engine: Engine,
        publisher: Publisher,
        clients: Iterable[Client],
        clock: Callable[[], float],
    ) -> None:
        """`clients` are those that are connected whenever they are looked at; `clock` gives seconds
        that only grow.
        """
        self._engine = engine
        self._publisher = publisher
        self._clients = clients
        self._clock = clock
        self._edits: dict[Key, tuple[int, int]] = {}
        self._used: set[Key] = set()
        self._batches: list[_Batch] = []
        self._rejected: Mapping[Key, Rejected] = {}

    @property
    def waits(self) -> bool:
        """Whether any edit is not live yet."""
        return bool(self._batches)

    def edited(self, edit: Edit) -> None:
        """An edit was published: notes who has to take it."""
        for batch in self._batches:
            batch.keys -= edit.keys
        self._batches = [batch for batch in self._batches if batch.keys]
        if not edit.keys:
            return
        # Its stream knows its parts: to find each by its key would hash thousands before the push.
        # Its own certificate is one of them: one pod too many is waited for, and answers like all.
        since = edit.since
        waiting = {held.pod for each, held in self._held() if each.stream.changed_after(since)}
        self._batches.append(_Batch(upto=edit.upto, keys=set(edit.keys), waiting=waiting))
        for key in edit.keys:
            self._edits[key] = (edit.since, edit.upto)
            self._used.discard(key)

    def forget(self, key: Key) -> None:
        """There is no such object any more."""
        self._edits.pop(key, None)
        self._used.discard(key)
        for batch in self._batches:
            batch.keys.discard(key)

    def reselected(self, client: ClientStatus) -> None:
        """The pod of this client has to come back for other parts since the last edit."""
        if self._batches and isinstance(client.key, Held):
            self._batches[-1].waiting.add(client.key.pod)
            self._batches[-1].old.add(client.id)

    def look(self) -> frozenset[Key]:
        """Reads how far those have come that are waited for, and what is rejected; the objects of
        which the standing may be another one than before.
        """
        here = {held.pod: client for client, held in self._held()} if self._batches else {}
        looked_at = frozenset(key for batch in self._batches for key in batch.keys)
        for batch in self._batches:
            waited = frozenset(batch.waiting)
            batch.waiting -= {pod for pod in waited if self._is_done(batch, pod, here.get(pod))}
            if waited:
                self._used |= batch.keys
        self._batches = [batch for batch in self._batches if batch.waiting and batch.keys]
        before, self._rejected = self._rejected, self._rejections()
        turned = {
            key
            for key in before.keys() | self._rejected.keys()
            if before.get(key) != self._rejected.get(key)
        }
        return looked_at | turned

    def unwell(self) -> frozenset[Key]:
        """The objects that are not live everywhere."""
        return frozenset(self._rejected).union(*(batch.keys for batch in self._batches))

    def standing(self, key: Key) -> Standing:
        """How far an object has come, as of the last look."""
        if (rejected := self._rejected.get(key)) is not None:
            return rejected
        for batch in self._batches:
            if key in batch.keys:
                return Waiting(proxies=len(batch.waiting))
        return Live(used=key in self._used)

    def _held(self) -> Iterable[tuple[Client, Held]]:
        for client in self._clients:
            if isinstance(client.key, Held):
                yield client, client.key

    def _is_done(self, batch: _Batch, pod: Pod, client: Client | None) -> bool:
        if client is not None and client.id not in batch.old:
            batch.away.pop(pod, None)
            return _has_taken(client, batch.upto)
        if self._engine.proxy(*pod) is None:
            return True
        return self._clock() - batch.away.setdefault(pod, self._clock()) > AWAY_SECONDS

    def _rejections(self) -> Mapping[Key, Rejected]:
        found: dict[tuple[str, str, str], list[tuple[Held, Quarantined]]] = {}
        for client, held in self._held():
            for state in client.stream.exchanges():
                for each in state.quarantined if state.rejected else ():
                    found.setdefault((each.type_url, each.name, each.version), []).append(
                        (held, each)
                    )
        rejected: dict[Key, Rejected] = {}
        for those in found.values():
            told = self._rejection(those)
            for key in self._blamed(*those[0]):
                if key not in rejected or told.proxies > rejected[key].proxies:
                    rejected[key] = told
        return rejected

    def _rejection(self, those: Sequence[tuple[Held, Quarantined]]) -> Rejected:
        each = those[0][1]
        parts = {part for held, _ in those for part in self._having(held, each)}
        pods = sorted({held.pod for held, _ in those})
        users = sum(self._publisher.interest(part) for part in parts)
        return Rejected(
            pods=tuple("/".join(pod) for pod in pods[:NAMED_PODS]),
            proxies=len(pods),
            users=max(users, len(pods)),
            resource=each.name,
            words=each.message,
        )

    def _having(self, held: Held, each: Quarantined) -> Iterable[object]:
        for part in held.parts:
            if self._publisher.changed_at(part, each.type_url, each.name) is not None:
                yield part

    def _blamed(self, held: Held, each: Quarantined) -> frozenset[Key]:
        found = self._engine.proxy(*held.pod)
        proxy = found[1] if found is not None else None
        named = made_from(self._engine.mesh, proxy, each.type_url, each.name)
        changes = {
            self._publisher.changed_at(part, each.type_url, each.name) for part in held.parts
        }
        together = frozenset(
            key
            for key, (since, upto) in self._edits.items()
            if any(at is not None and since < at <= upto for at in changes)
        )
        return blamed(named, together)


def _has_taken(client: Client, upto: int) -> bool:
    """Whether nothing more of a generation is to come: it was accepted, but for what is kept from
    the client because it rejected that.
    """
    if client.stream.acknowledged() >= upto:
        return True
    states = client.stream.exchanges()
    return bool(states) and all(is_final(state, upto) for state in states)
