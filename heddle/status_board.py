"""The status that each mesh object is to have, next to the one that it has: level-triggered.

Own writes come back from the source as events that differ in nothing but the status, so they make
no difference, and neither does who wrote it.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto

from crds.meta import Key, Label
from crds.problem import Problem
from heddle.conditions import Facts
from heddle.control_plane import ControlPlane
from heddle.edits import GROUPS, Edit
from heddle.findings import ByObject
from heddle.liveness import Liveness, Rejected, Waiting
from heddle.status_report import MOST, Report, together
from sources.events import Applied, Deleted
from webhook import raw
from xds.status import Client, ClientStatus

PENDING_SECONDS = 1.0
"""Most edits are live sooner: only what takes longer is said to be on its way."""
TOLD_SECONDS = 60.0
"""So long other replicas are told that an edit was taken in."""
UNHEARD_SECONDS = 5.0
"""So long an edit waits for the word of each other replica that it was taken in there. One that has
started since has it from its first list, and does not tell."""
YOUNG_SECONDS = 15.0
"""So long after the start nothing is said as long as pods are away: they were connected to the one
before, and Envoy tries again after 10 seconds at most."""


class Scope(Enum):
    """Objects whose statuses are written by the same replica."""

    MESH = auto()
    """Those that name no revision: the replicas of all revisions read them."""
    REVISION = auto()
    """Those that name ours: only we and our like read them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An object as the source last told of it: what is needed to write its status."""

    api_version: str
    revision: str
    """The one that it names, which is ours; or none."""
    generation: int
    uid: str
    resource_version: str
    status: Mapping[str, object] = field(repr=False)

    @property
    def scope(self) -> Scope:
        """Whose it is to write the status."""
        return Scope.REVISION if self.revision else Scope.MESH


def seen(item: Mapping[str, object]) -> Seen:
    """What there is to see of an object."""
    metadata = raw.metadata(item)
    generation = metadata.get("generation")
    return Seen(
        api_version=raw.text(item.get("apiVersion")),
        revision=raw.labels(item).get(Label.REVISION, ""),
        generation=generation if isinstance(generation, int) else 0,
        uid=raw.text(metadata.get("uid")),
        resource_version=raw.text(metadata.get("resourceVersion")),
        status=raw.mapping(item.get("status")),
    )


class StatusBoard:
    """What is known of each mesh object. Belongs to one event loop."""

    def __init__(
        self,
        plane: ControlPlane,
        clients: Iterable[Client],
        clock: Callable[[], float],
        *,
        revision: str = "",
        analyzed: bool = False,
    ) -> None:
        """Listens to `plane`; `clients` are its server's; `clock` gives seconds that only grow;
        `revision` is that of this replica. `analyzed`: somebody is to `find`, before which nothing
        is said.
        """
        self._plane = plane
        self._revision = revision
        self._clock = clock
        self._clients = clients
        self._liveness = Liveness(plane.engine, plane.publisher, clients, clock)
        self._seen: dict[Key, Seen] = {}
        self._others: Mapping[str, Report] = {}
        self._problems: Mapping[Key, tuple[Problem, ...]] = {}
        self._findings: ByObject | None = None if analyzed else {}
        self._edited: dict[Key, float] = {}
        self._last_edit = float("-inf")
        self._dirty: dict[Scope, set[Key]] = {scope: set() for scope in Scope}
        self._problems_may_differ = True
        self._synced_at: float | None = None
        self._young = True
        self._bells: list[asyncio.Event] = []
        plane.listen(self)

    def bell(self) -> asyncio.Event:
        """One that is set when a mesh object came or changed, or another replica said something
        new; all else is found by looking now and then. Who has it clears it.
        """
        made = asyncio.Event()
        self._bells.append(made)
        return made

    def _ring(self) -> None:
        for bell in self._bells:
            bell.set()

    def edited(self, edit: Edit) -> None:
        """An edit was taken in, and published."""
        for event in edit.events:
            if isinstance(event, Applied) and event.key.group in GROUPS:
                self._seen[event.key] = seen(event.raw)
                self._mark((event.key,))
                self._ring()
            elif isinstance(event, Deleted) and event.key in self._seen:
                del self._seen[event.key]
                self._edited.pop(event.key, None)
                self._liveness.forget(event.key)
        if edit.keys:
            self._liveness.edited(edit)
            self._last_edit = self._clock()
            for key in edit.keys:  # the newest last
                self._edited.pop(key, None)
                self._edited[key] = self._last_edit
        self._problems_may_differ = True

    def find(self, findings: ByObject) -> None:
        """These are all findings of analyzers now."""
        before = self._findings or {}
        keys = before.keys() | findings.keys()
        self._mark(tuple(k for k in keys if before.get(k) != findings.get(k)))
        self._findings = findings
        self._ring()

    def reselected(self, client: ClientStatus) -> None:
        """The stream of this client ends, for it is to hold other parts since the last edit."""
        self._liveness.reselected(client)

    def hear(self, others: Mapping[str, Report]) -> None:
        """What the other replicas tell of the proxies that are connected to them."""
        for name in others.keys() | self._others.keys():
            new, old = others.get(name), self._others.get(name)
            if new != old:
                for each in (new, old):
                    self._mark(each.keys() if each is not None else ())
                self._ring()
        self._others = others

    def _mark(self, keys: Iterable[Key]) -> None:
        """These are to be looked at by who writes their status."""
        for key in keys:
            if (found := self._seen.get(key)) is not None:
                self._dirty[found.scope].add(key)

    def report(self) -> Report | None:
        """What to tell the other replicas; nothing before all was read."""
        if not self._plane.pods.synced:
            return None
        self._mark(self._liveness.look())
        unwell = {key: self._liveness.standing(key) for key in self._liveness.unwell()}
        listed = [
            (k, self._seen[k].generation, each) for k, each in unwell.items() if k in self._seen
        ]
        return Report(
            revision=self._revision,
            pods=self._connected(),
            taken=self._taken_lately(),
            waiting={k: (at, each.proxies) for k, at, each in listed if isinstance(each, Waiting)},
            rejected={k: (at, each) for k, at, each in listed if isinstance(each, Rejected)},
        )

    def _taken_lately(self) -> Mapping[Key, int]:
        """The edits of late, the newest first."""
        recent, found = self._clock() - TOLD_SECONDS, dict[Key, int]()
        for key in reversed(self._edited):
            if self._edited[key] <= recent or len(found) == MOST:
                break
            if key in self._seen:
                found[key] = self._seen[key].generation
        return found

    def _connected(self) -> int:
        return len({client.identity for client in self._clients})

    def written(self, key: Key, raw: Mapping[str, object]) -> None:
        """The status of an object was written: it is this now."""
        if key in self._seen:
            self._seen[key] = seen(raw)

    @property
    def waits(self) -> bool:
        """Whether proxies have to answer yet, which nobody tells of: look now and then."""
        return self._liveness.waits

    @property
    def busy(self) -> bool:
        """Whether there was an edit lately, or any is not live on another replica."""
        recent = self._clock() - UNHEARD_SECONDS
        late = any(report.waiting for report in self._others.values())
        return late or self.waits or self._last_edit > recent

    def everything(self, scope: Scope) -> Collection[Key]:
        """All objects of the scope that are to have a status."""
        return [key for key, found in self._seen.items() if found.scope is scope]

    def look(self, scope: Scope) -> Collection[Key]:
        """The objects of the scope whose status may have to be another one since the last look."""
        self._young = self._young and self._is_young()
        self._mark(self._liveness.look())
        if self._problems_may_differ:
            self._problems_may_differ = False
            before, self._problems = self._problems, _by_object(self._plane.problems())
            keys = before.keys() | self._problems.keys()
            self._mark(k for k in keys if before.get(k) != self._problems.get(k))
        dirty, self._dirty[scope] = self._dirty[scope], set()
        return [key for key in dirty if self.at(key, scope) is not None]

    def at(self, key: Key, scope: Scope) -> Seen | None:
        """The object, if it is there, and of the scope."""
        found = self._seen.get(key)
        return found if found is not None and found.scope is scope else None

    def facts(self, key: Key) -> Facts | None:
        """What is known of an object; None if it is not there, or if it is too early to tell."""
        found = self._seen.get(key)
        if found is None or self._young or self._findings is None:
            return None
        since, others = self._edited.get(key, float("-inf")), self._readers(found)
        taken = all(each.taken.get(key, -1) >= found.generation for each in others.values())
        if self._clock() < since + UNHEARD_SECONDS and not taken:
            return None
        own = self._liveness.standing(key)
        standing = together(own, key, found.generation, others)
        if isinstance(standing, Waiting) and self._clock() < since + PENDING_SECONDS:
            return None
        return Facts(
            generation=found.generation,
            problems=self._problems.get(key, ()),
            findings=self._findings.get(key, ()),
            refused=key in self._plane.refused,
            standing=standing,
        )

    def _readers(self, found: Seen) -> Mapping[str, Report]:
        """The other replicas that read an object."""
        return {
            name: each
            for name, each in self._others.items()
            if found.revision in ("", each.revision)
        }

    def _is_young(self) -> bool:
        """Whether pods may be on their way back that had been connected before we started."""
        if not self._plane.pods.synced:
            return True
        if self._synced_at is None:
            self._synced_at = self._clock()
        if self._clock() > self._synced_at + YOUNG_SECONDS:
            return False
        there = sum(report.pods for report in self._others.values())
        return self._connected() + there < len(self._plane.pods.proxied())


def _by_object(problems: Iterable[Problem]) -> Mapping[Key, tuple[Problem, ...]]:
    found: dict[Key, list[Problem]] = {}
    for problem in problems:
        if problem.object is not None and problem.object.group in GROUPS:
            found.setdefault(problem.object, []).append(problem)
    return {key: tuple(listed) for key, listed in found.items()}
