"""What a running server costs with simulated proxies connected: the scenarios, step by step."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median

from bench import shapes
from bench.fleet import fleet
from bench.loop import cumulative
from bench.messages import (
    Applied,
    Apply,
    Collect,
    Connect,
    Count,
    Disconnect,
    Done,
    Expect,
    Prepare,
    Received,
    Settle,
    Start,
    Started,
    Usage,
)
from bench.scenarios import Scenario
from bench.server import server
from bench.settings import Settings
from bench.shapes import EditKind
from bench.worker import Worker, cores

Figures = dict[str, dict[str, object]]
"""Groups of figures by name."""
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """One change, from the store to the last of the proxies. Times in seconds, sizes in bytes."""

    translated: float
    first: float
    last: float
    cpu: float
    lag: float
    turns: tuple[int, ...]
    affected: int
    """How many proxies the change concerns."""
    size: int
    """Sent to all proxies, whether it concerns them or not."""
    proxies_cpu: float


def live(settings: Settings, scenario: Scenario, *, tls: bool, say: Say) -> Figures:
    """All figures of a scenario, over plaintext or TLS."""
    first, second = cores()
    patience = settings.patience
    with (
        Worker("server", server, core=first, patience=patience) as serving,
        Worker("proxies", fleet, core=second, patience=patience) as proxies,
    ):
        command = Start(
            shape=scenario.shape,
            tls=tls,
            inline=scenario.inline,
            identified=scenario.identified,
        )
        started = serving.ask(command, Started)
        scene = _Scene(serving, proxies, started, scenario, tls=tls)
        return _figures(scene, settings, scenario, say)


def _figures(scene: "_Scene", settings: Settings, scenario: Scenario, say: Say) -> Figures:
    count, repeats, name = settings.clients, settings.repeats, scenario.name
    figures: Figures = {}
    scene.connect(1)
    if scenario.alone:
        say("one proxy: edits")
        figures["vs_edit_1"] = _edit_figures([scene.push("vs_edit") for _ in range(repeats)])
    empty = scene.leave().rss
    say(f"{count} {name} proxies connect")
    figures[f"connect_{name}"], used = scene.storm(count)
    held = scene.settle(trim=True).rss
    figures["rss_mb_per_proxy"] = {
        name: (held - empty) / count / 1e6,
        f"{name}_peak": (used.peak - empty) / count / 1e6,
        f"{name}_server_mb": empty / 1e6,
    }
    for kind in scenario.kinds:
        say(f"{count} {name} proxies: {kind}")
        pushes = [scene.push(kind) for _ in range(repeats)]
        figures[f"{kind}_{name}"] = _edit_figures(pushes)
    return figures


class _Scene:
    """A server that listens, and the proxies that it has at the moment."""

    def __init__(
        self, serving: Worker, proxies: Worker, started: Started, scenario: Scenario, *, tls: bool
    ) -> None:
        self._serving = serving
        self._proxies = proxies
        self._started = started
        self._shape = scenario.shape
        self._inline = scenario.inline
        self._tls = tls
        self._count = 0
        self._edits = 0

    def connect(self, count: int) -> tuple[Received, Usage, Received]:
        """So many more proxies; when they were synced, what it cost, and what all were sent."""
        self._serving.ask(Prepare(), Usage)
        namespaces = self._shape.namespaces
        command = Connect(count=count, namespaces=namespaces, server=self._started, tls=self._tls)
        synced = self._proxies.ask(command, Received)
        self._count += count
        used = self.settle()
        return synced, used, self._proxies.ask(Count(), Received)

    def storm(self, count: int) -> tuple[dict[str, object], Usage]:
        """The figures of so many proxies that connect at once."""
        synced, used, total = self.connect(count)
        return {
            "last_s": (synced.last - synced.began) / 1e9,
            "cpu_ms_per_proxy": used.cpu / count * 1e3,
            "kb_per_proxy": total.size / count / 1e3,
            "lag_ms": used.lag * 1e3,
            "turns_le_ms": cumulative(used.turns),
            "proxies_cpu_s": synced.cpu,
        }, used

    def leave(self) -> Usage:
        """All proxies go; what the server holds then."""
        self._proxies.ask(Disconnect(), Done)
        self._count = 0
        return self.settle(trim=True)

    def settle(self, *, trim: bool = False) -> Usage:
        """Wait until the server has nothing to do; what it has used."""
        return self._serving.ask(Settle(clients=self._count, trim=trim), Usage)

    def push(self, kind: EditKind) -> Push:
        """One edit, each time another one."""
        self._edits += 1
        marks = shapes.marks(kind, self._edits, inline=self._inline)
        home = shapes.namespace() if self._shape.scoped else None
        self._proxies.ask(Expect(marks=marks, namespace=home), Done)
        self._serving.ask(Prepare(kind=kind, number=self._edits), Usage)
        applied = self._serving.ask(Apply(), Applied)
        arrived = self._proxies.ask(Collect(), Received)
        used = self.settle()
        total = self._proxies.ask(Count(), Received)
        return Push(
            translated=applied.took,
            first=(arrived.first - applied.began) / 1e9,
            last=(arrived.last - applied.began) / 1e9,
            cpu=used.cpu,
            lag=used.lag,
            turns=used.turns,
            affected=arrived.concerned,
            size=total.size,
            proxies_cpu=arrived.cpu,
        )


def _edit_figures(pushes: Iterable[Push]) -> dict[str, object]:
    """Medians over repeated edits."""
    each = tuple(pushes)
    last, cpu = median(p.last for p in each), median(p.cpu for p in each)
    affected = each[0].affected
    return {
        "last_s": last,
        "last_ms": last * 1e3,
        "worst_s": max(p.last for p in each),
        "first_ms": median(p.first for p in each) * 1e3,
        "translated_ms": median(p.translated for p in each) * 1e3,
        "cpu_s": cpu,
        "cpu_ms_per_proxy": cpu / affected * 1e3,
        "bytes_per_proxy": median(p.size for p in each) / affected,
        "affected": affected,
        "lag_ms": median(p.lag for p in each) * 1e3,
        "worst_lag_ms": max(p.lag for p in each) * 1e3,
        "turns_le_ms": cumulative([sum(n) for n in zip(*(p.turns for p in each), strict=True)]),
        "proxies_cpu_s": median(p.proxies_cpu for p in each),
    }
