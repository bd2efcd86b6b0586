"""Makes the checks, one after the other, and again until a deadline if that is asked for."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from heddle.check import (
    api_server,
    certificates,
    control_plane,
    data_plane,
    kinds,
    namespaces,
    permissions,
    webhooks,
)
from heddle.check.cluster import Cluster
from heddle.check.this_machine import ThisMachine
from heddle.check.verdict import (
    Category,
    Check,
    Grade,
    Judge,
    Result,
    Verdict,
    When,
    failed,
    skipped,
)
from sources.errors import ApiError

CATEGORIES: tuple[Category, ...] = (
    # What all else needs comes first.
    api_server.CATEGORY,
    permissions.CATEGORY,
    kinds.CATEGORY,
    control_plane.CATEGORY,
    webhooks.CATEGORY,
    certificates.CATEGORY,
    namespaces.CATEGORY,
    data_plane.CATEGORY,
)
AGAIN_SECONDS = 2.0
_FORBIDDEN = 403

Chosen = Callable[[Check], bool]


def before(check: Check) -> bool:
    """Those that make sense before an installation."""
    return check.when is not When.AFTER


def after(check: Check) -> bool:
    """Those that make sense once there is a control plane."""
    return check.when is not When.BEFORE


def of_files(check: Check) -> bool:
    """Those of files that are in no cluster yet."""
    return check.files


async def look(cluster: Cluster, chosen: Chosen) -> Sequence[Result]:
    """Makes the checks once."""
    results: list[Result] = []
    for category in CATEGORIES:
        for check in filter(chosen, category.checks):
            if check.judge is None:
                continue
            verdict = await _made(check.judge, cluster)
            results.append(Result(category=category, check=check, verdict=verdict))
            if check.fatal and verdict.grade is Grade.FAILED:
                return results
    return results


def look_here(mesh: ThisMachine) -> Sequence[Result]:
    """Makes those that make sense of a mesh on this machine."""
    return [
        Result(category=category, check=check, verdict=check.here(mesh))
        for category in CATEGORIES
        for check in category.checks
        if check.here is not None
    ]


async def _made(judge: Judge, cluster: Cluster) -> Verdict:
    try:
        return await judge(cluster)
    except ApiError as error:
        if error.status == _FORBIDDEN:
            return skipped("you may not read what it takes")
        return failed(str(error))


async def until_well(
    once: Callable[[], Awaitable[Sequence[Result]]], seconds: float
) -> Sequence[Result]:
    """Makes the checks until nothing fails, for so many seconds at most; what came of the last
    time.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while True:
        results = await once()
        if worst(results) is not Grade.FAILED or loop.time() + AGAIN_SECONDS > deadline:
            return results
        await asyncio.sleep(AGAIN_SECONDS)


def worst(results: Sequence[Result]) -> Grade:
    """The worst of all: what the command ends with."""
    grades = {each.verdict.grade for each in results}
    for grade in (Grade.FAILED, Grade.WARNING):
        if grade in grades:
            return grade
    return Grade.OK
