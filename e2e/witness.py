"""Pods of `programs/witness.py`, outside of the mesh, and what they tell."""

import json
from collections.abc import Mapping

from e2e.mesh import Answer


def witness(name: str, port: str = "http", **environment: str) -> str:
    """A Service of this name at 8443, whose port is named `port`, and its one pod."""
    return f"""
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: e2e}}
spec: {{selector: {{app: {name}}}, ports: [{{name: {port}, port: 8443}}]}}
---
{pod(name, "witness", 8443, **environment)}
"""


def pod(name: str, program: str, port: int, labels: str = "", **environment: str) -> str:
    """A pod outside of the mesh, ready once its port is open. `labels`, in flow style, are `app:
    name` if absent.
    """
    given = {"PORT": str(port), **environment}
    listed = "".join(f'        - {{name: {k}, value: "{v}"}}\n' for k, v in given.items())
    return f"""
apiVersion: v1
kind: Pod
metadata:
  name: {name}
  namespace: e2e
  labels: {{{labels or f"app: {name}"}}}
  annotations: {{sidecar.istio.io/inject: "false"}}
spec:
  containers:
    - name: main
      image: heddle-e2e/{program}
      env:
        - {{name: POD_IP, valueFrom: {{fieldRef: {{fieldPath: status.podIP}}}}}}
{listed}      readinessProbe: {{tcpSocket: {{port: {port}}}, periodSeconds: 1}}
"""


def policy(host: str, text: str, name: str = "") -> str:
    """A DestinationRule with this traffic policy, in flow style."""
    return f"""
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: {name or host}, namespace: e2e}}
spec: {{host: {host}, trafficPolicy: {{{text}}}}}
"""


def told(answer: Answer) -> Mapping[str, str]:
    """What the witness saw of the connection; fails the test if it did not answer."""
    seen: dict[str, str] = json.loads(answer.seen.body)
    return seen
