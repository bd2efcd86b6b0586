"""All that we read of a cluster, as one stream of events: a line for each kind.

Namespaces and MeshConfig come first, for they say which objects are held at all.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from crds.kinds import KINDS, Kind
from crds.label_selector import LabelSelector
from crds.meta import Key
from crds.unsupported import UNSUPPORTED
from sources.api_answers import Raw
from sources.events import Applied, Deleted, Event, Synced
from sources.held import Held
from sources.mailbox import Mailbox
from sources.pruning import Pruning
from sources.reflector import Api, Line, Reflector, Voice
from sources.selection import Reselected, Selection

CONFIG_MAP, NAMESPACE, SECRET, SERVICE_ACCOUNT = (
    "ConfigMap",
    "Namespace",
    "Secret",
    "ServiceAccount",
)
_UNREAD_SECRETS = (
    "bootstrap.kubernetes.io/token",
    "helm.sh/release.v1",
    "kubernetes.io/basic-auth",
    "kubernetes.io/dockercfg",
    "kubernetes.io/dockerconfigjson",
    "kubernetes.io/service-account-token",
    "kubernetes.io/ssh-auth",
)
"""Types of Secrets that hold no certificate: they are not even sent to us."""

Selectors = Callable[[Raw | None], tuple[Sequence[LabelSelector], Iterable[str]]]
"""What a ConfigMap says of namespaces: selectors, and those that are in whatever these say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSettings:
    """What is read. `config` is the ConfigMap with MeshConfig, `revision` ours (`""`: objects of
    all revisions are read).
    """

    config: Key
    revision: str = ""


class Cluster:
    """A cluster's objects. Belongs to one event loop."""

    def __init__(
        self,
        api: Api,
        settings: ClusterSettings,
        selectors: Selectors,
        *,
        clock: Callable[[], float],
        chance: Callable[[], float],
    ) -> None:
        """`clock` counts seconds; `chance` gives numbers from 0 to 1."""
        self._api = api
        self._settings = settings
        self._selectors = selectors
        self._clock = clock
        self._chance = chance
        self._mailbox = Mailbox()
        self._selection = Selection()
        self._started = asyncio.Event()
        self._waiting: set[str] = set()
        heard = _Heard(self._mailbox, self._hear)
        self._first = tuple(self._reflector(*each, heard) for each in self._first_lines())
        self._others = tuple(self._reflector(*each, self._mailbox) for each in _other_lines())

    async def batches(self) -> AsyncGenerator[Sequence[Event], None]:
        """What there is, `Synced`, then what changes; while `run` runs."""
        while True:
            yield await self._mailbox.take()

    async def run(self) -> None:
        """Reads, until it is cancelled."""
        async with asyncio.TaskGroup() as group:
            for line in self._first:
                group.create_task(line.run())
            await self._started.wait()
            for line in self._others:
                group.create_task(line.run())

    def silences(self) -> Mapping[str, float]:
        """For how many seconds nothing was heard of each kind. A bookmark comes every minute."""
        now = self._clock()
        return {str(each): now - each.heard for each in (*self._first, *self._others)}

    def _first_lines(self) -> Iterable[tuple[Line, Kind]]:
        config = self._settings.config
        for kind, namespace, query in (
            (NAMESPACE, "", {}),
            (CONFIG_MAP, config.namespace, {"fieldSelector": f"metadata.name={config.name}"}),
        ):
            found = KINDS["", kind]
            line = Line(
                group="", kind=kind, versions=found.versions, namespace=namespace, query=query
            )
            yield line, found

    def _reflector(self, line: Line, kind: Kind | None, voice: Voice) -> Reflector:
        name = str(line)
        self._waiting.add(name)
        pruning = Pruning(line.group, line.kind, kind, revision=self._settings.revision)
        return Reflector(
            self._api,
            line,
            Held(pruning, self._is_held),
            voice,
            clock=self._clock,
            chance=self._chance,
            serves=pruning.at,
            synced=lambda: self._synced(name),
        )

    def _is_held(self, namespace: str) -> bool:
        return namespace in self._selection

    def _synced(self, name: str) -> None:
        self._waiting.discard(name)
        if not self._waiting & {str(each) for each in self._first}:
            self._started.set()
        if not self._waiting:
            self._mailbox.put([Synced()])

    def _hear(self, events: Iterable[Event]) -> None:
        """Listens to what is said of namespaces and of MeshConfig."""
        namespaces = []
        for event in events:
            if not isinstance(event, Applied | Deleted):
                continue
            if event.key == self._settings.config:
                raw = event.raw if isinstance(event, Applied) else None
                self._reselect(self._selection.select(*self._selectors(raw)))
            elif (event.key.group, event.key.kind) == ("", NAMESPACE):
                namespaces.append(event)
        changed = self._selection.apply(namespaces)
        if changed is not None:
            self._reselect(changed)

    def _reselect(self, changed: Reselected) -> None:
        for line in self._others:
            line.reselect(changed)


class _Heard:
    """A mailbox that hears what it is told."""

    def __init__(self, mailbox: Mailbox, hear: Callable[[Iterable[Event]], None]) -> None:
        self._mailbox = mailbox
        self._hear = hear

    def put(self, events: Iterable[Event]) -> None:
        told = list(events)
        self._mailbox.put(told)
        self._hear(told)

    async def room(self) -> None:
        await self._mailbox.room()


def _other_lines() -> Iterable[tuple[Line, Kind | None]]:
    """All kinds but those that are read first, and accounts, which pods name."""
    for (group, name), kind in KINDS.items():
        if not group and name in (CONFIG_MAP, NAMESPACE, SERVICE_ACCOUNT):
            continue
        secret = kind.secret
        query = {"fieldSelector": ",".join(f"type!={each}" for each in _UNREAD_SECRETS)}
        line = Line(
            group=group,
            kind=name,
            versions=kind.versions,
            query=query if secret else {},
            optional=secret,
        )
        yield line, kind
    # Nobody reads these, which their authors are to be told.
    for (group, name), versions in UNSUPPORTED.items():
        yield Line(group=group, kind=name, versions=versions, query={}, optional=True), None
