"""A rule that names what does not exist: a 503 for its requests alone, and the reason is told."""

from e2e.mesh import ECHO, Mesh, routes

V1 = "{destination: {host: echo, subset: v1}}"


def problem(mesh: Mesh, code: str) -> str:
    found = [problem for problem in mesh.problems() if f"[{code}]" in problem]
    assert len(found) == 1, mesh.problems()
    return found[0]


def test_an_unknown_subset(mesh: Mesh) -> None:
    unknown = "{match: [{uri: {exact: /a}}], route: [{destination: {host: echo, subset: v9}}]}"
    mesh.apply(routes(f"[{unknown}, {{route: [{V1}]}}]"))
    assert mesh.get(f"{ECHO}/a").status == 503
    assert mesh.get(f"{ECHO}/b").status == 200
    told = problem(mesh, "unknown-subset")
    for part in ("VirtualService e2e/echo", "v9", "http[0].route[0].destination"):
        assert part in told


def test_an_unknown_host(mesh: Mesh) -> None:
    unknown = "{match: [{uri: {exact: /a}}], route: [{destination: {host: nowhere}}]}"
    mesh.apply(routes(f"[{unknown}, {{route: [{V1}]}}]"))
    assert mesh.get(f"{ECHO}/a").status == 503
    assert mesh.get(f"{ECHO}/b").status == 200
    assert "nowhere" in problem(mesh, "unknown-host")


def test_a_part_of_the_weights(mesh: Mesh) -> None:
    """Only the requests that the missing destination would have got fail."""
    unknown = "{destination: {host: echo, subset: v9}, weight: 50}"
    mesh.apply(routes(f"[{{route: [{V1[:-1]}, weight: 50}}, {unknown}]}}]"))
    statuses = [answer.status for answer in mesh.repeat(ECHO, 60)]
    assert set(statuses) == {200, 503}


def test_it_is_over_once_the_subset_is_there(mesh: Mesh) -> None:
    mesh.apply(routes("[{route: [{destination: {host: echo, subset: v9}}]}]"))
    assert mesh.get(ECHO).status == 503
    http = routes("[{route: [{destination: {host: echo, subset: v9}}]}]")
    mesh.apply(http.replace("name: v1, labels", "name: v9, labels"))
    assert mesh.get(ECHO).seen.version == "v1"
    assert mesh.problems() == []
