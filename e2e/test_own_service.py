"""A workload that calls the Service that it is itself part of."""

from e2e.mesh import Mesh
from tests.semantics import covers

TWIN = """
apiVersion: v1
kind: Service
metadata: {name: twin, namespace: e2e}
spec: {selector: {app: twin}, ports: [{name: http, port: 8080}, {name: tcp, port: 9000}]}
---
apiVersion: v1
kind: Pod
metadata: {name: twin-0, namespace: e2e, labels: {app: twin}}
spec:
  containers:
    - {name: client, image: heddle-e2e/client, stdin: true}
    - name: echo
      image: heddle-e2e/echo
      env:
        - {name: NAME, value: twin}
        - {name: PORT, value: "8080"}
        - {name: TCP_PORT, value: "9000"}
        - {name: POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
      readinessProbe: {httpGet: {path: /healthz, port: 8080}, periodSeconds: 1}
"""
RULE = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: twin, namespace: e2e}
spec:
  hosts: [twin]
  http: [{headers: {request: {set: {x-routed: "yes"}}}, route: [{destination: {host: twin}}]}]
"""


@covers("S-52")
def test_it_reaches_itself_by_its_rules(mesh: Mesh) -> None:
    """Out through its sidecar, and in again."""
    mesh.apply(TWIN, RULE)
    answer = mesh.get("http://twin:8080/", via="e2e/twin-0")
    assert (answer.seen.service, answer.seen.headers["x-routed"]) == ("twin", "yes")
    assert mesh.tcp("twin", 9000, "hello", via="e2e/twin-0") == "twin v1 hello"
