"""Timeouts: who waits too long gets a 504, who does not gets the answer."""

from e2e.mesh import ECHO, Mesh, routes

V1 = "route: [{destination: {host: echo, subset: v1}}]"


def test_a_slow_answer_is_given_up(mesh: Mesh) -> None:
    mesh.apply(routes(f"[{{{V1}, timeout: 300ms, retries: {{attempts: 0}}}}]"))
    name = mesh.name()
    assert mesh.get(ECHO, {"x-echo-delay": "3", "x-echo-id": name}).status == 504
    assert len(mesh.received("echo-v1", name, 1)) == 1


def test_an_answer_in_time_is_handed_on(mesh: Mesh) -> None:
    mesh.apply(routes(f"[{{{V1}, timeout: 5s}}]"))
    assert mesh.get(ECHO, {"x-echo-delay": "0.3"}).status == 200


def test_the_timeout_is_for_all_attempts_together(mesh: Mesh) -> None:
    rule = "timeout: 500ms, retries: {attempts: 9, perTryTimeout: 200ms, retryOn: 5xx}"
    mesh.apply(routes(f"[{{{V1}, {rule}}}]"))
    name = mesh.name()
    assert mesh.get(ECHO, {"x-echo-delay": "3", "x-echo-id": name}).status == 504
    assert 2 <= len(mesh.received("echo-v1", name, 2)) <= 3
