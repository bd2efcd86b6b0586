"""What the load generator says about its requests: the lines of its output, and their sum.

One line covers the requests of one phase that ended since the last line. Phases keep apart what was
asked before and after a change. The sum is again a `Counts`, so totals, windows and single lines
are the same thing.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

_Name = TypeVar("_Name")


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Requests that ended. `requests` includes `testers`; the versions of the two are counted
    apart.

    `failed` are those without a 2xx status, for the reasons in `failures`. `versions` has the pair
    service, version.
    """

    requests: int = 0
    testers: int = 0
    failed: int = 0
    reconnects: int = 0
    codes: Mapping[str, int] = field(default_factory=dict)
    failures: Mapping[str, int] = field(default_factory=dict)
    versions: Mapping[tuple[str, str], int] = field(default_factory=dict)
    tester_versions: Mapping[tuple[str, str], int] = field(default_factory=dict)
    latency: Mapping[int, int] = field(default_factory=dict)

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            requests=self.requests + other.requests,
            testers=self.testers + other.testers,
            failed=self.failed + other.failed,
            reconnects=self.reconnects + other.reconnects,
            codes=_sum(self.codes, other.codes),
            failures=_sum(self.failures, other.failures),
            versions=_sum(self.versions, other.versions),
            tester_versions=_sum(self.tester_versions, other.tester_versions),
            latency=_sum(self.latency, other.latency),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One line. `time` is in seconds since the generator started; `done` ends a phase of a given
    number of requests."""

    sequence: int
    time: float
    phase: str
    done: bool
    counts: Counts


def total(counts: Iterable[Counts]) -> Counts:
    """The sum."""
    return sum(counts, Counts())


def of_service(versions: Mapping[tuple[str, str], int], service: str) -> dict[str, int]:
    """The requests to each version of one service."""
    return {version: number for (name, version), number in versions.items() if name == service}


def encode(report: Report) -> str:
    """The line, without its end."""
    counts = report.counts
    fields: dict[str, object] = {
        "sequence": report.sequence,
        "time": round(report.time, 3),
        "phase": report.phase,
        "done": report.done,
        "requests": counts.requests,
        "testers": counts.testers,
        "failed": counts.failed,
        "reconnects": counts.reconnects,
        "codes": dict(counts.codes),
        "failures": dict(counts.failures),
        "versions": [[*pair, number] for pair, number in counts.versions.items()],
        "tester_versions": [[*pair, number] for pair, number in counts.tester_versions.items()],
        "latency": [[bucket, number] for bucket, number in counts.latency.items()],
    }
    return json.dumps(fields)


def decode(line: str) -> Report | None:
    """The report on a line, or None if the line is something else (a traceback, a stray print)."""
    try:
        raw = json.loads(line)
        return Report(
            sequence=int(raw["sequence"]),
            time=float(raw["time"]),
            phase=str(raw["phase"]),
            done=bool(raw["done"]),
            counts=Counts(
                requests=int(raw["requests"]),
                testers=int(raw["testers"]),
                failed=int(raw["failed"]),
                reconnects=int(raw["reconnects"]),
                codes=dict(raw["codes"]),
                failures=dict(raw["failures"]),
                versions={(name, version): number for name, version, number in raw["versions"]},
                tester_versions={
                    (name, version): number for name, version, number in raw["tester_versions"]
                },
                latency={int(bucket): number for bucket, number in raw["latency"]},
            ),
        )
    except (ValueError, KeyError, TypeError):
        return None


def _sum(one: Mapping[_Name, int], other: Mapping[_Name, int]) -> Mapping[_Name, int]:
    return Counter(one) + Counter(other)
