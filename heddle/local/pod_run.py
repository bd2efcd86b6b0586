"""One incarnation of a pod: a very small kubelet.

Init containers run one after the other; a sidecar among them has to have started before the next
one does; then come the applications. At the end the applications stop first, then the sidecars in
reverse order, so that whatever an application still has to say gets out.
"""

import asyncio
import shutil
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from crds.problem import Problem
from heddle.local import launch
from heddle.local.container_run import ContainerRun
from heddle.local.containers import Container, Role, containers
from heddle.local.environment import variables
from heddle.local.errors import CannotRun, LocalError
from heddle.local.folders import write_volume
from heddle.local.hosts import hosts_file
from heddle.local.images import Images
from heddle.local.logs import Log
from heddle.local.places import Place, Places, volume_folder
from heddle.local.pods import (
    NO_TEXTS,
    ContainerState,
    InjectedPod,
    Issuer,
    Line,
    Phase,
    PodStatus,
    pod_problem,
)
from heddle.local.processes import Process, start
from heddle.local.resolvers import has_resolvers, resolver_files
from heddle.local.root import CHECKOUT
from heddle.local.volumes import Volume, refresh_after, volumes
from webhook import raw
from webhook.variables import expand

_GRACE = 30
_LONGEST_NAP = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What all pods of a runner share. `clock` gives seconds since the epoch, `grace` is the most
    that a container gets to end in, in seconds."""

    places: Places
    images: Images
    issuer: Issuer
    clock: Callable[[], float]
    on_line: Callable[[Line], None]
    record: Callable[[int], None]
    logs: Path
    grace: float
    variables: Mapping[str, str] = field(default_factory=lambda: NO_TEXTS)
    """The environment that every container has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What pods see of the mesh; it changes while they run. `config_maps` are in every
    namespace."""

    hosts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    config_maps: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


class PodRun:
    """`name` is what the caller calls it; `report` is called with each new status."""

    def __init__(
        self,
        name: str,
        pod: InjectedPod,
        world: World,
        *,
        folder: Path,
        surroundings: Surroundings,
        report: Callable[[PodStatus], None],
    ) -> None:
        self._name = name
        self._pod = pod
        self._facts = pod.facts
        self._world = world
        self._folder = folder
        self._around = surroundings
        self._report = report
        self._runs: list[ContainerRun] = []
        self._place: Place | None = None
        self._phase = Phase.PENDING
        self._problem: Problem | None = None
        self._last_words: dict[str, str] = {}
        self._logs: dict[str, Log] = {}
        self._launches = count()
        self._tokens_due: float | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Run it until `stop`, or, if it cannot be run, do nothing until then."""
        try:
            await self._prepare()
        except (LocalError, OSError) as error:
            self._fail(error)
            await stop.wait()
        else:
            await self._live(stop)
        finally:
            self._clear()

    def update(self, pod: InjectedPod, world: World) -> None:
        """The same incarnation, with labels, annotations, hosts or roots that may be new."""
        self._refresh_tokens()
        if pod == self._pod and world == self._world:
            return
        self._pod, self._facts, self._world = pod, pod.facts, world
        if self._place is not None:
            with suppress(CannotRun):  # keeps the files that it had
                self._write_files(self._place)

    async def write(self, container: str, data: bytes) -> None:
        """To the standard input of a container; `KeyError` if there is none of that name."""
        await {run.container.name: run for run in self._runs}[container].write(data)

    async def connect(self, port: int, seconds: float) -> socket.socket:
        """A connection to what listens for the pod alone; `OSError` if there is none."""
        if self._place is None:
            raise OSError("the pod does not run")
        return await asyncio.to_thread(self._place.connect, port, seconds)

    async def _prepare(self) -> None:
        found = containers(self._pod.raw)
        for container in found:
            self._program(container)
            self._environment(container)
        (self._folder / "pod").mkdir(parents=True)
        self._place = await self._around.places.add(self._facts, found, self._folder)
        self._write_files(self._place)
        self._write_tokens(self._place)
        self._make_sub_paths(found)
        self._runs = [self._container_run(container, self._place) for container in found]
        self._logs = {container.name: Log(self._log_path(container.name)) for container in found}

    def _container_run(self, container: Container, place: Place) -> ContainerRun:
        async def start_program(command: tuple[str, ...] | None) -> Process:
            return await self._start(container, place, command)

        return ContainerRun(
            container,
            address=self._facts.address,
            grace=self._grace(),
            start=start_program,
            changed=self._changed,
        )

    async def _live(self, stop: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as group:
            starting = group.create_task(self._start_all(group))
            refreshing = group.create_task(self._keep_tokens_fresh())
            await stop.wait()
            self._phase = Phase.STOPPING
            self._changed()
            starting.cancel()
            await self._stop_all()
            refreshing.cancel()

    async def _start_all(self, group: asyncio.TaskGroup) -> None:
        for run in self._runs:
            if run.container.role is Role.INIT:
                await run.run(again_after=lambda code: code != 0)
            else:
                group.create_task(run.run(again_after=self._again_after(run.container)))
            if run.container.role is Role.SIDECAR:
                await run.started.wait()
        for run in self._staying():
            await run.started.wait()
        self._phase = Phase.RUNNING
        self._changed()

    def _again_after(self, container: Container) -> Callable[[int], bool]:
        policy = raw.spec(self._pod.raw).get("restartPolicy", "Always")
        if container.role is Role.SIDECAR or policy == "Always":
            return lambda code: True
        return lambda code: policy == "OnFailure" and code != 0

    def _grace(self) -> float:
        wanted = raw.spec(self._pod.raw).get("terminationGracePeriodSeconds")
        return min(float(wanted if isinstance(wanted, int) else _GRACE), self._around.grace)

    async def _stop_all(self) -> None:
        async with asyncio.TaskGroup() as group:
            for run in self._runs:
                if run.container.role is not Role.SIDECAR:
                    group.create_task(run.stop())
        for run in reversed(self._runs):
            if run.container.role is Role.SIDECAR:
                await run.stop()

    async def _keep_tokens_fresh(self) -> None:
        while self._tokens_due is not None:
            # Looks at the clock now and then: a machine that sleeps does not count the seconds.
            left = self._tokens_due - self._around.clock()
            await asyncio.sleep(max(1.0, min(left, _LONGEST_NAP)))
            self._refresh_tokens()

    def _refresh_tokens(self) -> None:
        due = self._tokens_due is not None and self._around.clock() >= self._tokens_due
        if due and self._place is not None:
            self._write_tokens(self._place)

    async def _start(
        self, container: Container, place: Place, command: tuple[str, ...] | None
    ) -> Process:
        path = self._folder / f"launch-{next(self._launches)}.json"
        environment = self._environment(container)
        program = command or tuple(expand(a, environment) for a in self._program(container))
        launch.write(path, place.launch(container, program, environment))
        process = await start(
            launch.command("heddle.local.launch", str(path)),
            reads_input=container.reads_input and command is None,
            on_line=lambda stream, text: self._hear(container.name, stream, text),
        )
        self._around.record(process.pid)
        return process

    def _program(self, container: Container) -> tuple[str, ...]:
        return self._around.images.program(container.image, container.command, container.arguments)

    def _environment(self, container: Container) -> dict[str, str]:
        base = {
            "HOSTNAME": self._facts.name,
            "PYTHONPATH": CHECKOUT,
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            **self._around.variables,
        }
        return variables(container.variables, self._facts, base)

    def _volumes(self) -> Mapping[str, Volume]:
        config_maps = {**self._world.config_maps, **self._pod.config_maps}
        return volumes(self._pod.raw, self._facts, config_maps, self._pod.secrets)

    def _write_files(self, place: Place) -> None:
        spec = raw.spec(self._pod.raw)
        hosts = hosts_file(
            namespace=self._facts.namespace,
            pod=self._facts.name,
            pod_address=self._facts.address,
            hosts={} if has_resolvers(spec) else self._world.hosts,
        )
        for name, text in {"hosts": hosts, **resolver_files(spec)}.items():
            write_text(self._folder / "pod" / name, text)
        for volume in self._volumes().values():
            folder = volume_folder(self._folder, volume.name)
            folder.mkdir(parents=True, exist_ok=True)
            if volume.scratch:
                folder.chmod(0o777)
            elif volume.texts or volume.secrets or not volume.tokens:
                self._write_volume(volume, place)

    def _write_tokens(self, place: Place) -> None:
        found = [volume for volume in self._volumes().values() if volume.tokens]
        for volume in found:
            self._write_volume(volume, place)
        after = [seconds for volume in found if (seconds := refresh_after(volume)) is not None]
        self._tokens_due = self._around.clock() + min(after) if after else None

    def _write_volume(self, volume: Volume, place: Place) -> None:
        mode, owner = place.access(volume.name) if volume.tokens else (0o644, None)
        texts = {path: place.text(text).encode() for path, text in volume.texts.items()}
        write_volume(
            volume_folder(self._folder, volume.name),
            {**texts, **volume.secrets, **self._tokens(volume)},
            mode=mode,
            owner=owner,
        )

    def _tokens(self, volume: Volume) -> dict[str, bytes]:
        return {
            token.path: self._around.issuer.issue(
                namespace=self._facts.namespace,
                service_account=self._facts.service_account,
                pod=self._facts.name,
                uid=self._facts.uid,
                audience=token.audience,
                now=self._around.clock(),
                ttl=token.ttl,
                node=self._facts.node or "local",
            ).reveal()
            for token in volume.tokens
        }

    def _make_sub_paths(self, found: Sequence[Container]) -> None:
        for mount in (mount for container in found for mount in container.mounts):
            folder = volume_folder(self._folder, mount.volume)
            if not folder.exists():
                raise CannotRun(
                    "bad-pod", "there is no such volume", path="volumeMounts", value=mount.volume
                )
            if mount.sub_path and not (folder / mount.sub_path).exists():
                (folder / mount.sub_path).mkdir(parents=True)
                (folder / mount.sub_path).chmod(0o777)

    def _log_path(self, container: str) -> Path:
        return self._around.logs / f"{self._facts.namespace}_{self._facts.name}_{container}.log"

    def _hear(self, container: str, stream: str, text: bytes) -> None:
        self._logs[container].write(text)
        if stream == "stderr" and text.strip():
            self._last_words[container] = text.decode(errors="replace")[:500]
        self._around.on_line(Line(pod=self._name, container=container, stream=stream, text=text))

    def _staying(self) -> list[ContainerRun]:
        return [run for run in self._runs if run.container.role is not Role.INIT]

    def _fail(self, error: LocalError | OSError) -> None:
        known = error if isinstance(error, CannotRun) else CannotRun("cannot-run", str(error))
        self._phase, self._problem = Phase.FAILED, pod_problem(self._facts, known)
        self._changed()

    def _changed(self) -> None:
        staying = self._staying()
        ready = self._phase is Phase.RUNNING and all(run.ready for run in staying)
        self._report(
            PodStatus(
                pod=self._name,
                phase=self._phase,
                ready=ready,
                restarts=sum(run.restarts for run in self._runs),
                problem=self._problem or self._broken(),
                containers=tuple(map(_state, self._runs)),
            )
        )

    def _broken(self) -> Problem | None:
        """The first container that has ended and should not have."""
        if self._phase is Phase.STOPPING:
            return None
        for run in self._runs:
            code, name = run.exit_status, run.container.name
            if code is not None and (code != 0 or run.restarts):
                words = self._last_words.get(name, "it wrote nothing on its standard error")
                message = f"container {name} ended with status {code}: {words}"
                return pod_problem(self._facts, CannotRun("container-ended", message))
        return None

    def _clear(self) -> None:
        for log in self._logs.values():
            log.close()
        if self._place is not None:
            self._place.remove()
            self._place = None
        shutil.rmtree(self._folder, ignore_errors=True)


def _state(run: ContainerRun) -> ContainerState:
    return ContainerState(
        name=run.container.name,
        started=run.started.is_set(),
        ready=run.ready,
        restarts=run.restarts,
        exit_status=run.exit_status,
    )


def write_text(path: Path, text: str) -> None:
    """Replace a file's content at once; nothing is touched if it is the same."""
    if path.exists() and path.read_text() == text:
        return
    temporary = path.with_name(f"{path.name}.tmp")
    temporary.write_text(text)
    temporary.replace(path)
