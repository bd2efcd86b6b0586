"""Circuit breaking: who asks for more than the pool allows is refused at once."""

import pytest

from e2e.mesh import Mesh

URL = "http://echo-v1:8080/"
SLOW = {"x-echo-delay": "0.2"}
RULES = """
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: echo-v1, namespace: e2e}
spec:
  host: echo-v1
  trafficPolicy:
    connectionPool: {tcp: {maxConnections: 1}, http: {http1MaxPendingRequests: 1}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: echo-v1, namespace: e2e}
spec: {hosts: [echo-v1], http: [{retries: {attempts: 0}, route: [{destination: {host: echo-v1}}]}]}
"""


def test_what_is_above_the_limits_is_refused(mesh: Mesh) -> None:
    mesh.apply(RULES)
    with mesh.load(URL, SLOW, rate=600) as counts:
        mesh.repeat(URL, 3, SLOW)
    assert counts.versions["v1"] > 0
    assert counts.failures
    assert all("overflow" in failure for failure in counts.failures), counts


def test_without_limits_nothing_is_refused(mesh: Mesh) -> None:
    with mesh.load(URL, SLOW, rate=600) as counts:
        assert mesh.repeat(URL, 3, SLOW)[0].status == 200
    assert counts.failures == {}


RETRIED = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: echo-v1, namespace: e2e}
spec:
  hosts: [echo-v1]
  http: [{retries: {attempts: 1, retryOn: 5xx}, route: [{destination: {host: echo-v1}}]}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: echo-v1, namespace: e2e}
spec: {host: echo-v1, trafficPolicy: {%s}}
"""


@pytest.mark.parametrize(
    ("limit", "all_of_them"),
    [
        ("retryBudget: {percent: 0, minRetryConcurrency: 1}", False),
        ("connectionPool: {http: {maxRetries: 1}}", False),
        ("retryBudget: {percent: 100, minRetryConcurrency: 6}", True),
        ("retryBudget: {percent: 20, minRetryConcurrency: 1}", False),
        ("retryBudget: {percent: 20, minRetryConcurrency: 1, budgetInterval: 60s}", True),
        ("loadBalancer: {simple: RANDOM}", True),
    ],
)
def test_only_so_many_requests_are_retried_at_once(
    mesh: Mesh, limit: str, all_of_them: bool
) -> None:
    """Six clients fail at once; the server says how often it was asked. Whoever counts the requests
    of a minute counts those before it too."""
    mesh.apply(RETRIED % limit)
    mesh.repeat(URL, 50)
    name = mesh.name()
    fails = {"x-echo-id": name, "x-echo-delay": "0.25", "x-echo-fail": "1000"}
    with mesh.load(URL, fails, rate=600) as counts:
        mesh.repeat(URL, 5, SLOW)
    last = mesh.get(URL, {"x-echo-id": name})
    asked = last.seen.attempts - 1
    if all_of_them:
        assert asked == 2 * counts.requests
    else:
        assert counts.requests < asked < 1.7 * counts.requests
