"""A Deployment that is edited: its pods are replaced without a failed request."""

from e2e.mesh import Mesh

URL = "http://rolling:8080/"


def rolling(version: str, replicas: int = 1) -> str:
    return f"""
apiVersion: v1
kind: Service
metadata: {{name: rolling, namespace: e2e}}
spec:
  selector: {{app: rolling}}
  ports: [{{name: http, port: 8080}}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: rolling, namespace: e2e}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: rolling}}}}
  template:
    metadata:
      labels: {{app: rolling}}
      annotations: {{proxy.istio.io/config: "concurrency: 1"}}
    spec:
      containers:
        - name: echo
          image: heddle-e2e/echo
          env: [{{name: VERSION, value: {version}}}, {{name: PORT, value: "8080"}}]
          readinessProbe: {{httpGet: {{path: /healthz, port: 8080}}, periodSeconds: 1}}
"""


def test_an_edited_template_replaces_the_pods_without_a_failed_request(mesh: Mesh) -> None:
    mesh.apply(rolling("one"))
    assert mesh.get(URL).seen.version == "one"
    with mesh.load(URL, rate=100) as counts:
        mesh.apply(rolling("two"))
    assert counts.failures == {}
    assert set(counts.versions) == {"one", "two"}
    assert {answer.seen.version for answer in mesh.repeat(URL, 5)} == {"two"}


def test_scaling_up_and_down_fails_no_request(mesh: Mesh) -> None:
    mesh.apply(rolling("one"))
    with mesh.load(URL, rate=100) as counts:
        mesh.apply(rolling("one", replicas=2))
        mesh.apply(rolling("one"))
    assert counts.failures == {}
    assert counts.requests > 20


GATE = "http://gate.e2e/"


def gate(version: str) -> str:
    """A gateway of its own, which leads all requests to `echo`, and is called by its Service."""
    return f"""
apiVersion: v1
kind: Service
metadata: {{name: gate, namespace: e2e}}
spec:
  selector: {{app: gate}}
  ports: [{{name: http, port: 80, targetPort: 8081}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: gate, namespace: e2e}}
spec:
  hosts: [gate.e2e]
  gateways: [gate]
  http: [{{route: [{{destination: {{host: echo, port: {{number: 8080}}}}}}]}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: once, namespace: e2e}}
spec:
  hosts: [gate]
  http: [{{route: [{{destination: {{host: gate}}}}], retries: {{attempts: 0}}}}]
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {{name: gate, namespace: e2e}}
spec:
  selector: {{app: gate}}
  servers: [{{port: {{number: 8081, name: http, protocol: HTTP}}, hosts: ["*"]}}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: gate, namespace: e2e}}
spec:
  selector: {{matchLabels: {{app: gate}}}}
  template:
    metadata:
      labels: {{app: gate, version: {version}}}
      annotations:
        inject.istio.io/templates: gateway
        proxy.istio.io/config: "concurrency: 1"
    spec:
      containers: [{{name: istio-proxy, image: auto}}]
"""


def test_a_gateway_is_replaced_without_a_failed_request(intercepting: Mesh) -> None:
    """Its callers do not try again: whatever fails is seen."""
    intercepting.apply(gate("one"))
    assert intercepting.get(GATE).seen.service == "echo"
    with intercepting.load(GATE, rate=100) as counts:
        intercepting.apply(gate("two"))
    assert counts.failures == {}
    assert counts.requests > 20
