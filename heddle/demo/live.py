"""The demo as it goes on: reports and edits come in, the state of the view comes out.

The split is that of the last ten seconds, and starts again when the weights change: what one sees
is the newest weights at work, not an average over the session.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from pathlib import Path

from heddle.demo import folder as files
from heddle.demo.canary import Canary, canaries
from heddle.demo.latency import quantile
from heddle.demo.load_command import LoadCommand
from heddle.demo.load_report import Counts, Report, of_service, total
from heddle.demo.mesh_handle import MeshHandle
from heddle.demo.statistics import shares
from heddle.demo.view import Edit, TesterRow, VersionRow, ViewState

PHASE = "live"
WINDOW = 10.0
"""Seconds of requests that are shown."""

TESTER_EVERY = 11
"""One tester to ten others."""

_OLDEST_EDIT = 60.0
"""Seconds after which a change of the mesh was no edit of a file (a pod came, the folder was
touched long ago).
"""

Clock = Callable[[], float]


class LiveDemo:
    """What the view shows, kept up to date by `heard`, `read` and `edited`. The clocks are in
    seconds.
    """

    def __init__(self, mesh: MeshHandle, folder: Path, *, clock: Clock, wall_clock: Clock) -> None:
        self._mesh = mesh
        self._folder = folder
        self._clock = clock
        self._wall_clock = wall_clock
        self._window: deque[tuple[float, Counts]] = deque()
        self._since = clock()
        self._total = Counts()
        self._canaries: tuple[Canary, ...] = ()
        self._generation = -1
        self._edit: Edit | None = None
        self.note = ""

    def heard(self, report: Report) -> None:
        """Take in a report of the load."""
        if report.phase != PHASE:
            return
        now = self._clock()
        self._total += report.counts
        self._window.append((now, report.counts))
        while self._window[0][0] < now - WINDOW:
            self._window.popleft()

    def read(self) -> bool:
        """Read the weights again if the configuration has changed; True if what the load is to send
        has.
        """
        if self._mesh.generation == self._generation:
            return False
        self._generation = self._mesh.generation
        before, self._canaries = self._canaries, canaries(files.texts(self._folder))
        if _weights(before) != _weights(self._canaries):
            self._restart()
        return _testers(before) != _testers(self._canaries)

    def edited(self, acknowledged: float) -> None:
        """Take in that every proxy has the newest configuration, since `acknowledged` on the
        clock.
        """
        self._restart()
        newest = files.newest(self._folder)
        if newest is None:
            return
        file, modified = newest
        passed = self._wall_clock() - (self._clock() - acknowledged) - modified
        if 0 <= passed < _OLDEST_EDIT:
            self._edit = Edit(file=file, milliseconds=passed * 1000)

    def command(self) -> LoadCommand:
        """What the load is to send: testers too, if a rule is for them."""
        testers = _testers(self._canaries)
        return LoadCommand(phase=PHASE, tester=testers, tester_every=TESTER_EVERY if testers else 0)

    def state(self) -> ViewState:
        """What to show now."""
        counts = total(counts for _, counts in self._window)
        seconds = min(WINDOW, max(0.1, self._clock() - self._since))
        return ViewState(
            mode=self._mesh.mode,
            mode_reason=self._mesh.mode_reason,
            folder=str(self._folder),
            generation=self._mesh.generation,
            versions=_rows(counts, self._canaries),
            testers=_tester_row(counts, self._canaries),
            requests=self._total.requests,
            failed=self._total.failed,
            codes=self._total.codes,
            failures=tuple(sorted(counts.failures)),
            rate=counts.requests / seconds,
            p50=quantile(counts.latency, 0.5),
            p99=quantile(counts.latency, 0.99),
            proxies=tuple(self._mesh.proxies()),
            last_edit=self._edit,
            problems=tuple(self._mesh.problems()),
            urls=self._mesh.urls,
            page=self._mesh.page,
            hint=self.note or _hint(self._folder, self._canaries),
        )

    def _restart(self) -> None:
        self._window.clear()
        self._since = self._clock()


async def watch_edits(mesh: MeshHandle, edited: Callable[[float], None]) -> None:
    """Tell of each new configuration once every proxy has acknowledged it; runs until cancelled."""
    await mesh.settled(-1)
    while True:
        edited(await mesh.settled(mesh.generation))


async def refresh(demo: LiveDemo, draw: Callable[[ViewState], None], *, every: float) -> None:
    """Draw again and again, `every` so many seconds; runs until cancelled."""
    while True:
        demo.read()
        draw(demo.state())
        await asyncio.sleep(every)


def _rows(counts: Counts, found: tuple[Canary, ...]) -> tuple[VersionRow, ...]:
    weights = {canary.service: canary.weights for canary in found}
    services = sorted({service for service, _ in counts.versions} | set(weights))
    return tuple(
        VersionRow(
            service=service,
            version=share.version,
            configured=share.configured if service in weights else None,
            observed=share.observed,
            requests=share.requests,
        )
        for service in services
        for share in shares(of_service(counts.versions, service), weights.get(service, {}))
    )


def _tester_row(counts: Counts, found: tuple[Canary, ...]) -> TesterRow | None:
    for canary in found:
        if canary.testers is not None and counts.testers:
            versions = of_service(counts.tester_versions, canary.service)
            return TesterRow(
                header=_testers((canary,)),
                version=canary.testers.version,
                requests=sum(versions.values()),
                matched=versions.get(canary.testers.version, 0),
            )
    return None


def _weights(found: tuple[Canary, ...]) -> list[tuple[str, dict[str, float]]]:
    return [(canary.service, canary.weights) for canary in found]


def _testers(found: tuple[Canary, ...]) -> str:
    """The header of the first rule for testers, `name: value`, or ""."""
    for canary in found:
        if canary.testers is not None:
            return f"{canary.testers.header}: {canary.testers.value}"
    return ""


def _hint(folder: Path, found: tuple[Canary, ...]) -> str:
    if not found:
        return f"Edit a file in {folder} and save it. Ctrl-C ends."
    return f"Edit a weight in {folder / found[0].file} and save it. Ctrl-C ends."
