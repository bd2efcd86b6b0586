"""Outlier detection: a server that fails is left out, the others get its requests."""

from e2e.mesh import ECHO, IN_A_ROW, Mesh

RULE = """
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: echo, namespace: e2e}
spec:
  host: echo
  trafficPolicy:
    outlierDetection:
      consecutive5xxErrors: 3
      interval: 60s
      baseEjectionTime: 120s
      maxEjectionPercent: 100
"""
NO_RETRIES = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: echo, namespace: e2e}
spec:
  hosts: [echo]
  http: [{retries: {attempts: 0}, route: [{destination: {host: echo}}]}]
"""
FAILING = {"x-echo-fail": "1", "x-echo-status": "500", "x-echo-only": "v1"}


def test_a_failing_server_is_left_out(mesh: Mesh) -> None:
    """Envoy's threads learn of it a moment later: a few requests may still fail."""
    mesh.apply(RULE, NO_RETRIES)
    statuses: list[int] = []
    while statuses[-IN_A_ROW:] != [200] * IN_A_ROW:
        assert statuses.count(500) <= 30
        statuses += [answer.status for answer in mesh.repeat(ECHO, 10, FAILING)]
    assert statuses.count(500) >= 3


def test_without_it_the_server_goes_on_failing(mesh: Mesh) -> None:
    """Half of them: three or fewer of 60 fail once in 10^13 runs."""
    mesh.apply(NO_RETRIES)
    statuses = [answer.status for answer in mesh.repeat(ECHO, 60, FAILING)]
    assert statuses.count(500) > 3
