"""The report: `report.json` for programs, the same as a table for people."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from bench.loop import BOUNDS
from bench.rows import Row

_SHOWN_BOUNDS = BOUNDS[2:8]
Report = Mapping[str, object]
"""Groups of figures by name, as docs/performance.md lists them, and what they were measured on."""


def write(folder: Path, report: Report, table: str) -> None:
    """Writes `report.json` and `report.md`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(json.dumps(report, indent=2) + "\n")
    (folder / "report.md").write_text(table + "\n")


def markdown(report: Report, rows: Iterable[Row], *, judged: bool) -> str:
    """The table. Targets are `judged` only at the size that they were set for."""
    secure = report.get("tls")
    lines = ["| figure | plaintext | TLS | target | |", "|---|---|---|---|---|"]
    for row in rows:
        plain = figure(report, row.figure)
        over_tls = figure(secure, row.figure) if isinstance(secure, Mapping) else None
        target = f"{row.target:g} {row.unit}" if row.target is not None else ""
        verdict = _verdict(plain, row.target) if judged else ""
        cells = (row.text, _shown(plain, row), _shown(over_tls, row), target, verdict)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def loop_table(report: Report) -> str:
    """How many turns of the server's event loop took longer than so many milliseconds."""
    lines = [
        "| turns of the event loop that took longer than | "
        + " | ".join(f"{bound:g} ms" for bound in _SHOWN_BOUNDS)
        + " | longest |",
        f"|---|{'---|' * len(_SHOWN_BOUNDS)}---|",
    ]
    for name, group in report.items():
        turns = group.get("turns_le_ms") if isinstance(group, Mapping) else None
        if isinstance(turns, Mapping):
            longer = (str(turns["inf"] - turns[f"{bound:g}"]) for bound in _SHOWN_BOUNDS)
            longest = figure(report, f"{name}.worst_lag_ms") or figure(report, f"{name}.lag_ms")
            shown = "" if longest is None else f"{short(longest)} ms"
            lines.append(f"| {name} ({turns['inf']} turns) | {' | '.join(longer)} | {shown} |")
    return "\n".join(lines)


def figure(report: Mapping[str, object], path: str) -> float | None:
    """The figure with that dotted name, if it was measured."""
    found: object = report
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return float(found) if isinstance(found, int | float) else None


def _shown(value: float | None, row: Row) -> str:
    if value is None:
        return ""
    return f"{short(value)} {row.unit}"


def short(value: float) -> str:
    """Three digits are as many as are true."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _verdict(value: float | None, target: float | None) -> str:
    if value is None or target is None:
        return ""
    return "reached" if value <= target else "**missed**"
