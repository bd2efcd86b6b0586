"""Retries: how often the server is asked, and when it is not asked again."""

from e2e.mesh import ECHO, Mesh, routes

V1 = "route: [{destination: {host: echo, subset: v1}}]"


def retries(value: str) -> str:
    return routes(f"[{{{V1}, retries: {value}}}]")


def test_a_failed_request_is_sent_again_until_it_succeeds(mesh: Mesh) -> None:
    mesh.apply(retries("{attempts: 3, retryOn: 5xx}"))
    answer = mesh.get(ECHO, {"x-echo-id": mesh.name(), "x-echo-fail": "2"})
    assert (answer.status, answer.seen.attempts) == (200, 3)


def test_after_the_last_attempt_the_client_gets_the_failure(mesh: Mesh) -> None:
    """`attempts` counts the retries: the first request is not one."""
    mesh.apply(retries("{attempts: 2, retryOn: 5xx}"))
    answer = mesh.get(ECHO, {"x-echo-id": mesh.name(), "x-echo-fail": "9"})
    assert (answer.status, answer.seen.attempts) == (503, 3)


def test_what_is_not_listed_is_not_retried(mesh: Mesh) -> None:
    mesh.apply(retries("{attempts: 3, retryOn: gateway-error}"))
    name = mesh.name()
    fails = {"x-echo-id": name, "x-echo-fail": "2", "x-echo-status": "500"}
    answer = mesh.get(ECHO, fails)
    assert (answer.status, answer.seen.attempts) == (500, 1)


def test_a_status_code_can_be_listed(mesh: Mesh) -> None:
    mesh.apply(retries('{attempts: 3, retryOn: "418"}'))
    fails = {"x-echo-id": mesh.name(), "x-echo-fail": "1", "x-echo-status": "418"}
    answer = mesh.get(ECHO, fails)
    assert (answer.status, answer.seen.attempts) == (200, 2)


def test_no_attempts_means_no_retry(mesh: Mesh) -> None:
    mesh.apply(retries("{attempts: 0}"))
    answer = mesh.get(ECHO, {"x-echo-id": mesh.name(), "x-echo-fail": "1"})
    assert (answer.status, answer.seen.attempts) == (503, 1)


def test_by_default_an_answer_is_never_asked_for_again(mesh: Mesh) -> None:
    """Istio's default retries what the server has not processed, and a 503 may have been."""
    mesh.apply(routes(f"[{{{V1}}}]"))
    for url in (ECHO, "http://echo-v1:8080/"):
        answer = mesh.get(url, {"x-echo-id": mesh.name(), "x-echo-fail": "1"})
        assert (answer.status, answer.seen.attempts) == (503, 1), url


def test_a_slow_attempt_is_given_up_and_sent_again(mesh: Mesh) -> None:
    mesh.apply(retries("{attempts: 1, perTryTimeout: 200ms, retryOn: 5xx}"))
    name = mesh.name()
    answer = mesh.get(ECHO, {"x-echo-id": name, "x-echo-delay": "2"})
    assert answer.status == 504
    assert len(mesh.received("echo-v1", name, 2)) == 2
