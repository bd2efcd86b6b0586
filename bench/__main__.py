"""`python -m bench`: measures everything, prints the table, writes `bench/out/`."""

import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from bench.live import Figures, live
from bench.machine import machine
from bench.offline import Analysis, Cold, Incremental, PerProxy, Seconds, offline
from bench.peers.measure import peers
from bench.peers.measure import table as peers_table
from bench.report import loop_table, markdown, write
from bench.rows import rows
from bench.scenarios import analyzed_shapes, offline_shapes, scenarios, unscoped
from bench.settings import Settings, settings_from
from bench.worker import Worker, WorkerFailed, cores

Made = TypeVar("Made")

OUT = Path(__file__).parent / "out"
_SMALLER = 10
"""Incremental translation is compared with that of a mesh so many times smaller."""


def main() -> int:
    """The exit status: 1 if something could not be measured."""
    settings = settings_from(os.environ)
    run = _Run()
    report: dict[str, object] = {"machine": machine(), "settings": _size(settings)}
    run.say("translation")
    report |= run.attempt("translation", lambda: _translation(settings))
    report |= _connected(run, settings, tls=False)
    if settings.tls:
        run.say("the same over TLS")
        report["tls"] = _connected(run, settings, tls=True)
    compared = ""
    if settings.peers:
        found, skipped = peers(settings, run.say)
        report |= {"peers": found, "peers_skipped": skipped}
        compared = f"\n\n{peers_table(report, found, skipped)}"
    report |= {"problems": run.problems, "seconds": round(run.seconds(), 1)}
    table = markdown(
        report, rows(settings.services, settings.clients), judged=_is_default(settings)
    )
    table += f"\n\n{loop_table(report)}{compared}"
    write(OUT, report, table)
    print(table)
    run.say(f"written to {OUT.name}/report.json and {OUT.name}/report.md")
    return 1 if run.problems else 0


class _Run:
    """Says how far it is, and goes on where something could not be measured."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self._began = time.monotonic()

    def seconds(self) -> float:
        return time.monotonic() - self._began

    def say(self, text: str) -> None:
        print(f"{self.seconds():6.1f} s  {text}", file=sys.stderr, flush=True)

    def attempt(self, name: str, measure: Callable[[], dict[str, Made]]) -> dict[str, Made]:
        try:
            return measure()
        except WorkerFailed as error:
            self.problems.append(f"{name}: {error}")
            self.say(f"FAILED {self.problems[-1]}")
            return {}


def _connected(run: _Run, settings: Settings, *, tls: bool) -> Figures:
    """The figures of all scenarios; groups of one name are put together."""
    groups: Figures = {}
    for each in scenarios(settings, tls=tls):
        name = f"{each.name}{' over TLS' if tls else ''}"
        found = run.attempt(name, partial(live, settings, each, tls=tls, say=run.say))
        for group, figures in found.items():
            groups[group] = {**groups.get(group, {}), **figures}
    return groups


def _translation(settings: Settings) -> dict[str, object]:
    shape = unscoped(settings)
    fewer = max(shape.services // _SMALLER, 1)
    core, _ = cores()
    with Worker("translation", offline, core=core, patience=settings.patience) as worker:
        cold = worker.ask(Cold(shape=shape), Seconds)
        small = worker.ask(Incremental(shape=replace(shape, services=fewer)), Seconds).of["s"]
        large = worker.ask(Incremental(shape=shape), Seconds).of["s"]
        others = {
            name: _milliseconds(worker.ask(PerProxy(shape=each), Seconds))
            for name, each in offline_shapes(settings).items()
        }
        analyses = {
            name: dict(worker.ask(Analysis(shape=each), Seconds).of)
            for name, each in analyzed_shapes(settings).items()
        }
    return {
        f"translate_cold_{shape.services}": dict(cold.of),
        "incremental": {"ms": large * 1e3, f"ms_{fewer}": small * 1e3},
        "incremental_ratio": large / small,
        **others,
        **analyses,
    }


def _milliseconds(found: Seconds) -> dict[str, float]:
    return {name.replace("_s", "_ms"): seconds * 1e3 for name, seconds in found.of.items()}


def _is_default(settings: Settings) -> bool:
    """Whether it is the size that the targets are about."""
    return replace(settings, tls=True, peers=False) == Settings()


def _size(settings: Settings) -> dict[str, int]:
    return {
        "services": settings.services,
        "endpoints": settings.endpoints,
        "clients": settings.clients,
        "repeats": settings.repeats,
    }


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
