"""`python -m bench`: measures everything, prints the table, writes `bench/out/`."""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from bench.live import live
from bench.machine import machine
from bench.offline import Cold, Incremental, Seconds, offline
from bench.report import markdown, write
from bench.rows import rows
from bench.settings import Settings, settings_from
from bench.worker import Worker, WorkerFailed, cores

OUT = Path(__file__).parent / "out"
_SMALLER = 10
"""Incremental translation is compared with that of a mesh so many times smaller."""


def main() -> int:
    """The exit status: 1 if something could not be measured."""
    settings = settings_from(os.environ)
    began = time.monotonic()
    report: dict[str, object] = {"machine": machine(), "settings": _shape(settings)}
    problems: list[str] = []

    def say(text: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s  {text}", file=sys.stderr, flush=True)

    def attempt(name: str, measure: Callable[[], dict[str, object]]) -> dict[str, object]:
        try:
            return measure()
        except WorkerFailed as error:
            problems.append(f"{name}: {error}")
            say(f"FAILED {problems[-1]}")
            return {}

    say("translation")
    report |= attempt("translation", lambda: _translation(settings))
    report |= attempt("plaintext", lambda: dict(live(settings, tls=False, say=say)))
    if settings.tls:
        say("the same over TLS")
        report["tls"] = attempt("TLS", lambda: dict(live(settings, tls=True, say=say)))
    report |= {"problems": problems, "seconds": round(time.monotonic() - began, 1)}
    table = markdown(
        report, rows(settings.services, settings.clients), judged=settings == Settings()
    )
    write(OUT, report, table)
    print(table)
    say(f"written to {OUT.name}/report.json and {OUT.name}/report.md")
    return 1 if problems else 0


def _translation(settings: Settings) -> dict[str, object]:
    services, endpoints = settings.services, settings.endpoints
    fewer = max(services // _SMALLER, 1)
    core, _ = cores()
    with Worker("translation", offline, core=core, patience=settings.patience) as worker:
        cold = worker.ask(Cold(services=services, endpoints=endpoints), Seconds)
        small = worker.ask(Incremental(services=fewer, endpoints=endpoints), Seconds).of["s"]
        large = worker.ask(Incremental(services=services, endpoints=endpoints), Seconds).of["s"]
    return {
        f"translate_cold_{services}": dict(cold.of),
        "incremental": {"ms": large * 1e3, f"ms_{fewer}": small * 1e3},
        "incremental_ratio": large / small,
    }


def _shape(settings: Settings) -> dict[str, int]:
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
