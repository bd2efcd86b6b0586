"""Pods whose ports ask for a certificate, and the kubelet that has none: their probes get through,
and nothing else does.
"""

import time
from collections.abc import Mapping

from e2e.mesh import CLIENT, STRANGER, VISITOR, Mesh

STRICT = """
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: istio-system}
spec: {mtls: {mode: STRICT}}
"""
PROBES: Mapping[str, str] = {
    "http": "httpGet: {path: /healthz, port: web}",
    "tcp": "tcpSocket: {port: 9000}",
    "grpc": "grpc: {port: 9001}",
}
LONG = 6
"""Seconds that a server is ill: more than a probe takes to notice."""
PATIENCE = 60.0


def probed(kind: str) -> str:
    """A Service and its one pod, which is ready as this kind of probe says."""
    return f"""
apiVersion: v1
kind: Service
metadata: {{name: probed-{kind}, namespace: e2e}}
spec: {{selector: {{app: probed-{kind}}}, ports: [{{name: http, port: 8080}}]}}
---
apiVersion: v1
kind: Pod
metadata:
  name: probed-{kind}
  namespace: e2e
  labels: {{app: probed-{kind}}}
  annotations: {{proxy.istio.io/config: "concurrency: 1"}}
spec:
  containers:
    - name: app
      image: heddle-e2e/ailing
      env:
        - {{name: POD_IP, valueFrom: {{fieldRef: {{fieldPath: status.podIP}}}}}}
        - {{name: PORT, value: "8080"}}
        - {{name: TCP_PORT, value: "9000"}}
        - {{name: GRPC_PORT, value: "9001"}}
      ports: [{{name: web, containerPort: 8080}}]
      readinessProbe: {{{PROBES[kind]}, periodSeconds: 1, failureThreshold: 1}}
"""


def becomes(mesh: Mesh, kind: str, status: int) -> bool:
    """Whether requests to the Service come to be answered like this, in time."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if mesh.get(f"http://probed-{kind}:8080/").status == status:
            return True
    return False


def test_a_pod_is_ready_as_its_application_says(intercepting: Mesh) -> None:
    """All are ready once they are applied; those that fall ill get no more requests."""
    intercepting.apply(STRICT, *map(probed, PROBES))

    def asked(path: str) -> dict[str, int]:
        return {
            kind: intercepting.get(f"http://probed-{kind}:8080{path}").status for kind in PROBES
        }

    assert asked("/") == dict.fromkeys(PROBES, 200)
    assert asked(f"/ill?seconds={LONG}") == dict.fromkeys(PROBES, 200)
    for status in (503, 200):
        found = {kind: becomes(intercepting, kind, status) for kind in PROBES}
        assert found == dict.fromkeys(PROBES, True), status


def test_nothing_but_the_probe_gets_through(intercepting: Mesh) -> None:
    """The port is no way around the certificate: one path, one method, and nothing but a status."""
    intercepting.apply(STRICT, probed("http"))
    pod = intercepting.address("e2e/probed-http")
    asked = {
        f":15020{path}": intercepting.get(f"http://{pod}:15020{path}", via=VISITOR, method=method)
        for path, method in (
            ("/app-health/app/readyz", "GET"),
            ("/app-health/app/readyz?x", "GET"),
            ("/app-health/app/livez", "GET"),
            ("/healthz", "GET"),
            ("/ill", "POST"),
            ("/", "GET"),
        )
    }
    assert [answer.status for answer in asked.values()] == [200, 404, 404, 404, 404, 404]
    assert {answer.text for answer in asked.values()} == {""}
    for port in (8080, 9000, 9001):
        assert intercepting.get(f"http://{pod}:{port}/healthz", via=VISITOR).status == 0
    assert intercepting.get("http://probed-http:8080/", via=CLIENT).status == 200
    assert intercepting.get("http://probed-http.e2e:8080/", via=STRANGER).status == 200
