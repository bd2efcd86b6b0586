"""Findings as people and programs read them; the fields of JSON have istioctl's names."""

from collections.abc import Iterable, Sequence

import typer

from analysis.analyzer import Analyzer
from analysis.code import Code
from analysis.message import Message, friendly
from analysis.severity import Severity
from crds.problem import printable
from heddle.cli.output import table

_COLOURS = {
    Severity.ERROR: typer.colors.RED,
    Severity.WARNING: typer.colors.YELLOW,
    Severity.INFO: typer.colors.CYAN,
}


def text(messages: Iterable[Message]) -> str:
    """Two lines each: the finding as istioctl has it, and the way out. With colours, which whoever
    prints it leaves out where there is no terminal.
    """
    return "".join(f"{_coloured(each)}\n    {printable(each.remedy)}\n" for each in messages)


def _coloured(message: Message) -> str:
    line = str(message)
    name = message.severity.value
    return typer.style(name, fg=_COLOURS[message.severity], bold=True) + line[len(name) :]


def summary(messages: Sequence[Message], suppressed: int) -> str:
    """How many there are."""
    counts = {each: sum(m.severity is each for m in messages) for each in Severity}
    told = [f"{count} {_plural(each, count)}" for each, count in counts.items() if count]
    left = f" ({suppressed} suppressed)" if suppressed else ""
    return (", ".join(told) or "nothing found") + left


def _plural(severity: Severity, count: int) -> str:
    word = severity.value.lower()
    return word if count == 1 or severity is Severity.INFO else f"{word}s"


def fields(message: Message) -> dict[str, object]:
    """One finding: istioctl's fields, and what it does not say. Absent is what is not known."""
    origin = message.origin
    found: dict[str, object | None] = {
        "code": message.code.id,
        "name": message.code.name,
        "level": message.severity.value,
        "origin": friendly(message.object) if message.object else None,
        "field": message.path or None,
        "value": message.value,
        "message": message.text,
        "remedy": message.remedy,
        "reference": message.reference or None,
        "file": origin.file if origin else None,
        "line": origin.line if origin else None,
        "documentationUrl": message.code.url,
    }
    return {name: _unicode(value) for name, value in found.items() if value is not None}


def _unicode(value: object) -> object:
    """Names of files may have bytes that are no text, which cannot be written."""
    if not isinstance(value, str):
        return value
    return value.encode("utf-8", "backslashreplace").decode()


def listing(analyzers: Iterable[Analyzer], codes: Iterable[Code]) -> str:
    """What `-L` prints: all analyzers, and all codes."""
    known = table(
        ("ANALYZER", "CODES", "FINDS"),
        [(a.name, " ".join(code.id for code in a.codes), a.summary) for a in analyzers],
    )
    every = table(
        ("CODE", "LEVEL", "NAME", "MEANS"),
        [(c.id, c.severity.value, c.name, c.summary) for c in codes],
    )
    return f"{known}\n{every}"
