"""A mesh without proxies: it follows the weights in the folder, or does it wrong in one given
way.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from crds.problem import Problem
from heddle.demo import folder as files
from heddle.demo import load_command, load_report
from heddle.demo.canary import canaries
from heddle.demo.load_command import LoadCommand
from heddle.demo.load_report import Counts, Report
from heddle.demo.mesh_handle import LoadPod, ProxyState, ProxyStatus

SYNCED = ProxyStatus(
    pod="shop/storefront-0", mode="REDIRECT", state=ProxyState.SYNCED, acknowledged=1
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """What the mesh does wrong."""

    split: tuple[int, int] | None = None
    testers_to: str = "v2"
    failed: int = 0
    unclean_warm_ups: int = 0
    load_dies: bool = False
    never_acknowledges: bool = False


class FakeLoad:
    """Answers each command at once with the requests that the folder's weights would give."""

    def __init__(self, folder: Path, faults: Faults) -> None:
        self._folder = folder
        self._faults = faults
        self._warm_ups = 0
        self._command: LoadCommand | None = None
        self._told = asyncio.Event()
        self.commands: list[LoadCommand] = []

    async def send(self, line: str) -> None:
        command = load_command.decode(line)
        assert command is not None
        self._command = command
        self.commands.append(command)
        self._told.set()

    async def lines(self) -> AsyncIterator[str]:
        yield "a line that is no report"
        while not self._faults.load_dies:
            await self._told.wait()
            command = self._command
            assert command is not None
            if command.requests is not None or command.rate == 0:
                self._told.clear()
            if command.rate != 0:
                yield load_report.encode(self._report(command))
            await asyncio.sleep(0)

    def _report(self, command: LoadCommand) -> Report:
        requests = command.requests or 22
        testers = requests // command.tester_every if command.tester_every else 0
        (canary,) = canaries(files.texts(self._folder))
        old, new = self._faults.split or tuple(one.weight for one in canary.destinations)
        second = round((requests - testers) * new / (old + new))
        failed = self._faults.failed if command.phase == "before" else 0
        if command.phase.startswith("warm-up"):
            self._warm_ups += 1
            failed = int(self._warm_ups <= self._faults.unclean_warm_ups)
        counts = Counts(
            requests=requests,
            testers=testers,
            failed=failed,
            failures={"503: no healthy upstream": failed} if failed else {},
            codes={"200": requests - failed},
            versions={
                ("reviews", "v1"): requests - testers - second,
                ("reviews", "v2"): second,
                ("storefront", "v1"): requests - testers,
            },
            tester_versions={("reviews", self._faults.testers_to): testers} if testers else {},
            latency={120: requests},
        )
        done = command.requests is not None
        return Report(sequence=1, time=0.0, phase=command.phase, done=done, counts=counts)


@dataclass(slots=True, kw_only=True)
class FakeMesh:
    """Notices an edit when it is waited for, and acknowledges it at once."""

    folder: Path
    faults: Faults = field(default_factory=Faults)
    load: LoadPod | None = None
    mode: str = "namespaces"
    mode_reason: str = "a test"
    generation: int = 1
    status: tuple[ProxyStatus, ...] = (SYNCED,)
    found: tuple[Problem, ...] = ()
    looked: asyncio.Event = field(default_factory=asyncio.Event)
    """Somebody has asked for the problems, as a picture of the mesh does."""
    _texts: dict[str, str] = field(default_factory=dict)

    @property
    def page(self) -> str:
        return ""

    @property
    def urls(self) -> Mapping[str, str]:
        return {"http://127.0.0.1:8080": "shop/ingress"}

    def proxies(self) -> Sequence[ProxyStatus]:
        return [replace(status, acknowledged=self.generation) for status in self.status]

    def problems(self) -> Sequence[Problem]:
        self.looked.set()
        return self.found

    async def settled(self, after: int) -> float:
        texts = files.texts(self.folder)
        if self._texts and texts != self._texts:
            self.generation += 1
        self._texts = texts
        if self.faults.never_acknowledges and self.generation > 1:
            raise TimeoutError
        if self.generation <= after:
            await asyncio.Event().wait()
        return asyncio.get_running_loop().time()


class Opened:
    """Opens fake meshes, and remembers what for and whether they were closed."""

    def __init__(
        self,
        faults: Faults | None = None,
        *,
        load: bool = True,
        problems: tuple[Problem, ...] = (),
        breaks: Exception | None = None,
    ) -> None:
        self._faults = faults or Faults()
        self._load = load
        self._problems = problems
        self._breaks = breaks
        self.folders: list[Path] = []
        self.closed = 0
        self.entered = asyncio.Event()
        self.looked = asyncio.Event()

    @asynccontextmanager
    async def __call__(self, *, folder: Path, mode: str) -> AsyncIterator[FakeMesh]:
        self.folders.append(folder)
        self.entered.set()
        load = FakeLoad(folder, self._faults) if self._load else None
        try:
            async with asyncio.TaskGroup() as group:
                work = group.create_task(self._work())
                yield FakeMesh(
                    folder=folder,
                    faults=self._faults,
                    load=load,
                    found=self._problems,
                    looked=self.looked,
                )
                work.cancel()
        finally:
            self.closed += 1

    async def _work(self) -> None:
        """What goes on in a mesh, which may break."""
        if self._breaks is None:
            await asyncio.Event().wait()
        else:
            await self.looked.wait()
            raise self._breaks
