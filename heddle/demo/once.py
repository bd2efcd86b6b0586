"""The bounded run: requests under the weights as they are, edits under load, requests under the
last weights.

Phases keep the three apart, so each split is judged by the weights that held while its requests
began.
"""

import asyncio
from collections.abc import Callable, Coroutine
from math import ceil
from pathlib import Path
from typing import TypeVar

from heddle.demo import folder as files
from heddle.demo.canary import Canary, canaries, edits, reweighted
from heddle.demo.load_command import LoadCommand
from heddle.demo.load_reader import LoadEndedError, LoadReader
from heddle.demo.load_report import Counts, of_service, total
from heddle.demo.mesh_handle import MeshHandle
from heddle.demo.report import Evidence, Split, TesterCount

SETTLE_LIMIT = 30.0
"""Seconds for every proxy to acknowledge the first configuration, and for the first clean
requests.
"""

ACK_LIMIT = 10.0
"""Seconds for every proxy to acknowledge an edit."""

RATE = 300.0
"""Requests a second while the split is measured: more than a laptop's two cores take, so it is
bounded by them.
"""

EDIT_RATE = 100.0
"""Requests a second while the folder is edited."""

TESTER_EVERY = 11
"""One tester to ten others."""

_SLOWEST = 20.0
_Result = TypeVar("_Result")


class TroubleError(Exception):
    """The run cannot go on; the message is for the user."""


class Measurement:
    """One bounded run over a mesh that is up. `folder` is a copy: it is edited."""

    def __init__(
        self,
        mesh: MeshHandle,
        folder: Path,
        *,
        requests: int,
        edits: int,
        note: Callable[[str], None],
    ) -> None:
        self._mesh = mesh
        self._folder = folder
        self._requests = requests
        self._edits = edits
        self._note = note
        self._clock = asyncio.get_running_loop().time
        self._service: str | None = None
        self._warm_up = Counts()
        self._phases: list[str] = []
        self._load: LoadReader | None = None
        self._splits: list[Split] = []
        self._edit_times: list[float] = []
        self._trouble: list[str] = []

    async def run(self) -> Evidence:
        """Measure as much as the folder allows."""
        try:
            await _within(
                SETTLE_LIMIT,
                self._mesh.settled(-1),
                "not every proxy acknowledged the first configuration",
            )
            if self._mesh.load is None:
                self._note("no pod with the image heddle-demo/load: nothing to count")
                await self._make_edits(None)
            else:
                self._load = LoadReader(self._mesh.load)
                await self._under_load(self._load)
        except* (TroubleError, LoadEndedError) as group:
            self._trouble += [str(error) for error in group.exceptions]
        return self._evidence()

    async def _under_load(self, load: LoadReader) -> None:
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(load.run())
            self._warm_up = await _within(
                SETTLE_LIMIT, load.warm_up(), "requests still fail although every proxy is in sync"
            )
            services = {service for service, _ in self._warm_up.versions}
            self._service = next(
                (found.service for found in self._canaries() if found.service in services), None
            )
            await self._measure_split(load, "before")
            if self._canary() is not None:
                await self._make_edits(load)
                await self._measure_split(load, "after")
            await load.command(LoadCommand(phase="end", rate=0))
            reading.cancel()

    async def _measure_split(self, load: LoadReader, phase: str) -> None:
        canary = self._canary()
        testers = canary.testers if canary else None
        requests = self._requests
        if testers is not None:
            requests = ceil(requests * TESTER_EVERY / (TESTER_EVERY - 1))
        self._note(f"{requests} requests {phase} the edits")
        self._phases.append(phase)
        command = LoadCommand(
            phase=phase,
            rate=RATE,
            requests=requests,
            tester=f"{testers.header}: {testers.value}" if testers else "",
            tester_every=TESTER_EVERY if testers else 0,
        )
        await load.command(command)
        limit = SETTLE_LIMIT + requests / _SLOWEST
        counts = await _within(
            limit, load.finished(phase), f"{requests} requests took more than {limit:.0f} s"
        )
        if canary is not None:
            observed = of_service(counts.versions, canary.service)
            split = Split(service=canary.service, weights=canary.weights, observed=observed)
            self._splits.append(split)

    async def _make_edits(self, load: LoadReader | None) -> None:
        canary = self._canary()
        if canary is None:
            return
        if load is not None:
            self._phases.append("edits")
            await load.command(LoadCommand(phase="edits", rate=EDIT_RATE))
        for weights in edits(canary, self._edits):
            if load is not None:
                # The next edit meets requests that began under this one.
                await _within(ACK_LIMIT, load.more("edits"), "the load stands still")
            await self._edit(weights)

    async def _edit(self, weights: tuple[int, ...]) -> None:
        canary = self._canary()
        if canary is None:
            raise TroubleError("the weights are no longer in the folder")
        file = self._folder / canary.file
        text = reweighted(files.texts(self._folder)[canary.file], canary, weights)
        before, begun = self._mesh.generation, self._clock()
        files.replace(file, text)
        acknowledged = await _within(
            ACK_LIMIT,
            self._mesh.settled(before),
            f"not every proxy acknowledged the edit of {canary.file} within {ACK_LIMIT:.0f} s",
        )
        self._edit_times.append((acknowledged - begun) * 1000)
        shown = "/".join(str(weight) for weight in weights)
        self._note(f"weights {shown} acknowledged in {self._edit_times[-1]:.0f} ms")

    def _canaries(self) -> tuple[Canary, ...]:
        return canaries(files.texts(self._folder))

    def _canary(self) -> Canary | None:
        """The canary that the load reaches; without a load, the first."""
        for canary in self._canaries():
            if self._load is None or canary.service == self._service:
                return canary
        return None

    def _evidence(self) -> Evidence:
        load = self._load
        counts = total(load.counts(phase) for phase in self._phases) if load else Counts()
        return Evidence(
            mode=self._mesh.mode,
            mode_reason=self._mesh.mode_reason,
            counts=counts,
            warm_up=self._warm_up,
            splits=tuple(self._splits),
            testers=self._testers(counts),
            edits=tuple(self._edit_times),
            proxies=tuple(self._mesh.proxies()),
            problems=tuple(self._mesh.problems()),
            trouble=tuple(self._trouble),
        )

    def _testers(self, counts: Counts) -> TesterCount | None:
        canary = self._canary()
        if canary is None or canary.testers is None or not counts.testers:
            return None
        return TesterCount(
            header=f"{canary.testers.header}: {canary.testers.value}",
            version=canary.testers.version,
            observed=of_service(counts.tester_versions, canary.service),
        )


async def _within(
    seconds: float, waiting: Coroutine[object, object, _Result], otherwise: str
) -> _Result:
    try:
        async with asyncio.timeout(seconds):
            return await waiting
    except TimeoutError as error:
        raise TroubleError(otherwise) from error
