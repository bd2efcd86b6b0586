"""Weights: what part of the requests each version receives."""

from collections import Counter

from e2e.mesh import CHANCE, ECHO, Mesh, routes
from heddle.demo.statistics import p_value
from tests.semantics import covers

V1 = "{destination: {host: echo, subset: v1}, weight: %d}"
V2 = "{destination: {host: echo, subset: v2}, weight: %d}"
TIMES = 400


def split(v1: int, v2: int) -> str:
    return routes(f"[{{route: [{V1 % v1}, {V2 % v2}]}}]")


def versions(mesh: Mesh, times: int) -> Counter[str]:
    return Counter(answer.seen.version for answer in mesh.repeat(ECHO, times))


def test_versions_get_their_weights(mesh: Mesh) -> None:
    mesh.apply(split(90, 10))
    seen = versions(mesh, TIMES)
    assert p_value(seen["v2"], TIMES, 0.1) > CHANCE, seen


@covers("S-59")
def test_weights_are_relative(mesh: Mesh) -> None:
    """They need not add up to 100."""
    mesh.apply(split(3, 1))
    seen = versions(mesh, TIMES)
    assert p_value(seen["v2"], TIMES, 0.25) > CHANCE, seen


def test_a_weight_of_nothing_gets_nothing(mesh: Mesh) -> None:
    mesh.apply(split(0, 100))
    assert versions(mesh, 30) == {"v2": 30}


def test_an_edit_moves_all_requests_that_come_after_it(mesh: Mesh) -> None:
    for v1, v2, expected in ((100, 0, "v1"), (0, 100, "v2"), (100, 0, "v1")):
        mesh.apply(split(v1, v2))
        assert versions(mesh, 10) == {expected: 10}


def test_without_a_rule_a_subset_is_reached_by_the_rest_alone(mesh: Mesh) -> None:
    """One rule without weights sends everything to its one destination."""
    mesh.apply(routes("[{route: [{destination: {host: echo, subset: v2}}]}]"))
    assert versions(mesh, 10) == {"v2": 10}
