"""The mistakes that people make, each in a folder: `mesh.yaml` has it, `good.yaml` is the same
without it. Both are laid over the shop of `shop.yaml`; those of `running/` are in a cluster.

The line that is wrong says what has to be found there, and a word of the remedy:

    subset: vv2  # ! IST0101 Error: Did you mean v2
"""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from analysis.analyzers import ANALYZERS
from analysis.codes import CODES
from analysis.engine import analyze
from analysis.message import Message
from crds.meta import Key
from heddle.analyze.files import applied, read_files
from heddle.analyze.subject import subject
from sources.events import Event

HERE = Path(__file__).parent
MISTAKES = sorted(str(path.parent.relative_to(HERE)) for path in HERE.rglob("mesh.yaml"))
RUNNING = "running/"
MARK = re.compile(r"  # ! (?P<code>[A-Z]{3}\d{4}) (?P<severity>Error|Warning|Info): (?P<word>.+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a marked line wants to be found there."""

    line: int
    object: Key | None
    code: str
    severity: str
    word: str


def messages(path: Path | None) -> tuple[Message, ...]:
    """What is told of the shop with a file laid over it."""
    shop, events = events_of(HERE / "shop.yaml"), events_of(path) if path else []
    runs = path is not None and RUNNING in str(path.relative_to(HERE))
    found = subject(shop, events) if runs else subject([*shop, *events])
    return analyze(found.facts, ANALYZERS, found.problems, found.place)


def events_of(path: Path) -> list[Event]:
    return read_files([str(path)], recursive=False)


def expected(name: str) -> tuple[Expected, ...]:
    """What the marks of a mistake say, in the order of lines. A document that cannot be read has no
    object.
    """
    path = HERE / name / "mesh.yaml"
    starts = [(e.origin.line or 0, e.key) for e in applied(events_of(path)) if e.origin]
    found = []
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        if mark := MARK.search(line):
            above = [(start, key) for start, key in starts if start <= number]
            key = max(above)[1] if above else None
            found.append(Expected(line=number, object=key, **mark.groupdict()))
    return tuple(found)


@pytest.mark.parametrize("name", MISTAKES)
def test_the_mistake_is_found_and_nothing_else(name: str) -> None:
    """With its code, object and line, and a remedy that helps."""
    wanted = expected(name)
    assert wanted
    told = sorted(messages(HERE / name / "mesh.yaml"), key=_line)
    for each, found in zip(wanted, told, strict=True):
        assert (found.code.id, found.severity) == (each.code, each.severity)
        assert each.word in found.remedy
        if not name.startswith(RUNNING):  # what runs is in no file, and told of by its Deployment
            assert found.object == each.object
            assert found.origin is not None
            assert found.origin.line == each.line


def _line(message: Message) -> int:
    return (message.origin.line or 0) if message.origin else 0


@pytest.mark.parametrize("name", MISTAKES)
def test_its_clean_twin_has_nothing(name: str) -> None:
    assert messages(HERE / name / "good.yaml") == ()


def test_the_shop_is_clean() -> None:
    assert messages(None) == ()


def test_there_are_enough_of_them() -> None:
    """And among them those that Istio's users know first."""
    codes = {each.code for name in MISTAKES for each in expected(name)}
    first = (101, 103, 106, 109, 112, 118, 127, 130, 131, 144, 158, 173, 174)
    assert len(MISTAKES) >= 40
    assert codes >= {f"IST{number:04}" for number in first}
    assert codes <= CODES.keys()
