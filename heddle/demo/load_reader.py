"""The load pod as the demo sees it: told what to do, its reports summed by phase."""

import asyncio
from collections import defaultdict
from collections.abc import Callable

from heddle.demo import load_command, load_report
from heddle.demo.load_command import LoadCommand
from heddle.demo.load_report import Counts, Report, total
from heddle.demo.mesh_handle import LoadPod


class LoadEndedError(Exception):
    """The load generator ended by itself."""


WARM_UP_REQUESTS = 20


class LoadReader:
    """Reads a load pod; one task runs it, another one waits on it."""

    def __init__(self, pod: LoadPod) -> None:
        self._pod = pod
        self._counts: defaultdict[str, Counts] = defaultdict(Counts)
        self._done: set[str] = set()
        self._news = asyncio.Event()

    async def run(self, heard: Callable[[Report], None] = lambda report: None) -> None:
        """Read until cancelled, handing each report on; raises `LoadEndedError` when the output
        ends.
        """
        async for line in self._pod.lines():
            report = load_report.decode(line)
            if report is None:
                continue
            self._counts[report.phase] += report.counts
            if report.done:
                self._done.add(report.phase)
            heard(report)
            self._news.set()
        raise LoadEndedError("the load generator ended")

    async def command(self, command: LoadCommand) -> None:
        """Begin another phase."""
        await self._pod.send(load_command.encode(command))

    def counts(self, phase: str) -> Counts:
        """The requests of a phase so far."""
        return self._counts[phase]

    async def finished(self, phase: str) -> Counts:
        """Wait until all requests of a phase have ended."""
        await self._until(lambda: phase in self._done)
        return self._counts[phase]

    async def warm_up(self) -> Counts:
        """Send a few requests until they all succeed: from then on none may fail."""
        attempts: list[Counts] = []
        while not attempts or attempts[-1].failed:
            phase = f"warm-up {len(attempts) + 1}"
            await self.command(LoadCommand(phase=phase, rate=100, requests=WARM_UP_REQUESTS))
            attempts.append(await self.finished(phase))
        return total(attempts)

    async def more(self, phase: str) -> None:
        """Wait for another report of a phase."""
        before = self._counts[phase].requests
        await self._until(lambda: self._counts[phase].requests > before)

    async def _until(self, reached: Callable[[], bool]) -> None:
        while not reached():
            self._news.clear()
            await self._news.wait()
