"""Mirroring: a copy reaches the other version, the client never notices."""

from e2e.mesh import ECHO, Mesh, routes
from tests.semantics import covers

V1 = "route: [{destination: {host: echo, subset: v1}}]"


def test_the_mirror_receives_a_copy_and_its_answer_is_dropped(mesh: Mesh) -> None:
    mesh.apply(routes(f"[{{{V1}, mirror: {{host: echo, subset: v2}}}}]"))
    name = mesh.name()
    answer = mesh.get(f"{ECHO}/copied", {"x-echo-id": name}, method="POST", body="text")
    assert answer.seen.version == "v1"
    (copy,) = mesh.received("echo-v2", name, 1)
    assert (copy.method, copy.path, copy.version) == ("POST", "/copied", "v2")
    assert copy.headers["host"] == answer.seen.headers["host"]  # nothing like `-shadow` at its end


def test_a_mirror_that_fails_harms_nobody(mesh: Mesh) -> None:
    mesh.apply(routes(f"[{{{V1}, mirror: {{host: echo, subset: v2}}}}]"))
    name = mesh.name()
    failing = {"x-echo-id": name, "x-echo-fail": "9", "x-echo-only": "v2"}
    assert mesh.get(ECHO, failing).status == 200
    assert len(mesh.received("echo-v2", name, 1)) >= 1


def test_no_part_is_mirrored_at_zero_percent(mesh: Mesh) -> None:
    mirror = "mirror: {host: echo, subset: v2}, mirrorPercentage: {value: 0}"
    mesh.apply(routes(f"[{{{V1}, {mirror}}}]"))
    name = mesh.name()
    for answer in mesh.repeat(ECHO, 10, {"x-echo-id": name}):
        assert answer.status == 200
    assert mesh.received("echo-v2", name, 0) == []


@covers("S-60")
def test_each_of_several_mirrors_has_its_share(mesh: Mesh) -> None:
    """Of 80 requests at 50 % between 10 and 70: a right mesh fails once in 10^12 runs."""
    part = "{destination: {host: echo, subset: v2}, percentage: {value: 50}}"
    none = "{destination: {host: echo-v2}, percentage: {value: 0}}"
    every = "{destination: {host: echo-v1}}"
    mesh.apply(routes(f"[{{{V1}, mirrors: [{part}, {none}, {every}]}}]"))
    name = mesh.name()
    mesh.repeat(ECHO, 80, {"x-echo-id": name})
    assert len(mesh.received("echo-v1", name, 160)) == 160  # the request itself, and its copy
    assert 10 < len(mesh.received("echo-v2", name, 11)) < 70
