"""Configuration that changes under load: no request fails."""

from e2e.mesh import ECHO, Mesh, routes

EDITS = 50


def split(v1: int) -> str:
    return routes(
        f"[{{route: [{{destination: {{host: echo, subset: v1}}, weight: {v1}}}, "
        f"{{destination: {{host: echo, subset: v2}}, weight: {100 - v1}}}]}}]"
    )


def test_fifty_edits_of_the_weights(mesh: Mesh) -> None:
    mesh.apply(split(100))
    with mesh.load(ECHO, rate=200) as counts:
        for edit in range(EDITS):
            mesh.apply(split(edit * 2))
    assert counts.failures == {}
    assert counts.requests > EDITS
    assert set(counts.versions) == {"v1", "v2"}


def test_subsets_that_come_and_go(mesh: Mesh) -> None:
    """Clusters and the routes to them appear in one edit, and disappear in one."""
    mesh.apply("")
    with mesh.load(ECHO, rate=200) as counts:
        for edit in range(10):
            mesh.apply(split(50) if edit % 2 else "")
    assert counts.failures == {}
    assert counts.requests > 20
