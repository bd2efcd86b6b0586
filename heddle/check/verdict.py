"""What a check is, and what comes of it."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum

from heddle.check.cluster import Cluster
from heddle.check.this_machine import ThisMachine

SHOWN = 8
"""So many findings are told one by one."""


class Grade(StrEnum):
    """How a check comes out."""

    OK = "ok"
    SKIPPED = "skipped"
    """It could not be made, or there is nothing to look at; the findings say why."""
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was found: each finding is a sentence."""

    grade: Grade
    findings: tuple[str, ...] = ()


OK = Verdict(grade=Grade.OK)


def fine(*findings: str) -> Verdict:
    """All is well; a finding tells what there is."""
    return Verdict(grade=Grade.OK, findings=findings)


def skipped(why: str) -> Verdict:
    """It cannot be said."""
    return Verdict(grade=Grade.SKIPPED, findings=(why,))


def warning(*findings: str) -> Verdict:
    """It works, and is not as it should be."""
    return Verdict(grade=Grade.WARNING, findings=few(findings))


def failed(*findings: str) -> Verdict:
    """Something does not work."""
    return Verdict(grade=Grade.FAILED, findings=few(findings))


def judged(failures: Iterable[str] = (), warnings: Iterable[str] = ()) -> Verdict:
    """Well without any; else as bad as the worst, with all of them."""
    bad, odd = tuple(failures), tuple(warnings)
    if bad:
        return failed(*bad, *odd)
    return warning(*odd) if odd else OK


def few(findings: Sequence[str]) -> tuple[str, ...]:
    """The first of many, and how many more there are."""
    more = len(findings) - SHOWN
    told = tuple(findings[:SHOWN])
    return (*told, f"and {more} more") if more > 0 else told


class When(Enum):
    """Which checks make sense when."""

    BEFORE = "before an installation"
    AFTER = "after an installation"
    ALWAYS = "before and after an installation"


Judge = Callable[[Cluster], Awaitable[Verdict]]
"""What makes a check of a cluster."""
JudgeHere = Callable[[ThisMachine], Verdict]
"""What makes one of a mesh on this machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """`anchor` never changes. `title` says what is so if all is well, `remedy` what to do if it is
    not. `judge` is for a cluster, and nothing if it cannot be seen there.
    """

    anchor: str
    title: str
    remedy: str
    judge: Judge | None
    when: When = When.AFTER
    fatal: bool = False
    """Without it there is no use in asking any further."""
    files: bool = False
    """Whether files can be judged, too, that are no cluster yet."""
    here: JudgeHere | None = None
    """For a mesh on this machine, if it can be seen there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """Checks of one thing, in the order in which they are made."""

    name: str
    title: str
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A check that was made."""

    category: Category
    check: Check
    verdict: Verdict
