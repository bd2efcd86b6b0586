"""The steps in which a proxy finds the route of a request, and how it ends if it does so there."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from crds.problem import Problem
from explain.request import Asked
from explain.simulate import ROUTE, VIRTUAL_HOST, Outcome
from explain.step import Step, Trace
from mesh.check import check
from mesh.mesh import Mesh
from mesh.source import Source
from translator.provenance import Provenance

SIDECAR, GATEWAY = "the client's own sidecar", "the gateway"
"""Who may answer in place of a service."""


def routed(mesh: Mesh, asked: Asked, outcome: Outcome, by: str) -> Iterator[Step]:
    """The virtual host and the route that `by` has chosen, if it looked for any."""
    if VIRTUAL_HOST in outcome.made_by:
        told = outcome.made_by[VIRTUAL_HOST]
        says = f"has the host {asked.request.authority}"
        yield Step(at=VIRTUAL_HOST, name=outcome.virtual_host, says=says, causes=causes(told))
    if ROUTE in outcome.made_by:
        yield _route(mesh, outcome, by)
    elif outcome.virtual_host:
        yield Step(at=ROUTE, name="-", says=ended(outcome, by), ok=_is_good(outcome.status))


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """The steps behind a route to one cluster, and, if a gateway is there, what it makes of it."""

    steps: tuple[Step, ...]
    beyond: Trace | None = None


def concluded(
    steps: tuple[Step, ...], outcome: Outcome, by: str, branches: Sequence[Branch] = ()
) -> Trace:
    """How it ends after all these steps, and those of its branches."""
    further = [each.beyond for each in branches if each.beyond is not None]
    own = (*steps, *(step for each in branches for step in each.steps))
    every = (*steps, *(step for each in branches for step in _of(each)))
    verdict, ok = _verdict(own, outcome, by, further)
    gateways = sum(each.gateways for each in further)
    return Trace(steps=every, verdict=verdict, ok=ok, gateways=gateways)


def _of(branch: Branch) -> tuple[Step, ...]:
    return (*branch.steps, *(branch.beyond.steps if branch.beyond is not None else ()))


def _verdict(
    own: tuple[Step, ...], outcome: Outcome, by: str, further: Sequence[Trace]
) -> tuple[str, bool]:
    if not outcome.clusters and outcome.status:
        return ended(outcome, by), _is_good(outcome.status)
    failed = [step for step in own if not step.ok]
    if failed:
        return f"fails: {failed[0].says}", False
    lost = [each for each in further if not each.ok]
    if lost:
        return lost[0].verdict, False
    then = "".join(f", then {each.verdict}" for each in further if len(outcome.clusters) == 1)
    return f"goes to {_shares(outcome)}{then}", True


def ended(outcome: Outcome, by: str) -> str:
    """That it goes no further than to the proxy `by`."""
    body = f": {outcome.body.strip()}" if outcome.body else ""
    to = f" to {outcome.location}" if outcome.location else ""
    return f"is answered by {by} with {outcome.status}{to}{body}"


def causes(told: Provenance) -> tuple[Source, ...]:
    """The mesh object that has a say, or else what the resource stands for."""
    key = told.config or told.object
    return () if key is None else (Source(object=key, path=told.path, generation=told.generation),)


def problems(mesh: Mesh, cause: Source) -> tuple[Problem, ...]:
    """What is wrong with the part of an object that counts."""
    found = check(mesh, cause.object) if cause.path else ()
    within = (cause.path, f"{cause.path}.", f"{cause.path}[")
    return tuple(
        each for each in found if each.path == within[0] or each.path.startswith(within[1:])
    )


def _is_good(status: int) -> bool:
    return 0 < status < 400


def _shares(outcome: Outcome) -> str:
    return ", ".join(
        f"{name} ({share:.0%})" if share < 1 else name for name, share in outcome.clusters.items()
    )


def _route(mesh: Mesh, outcome: Outcome, by: str) -> Step:
    by_whom = causes(outcome.made_by[ROUTE])
    says = ended(outcome, by) if outcome.status else f"goes to {_shares(outcome)}"
    if outcome.aborts:
        faults = (f"{status} for {share:.0%}" for status, share in outcome.aborts.items())
        says += f"; faults: {', '.join(faults)}"
    return Step(
        at=ROUTE,
        name=outcome.route or f"route {outcome.position}",
        says=says,
        ok=not outcome.status or _is_good(outcome.status),
        causes=by_whom,
        problems=tuple(each for cause in by_whom for each in problems(mesh, cause)),
    )
