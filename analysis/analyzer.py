"""A part of the analysis: a pure function, and what it may find."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from analysis.code import Code
from analysis.facts import Facts
from analysis.message import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Analyzer:
    """`name` is what `heddle analyze -L` lists, with the `summary`; `codes` are all that `run` may
    find. `run` looks at `facts.subjects(...)` only, so that one object can be analyzed among all.
    """

    name: str
    summary: str
    codes: tuple[Code, ...]
    run: Callable[[Facts], Iterable[Message]]
