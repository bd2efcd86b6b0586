"""The control plane: a source's events go in, configuration goes out to the proxies.

One task owns all state and is never in the middle of something when another looks.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence

import structlog

from crds.kinds import Object
from crds.mesh_config import MeshConfig
from crds.meta import Key, Origin
from crds.problem import Problem, Severity
from heddle.edits import GROUPS, Edit, EditListener
from heddle.engine import Engine
from heddle.identity import Held, PodResolver
from heddle.intake import Intake
from heddle.mesh_namespaces import MeshNamespaces
from heddle.oracle import asserting, verify
from heddle.pods import PATIENCE_SECONDS, Pods
from heddle.problems import Surroundings
from heddle.stamps import Stamp, Stamps
from heddle.workload_secrets import WorkloadSecrets
from mesh.advance import CONFIG_KEY, Dirty
from mesh.store import Change
from sources.events import Event, Synced
from webhook.values import InjectionValues
from xds.publisher import Publisher
from xds.server import Server
from xds.status import ClientStatus

log = structlog.get_logger(__name__)

COLLECT_SECONDS = 60.0
"""How often parts that nobody holds are looked for."""


class ControlPlane:
    """Everything between a source and a server."""

    def __init__(
        self,
        publisher: Publisher | None = None,
        secrets: WorkloadSecrets | None = None,
        *,
        quiet: bool = False,
        inline_routes: bool = False,
        patience: float = PATIENCE_SECONDS,
        config: Key = CONFIG_KEY,
    ) -> None:
        """`secrets` publish to `publisher`, and give each pod a certificate. `quiet`: problems are
        only kept, for who asks, and not logged. `inline_routes`: virtual hosts travel within their
        route configurations, for every client. `patience`: how long who has a good token waits for
        the news of its pod, in seconds. `config`: the ConfigMap with MeshConfig.
        """
        self._quiet = quiet
        self._asserts = asserting()
        self.publisher = publisher or Publisher()
        self._intake = Intake(config)
        self.engine = Engine(self.publisher, Stamps(of=self._stamp))
        self.pods = Pods(self.engine, patience=patience)
        self.resolver = PodResolver(self.engine, self.pods, secrets, inline_routes=inline_routes)
        self.generation = 0
        """Of the newest change that made a difference to a proxy."""
        self._surroundings = Surroundings()
        self.namespaces = MeshNamespaces()
        self._told: frozenset[Problem] = frozenset()
        self._listeners: list[EditListener] = []

    def listen(self, listener: EditListener) -> None:
        """Tells of each edit from now on."""
        self._listeners.append(listener)

    def apply(self, events: Iterable[Event]) -> Dirty:
        """Takes events in and publishes what they change; says each new problem once."""
        *_, dirty = self.steps(events)
        return dirty

    def steps(self, events: Iterable[Event]) -> Iterator[Dirty]:
        """The same in small steps, between which streams may be served; all must be taken."""
        listed = tuple(events)
        self._intake.apply(listed)
        changes = self._intake.take()
        before = self.publisher.generation
        for applied in self.engine.steps(changes, self._intake.config):
            if applied.generation != before:
                self.generation = applied.generation
            yield applied.dirty
        if self._asserts:
            verify(self.engine, self.publisher, self._intake.store.objects(), self._intake.config)
        self._surroundings.update(self.engine.mesh, changes, applied.dirty)
        self.namespaces.update(changes)
        self._tell()
        self._pass_on(listed, changes, before)
        if any(isinstance(event, Synced) for event in listed):
            self.pods.synced = True
        if applied.dirty.pods:
            self.pods.changed()

    def _pass_on(self, events: Sequence[Event], changes: Iterable[Change], before: int) -> None:
        if self._listeners:
            keys = frozenset(change.key for change in changes if change.key.group in GROUPS)
            edit = Edit(events=events, keys=keys, since=before, upto=self.publisher.generation)
            for listener in self._listeners:
                listener.edited(edit)

    @property
    def refused(self) -> Collection[Key]:
        """Objects whose newest version has errors and is not used."""
        return self._intake.refused

    def objects(self) -> Iterable[tuple[Key, Object]]:
        """All that is configured, in the order of keys."""
        return sorted(self.everything().items(), key=lambda pair: pair[0])

    def everything(self) -> Mapping[Key, Object]:
        """The same in no particular order, which costs less; it stays as it is."""
        return self._intake.store.objects()

    def object(self, key: Key) -> Object | None:
        """One of them, as far as it could be read."""
        return self._intake.store.get(key)

    def origin(self, key: Key) -> Origin | None:
        """Where an object was read, if it came from a file; `Origin.of` knows its fields."""
        return self._intake.origin(key)

    def _stamp(self, key: Key) -> Stamp:
        known, origin = self.object(key), self.origin(key)
        return Stamp(
            generation=known.meta.generation if known is not None else 0,
            written=f"{origin.file}:{origin.line or 1}" if origin is not None else "",
        )

    @property
    def config(self) -> MeshConfig:
        """The settings of the mesh."""
        return self._intake.config

    @property
    def injection(self) -> InjectionValues:
        """The settings of the injector."""
        return self._intake.injection

    def problems(self) -> tuple[Problem, ...]:
        """All that is wrong now."""
        around = self._intake.located(self._surroundings.problems())
        return tuple(dict.fromkeys((*self._intake.problems(), *around)))

    def _tell(self) -> None:
        if self._quiet:
            return
        now = self.problems()
        for problem in now:
            if problem not in self._told:
                say = log.error if problem.severity is Severity.ERROR else log.warning
                say(str(problem))
        for problem in self._told - set(now):
            log.info("solved", problem=problem.code, object=str(problem.object or problem.origin))
        self._told = frozenset(now)

    async def follow(self, batches: AsyncIterator[Sequence[Event]], server: Server) -> None:
        """Takes in what a source says, at once when idle and in one go when it came fast."""
        waiting: asyncio.Queue[Sequence[Event]] = asyncio.Queue()
        async with asyncio.TaskGroup() as group:
            group.create_task(_pump(batches, waiting))
            while True:
                events = list(await waiting.get())
                while not waiting.empty():
                    events += waiting.get_nowait()
                self.refresh(server, await _in_turns(self.steps(events)))

    def refresh(self, server: Server, dirty: Dirty) -> None:
        """Ends the streams of pods that are gone, or that hold other parts than before."""
        if not dirty.pods and not dirty.selections:
            return
        pods = {(key.namespace, key.name) for key in dirty.pods}
        server.close_streams(lambda client: self._outdated(client, pods, dirty.selections))

    def _outdated(self, client: ClientStatus, pods: set[tuple[str, str]], everyone: bool) -> bool:
        held = client.key
        if not isinstance(held, Held) or not (everyone or held.pod in pods):
            return False
        if self.resolver.still(held):
            return False
        for listener in self._listeners:
            listener.reselected(client)
        return True

    async def collect(self) -> None:
        """Lets go of what nobody holds, now and then, until cancelled."""
        while True:
            await asyncio.sleep(COLLECT_SECONDS)
            self.engine.collect()


async def _in_turns(steps: Iterator[Dirty]) -> Dirty:
    """Takes all steps, with a turn for others after each; what the last one gives."""
    dirty = next(steps)
    await asyncio.sleep(0)
    for step in steps:
        dirty = step
        await asyncio.sleep(0)
    return dirty


async def _pump(
    batches: AsyncIterator[Sequence[Event]], waiting: asyncio.Queue[Sequence[Event]]
) -> None:
    async for batch in batches:
        await waiting.put(batch)
