"""One step of an explanation, and what decided it."""

from dataclasses import dataclass

from crds.problem import Problem
from mesh.source import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """`at` is the kind of thing (`route`), `name` which one, `says` what follows. `ok`: the call
    goes on. `causes` are the objects that decided it, `problems` what is wrong with those.
    """

    at: str
    name: str
    says: str
    ok: bool = True
    causes: tuple[Source, ...] = ()
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """Every step of a call, and how it ends. `gateways` is how many it has come through on its way,
    those of all its shares together.
    """

    steps: tuple[Step, ...]
    verdict: str
    ok: bool
    gateways: int = 0
