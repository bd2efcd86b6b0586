"""Retries: how often the server is asked, and when it is not asked again."""

from e2e.mesh import ECHO, TRIES, Mesh, routes, within
from tests.semantics import covers

HESITANT = """
apiVersion: v1
kind: Service
metadata: {name: hesitant, namespace: e2e}
spec: {selector: {app: hesitant}, ports: [{name: http, port: 8080}]}
---
apiVersion: v1
kind: Pod
metadata:
  name: hesitant
  namespace: e2e
  labels: {app: hesitant}
  annotations: {proxy.istio.io/config: "concurrency: 1"}
spec:
  containers:
    - name: app
      image: heddle-e2e/hesitant
      env:
        - {name: POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
        - {name: PORT, value: "8080"}
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: hesitant, namespace: e2e}
spec:
  workloadSelector: {labels: {app: hesitant}}
  inboundConnectionPool: {tcp: {connectTimeout: 0.9s}}
"""
"""The kernel asks again for a connection after a second, and Envoy gives up before."""
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


def test_the_server_is_told_which_attempt_it_is(mesh: Mesh) -> None:
    mesh.apply(retries("{attempts: 3, retryOn: 5xx, backoff: 1ms}"))
    seen = mesh.get(ECHO, {"x-echo-id": mesh.name(), "x-echo-fail": "2"}).seen
    assert seen.headers["x-envoy-attempt-count"] == "3"


@covers("S-67")
def test_a_retry_goes_to_another_server(mesh: Mesh) -> None:
    """One of two fails for ever: the only retry hardly ever goes to the same one again.

    Envoy chooses up to six times until it has another one: one in 64 retries has bad luck, and 13
    of them once in 10^11 runs. If it did not look, a quarter of all requests would fail.
    """
    both = "route: [{destination: {host: echo}}]"
    mesh.apply(routes(f"[{{{both}, retries: {{attempts: 1, retryOn: 5xx}}}}]"))
    failing = {"x-echo-fail": "9", "x-echo-only": "v1"}
    answers = mesh.repeat(ECHO, 100, failing)
    assert sum(answer.status != 200 for answer in answers) <= 12


def test_a_retry_may_go_to_the_same_server_if_asked_to(mesh: Mesh) -> None:
    """Of 80 requests a quarter fails twice: that none does happens once in 10^10 runs."""
    both = "route: [{destination: {host: echo}}]"
    policy = "{attempts: 1, retryOn: 5xx, retryIgnorePreviousHosts: false}"
    rule = "loadBalancer: {simple: RANDOM}"
    mesh.apply(
        routes(f"[{{{both}, retries: {policy}}}]").replace(
            "  host: echo\n", f"  host: echo\n  trafficPolicy: {{{rule}}}\n"
        )
    )
    failing = {"x-echo-fail": "9", "x-echo-only": "v1"}
    assert {answer.status for answer in mesh.repeat(ECHO, 80, failing)} == {200, 503}


@covers("S-67")
def test_the_default_of_the_mesh_counts_where_a_rule_is_silent(mesh: Mesh) -> None:
    config = """
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: "defaultHttpRetryPolicy: {attempts: 2, retryOn: '503'}"
"""
    mesh.apply(routes(f"[{{{V1}}}]", config))
    answer = mesh.get(ECHO, {"x-echo-id": mesh.name(), "x-echo-fail": "2"})
    assert (answer.status, answer.seen.attempts) == (200, 3)
    mesh.apply(routes(f"[{{{V1}, retries: {{attempts: 0}}}}]", config))
    answer = mesh.get(ECHO, {"x-echo-id": mesh.name(), "x-echo-fail": "2"})
    assert (answer.status, answer.seen.attempts) == (503, 1)


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
    def received(seconds: float) -> bool:
        mesh.apply(retries(f"{{attempts: 1, perTryTimeout: {seconds}s, retryOn: 5xx}}"))
        name = mesh.name()
        answer = mesh.get(ECHO, {"x-echo-id": name, "x-echo-delay": f"{seconds * 10}"})
        assert answer.status == 504
        return len(mesh.received("echo-v1", name, 2)) == 2

    assert within(0.2, received)


@covers("S-69")
def test_the_server_s_sidecar_sends_again_what_did_not_reach_the_application(mesh: Mesh) -> None:
    """Whose queue of connections is full, but not for long. It receives the request once."""
    url = "http://hesitant:8080"
    mesh.apply(HESITANT)
    assert any(mesh.get(url).status == 200 for _ in range(TRIES)), "it does not start"
    assert mesh.get(f"{url}/hesitate").status == 200
    answer = mesh.get(url, method="POST", body="once")
    assert (answer.status, answer.text) == (200, "1")
