"""Faults: an abort never reaches the server, a delay reaches it late."""

import time

from e2e.mesh import ECHO, Mesh, routes
from tests.semantics import covers

V1 = "route: [{destination: {host: echo, subset: v1}}]"
LATE = 0.6
"""Seconds that a delay of 700 ms takes at least: Envoy counts from when its loop woke up."""


def fault(value: str) -> str:
    return routes(f"[{{{V1}, fault: {value}}}]")


def test_an_aborted_request_does_not_reach_the_server(mesh: Mesh) -> None:
    mesh.apply(fault("{abort: {httpStatus: 418, percentage: {value: 100}}}"))
    name = mesh.name()
    assert mesh.get(ECHO, {"x-echo-id": name}).status == 418
    assert mesh.received("echo-v1", name, 0) == []


def test_a_part_of_the_requests_is_aborted(mesh: Mesh) -> None:
    """Of 80 requests at 50 % between 10 and 70: a right mesh fails once in 10^12 runs."""
    mesh.apply(fault("{abort: {httpStatus: 418, percentage: {value: 50}}}"))
    statuses = [answer.status for answer in mesh.repeat(ECHO, 80)]
    assert set(statuses) == {200, 418}
    assert 10 < statuses.count(418) < 70


def test_a_delayed_request_arrives_late(mesh: Mesh) -> None:
    mesh.apply(fault("{delay: {fixedDelay: 700ms, percentage: {value: 100}}}"))
    before = time.monotonic()
    assert mesh.get(ECHO).status == 200
    assert time.monotonic() - before >= LATE


def test_what_is_delayed_may_then_be_aborted(mesh: Mesh) -> None:
    mesh.apply(
        fault(
            "{delay: {fixedDelay: 700ms, percent: 100}, "
            "abort: {httpStatus: 418, percentage: {value: 100}}}"
        )
    )
    before = time.monotonic()
    assert mesh.get(ECHO).status == 418
    assert time.monotonic() - before >= LATE


@covers("S-61")
def test_without_a_percentage_nothing_happens(mesh: Mesh) -> None:
    mesh.apply(fault("{delay: {fixedDelay: 1h}, abort: {httpStatus: 418}}"))
    assert {answer.status for answer in mesh.repeat(ECHO, 10)} == {200}
    assert sum("no-effect" in problem for problem in mesh.problems()) == 2


def test_only_what_matches_is_aborted(mesh: Mesh) -> None:
    abort = "fault: {abort: {httpStatus: 500, percentage: {value: 100}}}"
    mesh.apply(routes(f"[{{match: [{{headers: {{x-bad: {{}}}}}}], {V1}, {abort}}}, {{{V1}}}]"))
    assert mesh.get(ECHO, {"x-bad": "1"}).status == 500
    assert mesh.get(ECHO).status == 200
