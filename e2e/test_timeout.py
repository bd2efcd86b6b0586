"""Timeouts: who waits too long gets a 504, who does not gets the answer."""

from e2e.mesh import ECHO, Mesh, routes, within

V1 = "route: [{destination: {host: echo, subset: v1}}]"


def test_a_slow_answer_is_given_up(mesh: Mesh) -> None:
    def received(seconds: float) -> bool:
        mesh.apply(routes(f"[{{{V1}, timeout: {seconds}s, retries: {{attempts: 0}}}}]"))
        name = mesh.name()
        assert mesh.get(ECHO, {"x-echo-delay": f"{seconds * 10}", "x-echo-id": name}).status == 504
        return len(mesh.received("echo-v1", name, 1)) == 1

    assert within(0.3, received)


def test_an_answer_in_time_is_handed_on(mesh: Mesh) -> None:
    mesh.apply(routes(f"[{{{V1}, timeout: 15s}}]"))
    assert mesh.get(ECHO, {"x-echo-delay": "0.3"}).status == 200


def test_the_timeout_is_for_all_attempts_together(mesh: Mesh) -> None:
    def received(seconds: float) -> bool:
        attempts = f"{{attempts: 9, perTryTimeout: {seconds}s, retryOn: 5xx}}"
        mesh.apply(routes(f"[{{{V1}, timeout: {seconds * 2.5}s, retries: {attempts}}}]"))
        name = mesh.name()
        assert mesh.get(ECHO, {"x-echo-delay": f"{seconds * 15}", "x-echo-id": name}).status == 504
        found = len(mesh.received("echo-v1", name, 2))
        assert found <= 3
        return found >= 2

    assert within(0.2, received)
