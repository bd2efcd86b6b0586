"""Runs the pods that it is told to: level-triggered, one task a pod.

    async with Runner(settings, issuer=issuer, clock=time.time, state=state) as runner:
        await runner.reconcile(pods, hosts, root_pem)
        async for status in runner.events(): ...

Told the same again, it does nothing. A pod that cannot be run is a status with a `Problem`; the
others go on.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Interface
from itertools import count
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self

from heddle.local.images import Images
from heddle.local.modes import RunMode
from heddle.local.network import Network
from heddle.local.places import NamespacePlaces, Places, ProcessPlaces
from heddle.local.pod_run import PodRun, Surroundings, World
from heddle.local.pods import NO_TEXTS, InjectedPod, Issuer, Line, Phase, PodStatus
from heddle.local.root import python_trees
from heddle.local.state import State
from webhook.settings import ROOT_CONFIG_MAP, ROOT_KEY


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerSettings:
    """`gateway` is the node's address on the pods' network (namespaces mode only). `grace`: a
    container that has not ended after so many seconds is killed. `logs` is where containers' output
    goes, as `<namespace>_<pod>_<container>.log`; by default a folder that ends with the run.
    `variables` are in the environment of every container."""

    mode: RunMode
    images: Images
    gateway: IPv4Interface | None = None
    grace: float = 5.0
    logs: Path | None = None
    variables: Mapping[str, str] = field(default_factory=lambda: NO_TEXTS)


@dataclass(slots=True, kw_only=True)
class _Slot:
    """A pod name: what is wanted for it, and what runs."""

    wanted: InjectedPod | None
    changed: asyncio.Event
    run: PodRun | None = None


class Runner:
    """An async context manager: at its end all pods are stopped; killed, if it is cancelled."""

    def __init__(
        self,
        settings: RunnerSettings,
        *,
        issuer: Issuer,
        clock: Callable[[], float],
        state: State,
        on_line: Callable[[Line], None] = lambda line: None,
    ) -> None:
        self._folder = state.path / "pods"
        self._around = Surroundings(
            places=_places(settings, state.path),
            images=settings.images,
            issuer=issuer,
            clock=clock,
            on_line=on_line,
            record=state.record,
            logs=settings.logs or state.path / "logs",
            grace=settings.grace,
            variables=settings.variables,
        )
        self._group = asyncio.TaskGroup()
        self._slots: dict[str, _Slot] = {}
        self._world = World()
        self._statuses: dict[str, PodStatus] = {}
        self._news = asyncio.Event()
        self._numbers = count()

    async def __aenter__(self) -> Self:
        await self._around.places.open()
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, asyncio.CancelledError):
            await self._group.__aexit__(kind, error, trace)  # no time for goodbyes
        else:
            self._want({})
            await self._group.__aexit__(None, None, None)

    async def reconcile(
        self, pods: Mapping[str, InjectedPod], hosts: Mapping[str, Sequence[str]], root_pem: bytes
    ) -> None:
        """Make these pods the ones that run: start new ones, stop others, restart changed ones, and
        leave the rest alone. Returns at once; `events` tells how it goes.

        `hosts` maps names to addresses for `/etc/hosts`, `root_pem` is the mesh's root certificate.
        """
        config_maps = {ROOT_CONFIG_MAP: {ROOT_KEY: root_pem.decode()}}
        self._world = World(hosts=dict(hosts), config_maps=config_maps)
        self._want(pods)
        await asyncio.sleep(0)

    def statuses(self) -> Mapping[str, PodStatus]:
        """How every pod is now."""
        return MappingProxyType(dict(self._statuses))

    def ready(self) -> frozenset[str]:
        """The pods that can be sent requests."""
        return frozenset(name for name, status in self._statuses.items() if status.ready)

    async def events(self) -> AsyncIterator[PodStatus]:
        """Each pod's status now, and then each one that has changed since; never ends by itself.

        A reader that is slow skips what is out of date. There may be several.
        """
        seen: dict[str, PodStatus] = {}
        while True:
            news, current = self._news, dict(self._statuses)
            for name in sorted({*current, *seen}):
                gone = PodStatus(pod=name, phase=Phase.GONE)
                if (status := current.get(name, gone)) != seen.get(name):
                    yield status
            seen = current
            await news.wait()

    async def all_ready(self) -> None:
        """Wait until every wanted pod that can run is ready."""
        while True:
            news = self._news
            wanted = {name for name, slot in self._slots.items() if slot.wanted is not None}
            failed = {n for n, s in self._statuses.items() if s.phase is Phase.FAILED}
            if wanted <= self.ready() | failed:
                return
            await news.wait()

    async def write(self, pod: str, container: str, data: bytes) -> None:
        """To the standard input of a container that has `stdin: true`; lost if it does not run."""
        slot = self._slots.get(pod)
        if slot is not None and slot.run is not None:
            with suppress(KeyError):
                await slot.run.write(container, data)

    async def connect(self, pod: str, port: int, seconds: float) -> socket.socket:
        """A connection to what listens for a pod (namespace/name) alone, such as its Envoy's admin
        port; `OSError` if there is none."""
        slot = self._slots.get(pod)
        if slot is None or slot.run is None:
            raise OSError("the pod does not run")
        return await slot.run.connect(port, seconds)

    async def close(self) -> None:
        """Stop all pods, and wait until they have stopped."""
        self._want({})
        while self._slots:
            await self._news.wait()

    def _want(self, pods: Mapping[str, InjectedPod]) -> None:
        for name in sorted({*pods, *self._slots}):
            slot, pod = self._slots.get(name), pods.get(name)
            if slot is None:
                slot = self._slots[name] = _Slot(wanted=pod, changed=asyncio.Event())
                self._group.create_task(self._keep(name, slot), name=f"pod {name}")
            elif slot.wanted is not None and pod is not None and slot.wanted.same_incarnation(pod):
                slot.wanted = pod
                if slot.run is not None:
                    slot.run.update(pod, self._world)
            elif slot.wanted is not pod:
                slot.wanted = pod
                slot.changed.set()
                self._report(PodStatus(pod=name, phase=Phase.STOPPING))

    async def _keep(self, name: str, slot: _Slot) -> None:
        """Run what is wanted under a name, one incarnation after the other, until nothing is."""
        while (pod := slot.wanted) is not None:
            slot.changed.clear()
            slot.run = PodRun(
                name,
                pod,
                self._world,
                folder=self._folder / f"{next(self._numbers)}",
                surroundings=self._around,
                report=self._report,
            )
            self._report(PodStatus(pod=name, phase=Phase.PENDING))
            await slot.run.run(slot.changed)
            slot.run = None
        del self._slots[name]
        del self._statuses[name]
        self._tell()

    def _report(self, status: PodStatus) -> None:
        if self._statuses.get(status.pod) != status:
            self._statuses[status.pod] = status
            self._tell()

    def _tell(self) -> None:
        # A new event each time: whoever waits for the old one wakes up, however late it looks.
        news, self._news = self._news, asyncio.Event()
        news.set()


def _places(settings: RunnerSettings, folder: Path) -> Places:
    if settings.mode is RunMode.PROXY_PORT:
        return ProcessPlaces()
    if settings.gateway is None:
        raise ValueError("namespaces mode needs the gateway's address")
    images = settings.images
    programs = (str(images.envoy), *(program[0] for program in images.programs.values()))
    trees = python_trees(*(path for path in programs if path.startswith("/")))
    return NamespacePlaces(network=Network(settings.gateway, folder / "network"), trees=trees)
