"""What the stand-in for the kubelet does, before there is a mesh."""

import json
from collections.abc import Iterator

import pytest

from e2e.kube.cluster import Cluster
from e2e.mesh import becomes

pytestmark = pytest.mark.timeout(180)

ALL_IS_THERE = """
cd /shown && grep -q world hello && grep -q sesame open && grep -q mine notes && test -s token
"""
PODS = f"""
apiVersion: v1
kind: Namespace
metadata: {{name: plain}}
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: greeting, namespace: plain}}
data: {{hello: world}}
---
apiVersion: v1
kind: Secret
metadata: {{name: word, namespace: plain}}
stringData: {{open: sesame}}
---
apiVersion: v1
kind: Service
metadata: {{name: echo, namespace: plain}}
spec:
  selector: {{app: echo}}
  ports: [{{name: http, port: 80, targetPort: 8080}}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: echo, namespace: plain}}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: echo}}}}
  template:
    metadata: {{labels: {{app: echo}}}}
    spec:
      containers:
        - name: echo
          image: heddle-e2e/echo
          env: [{{name: VERSION, value: one}}, {{name: PORT, value: "8080"}}]
          readinessProbe: {{httpGet: {{path: /healthz, port: 8080}}, periodSeconds: 1}}
          lifecycle: {{preStop: {{sleep: {{seconds: 1}}}}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: client, namespace: plain}}
spec:
  selector: {{matchLabels: {{app: client}}}}
  template:
    metadata:
      labels: {{app: client}}
      annotations: {{note: mine}}
    spec:
      containers:
        - name: client
          image: heddle-e2e/client
          stdin: true
          volumeMounts: [{{name: shown, mountPath: /shown}}]
          readinessProbe:
            periodSeconds: 1
            exec: {{command: [/bin/sh, -c, {json.dumps(ALL_IS_THERE)}]}}
      volumes:
        - name: shown
          projected:
            sources:
              - configMap: {{name: greeting}}
              - secret: {{name: word}}
              - serviceAccountToken: {{path: token, audience: somebody}}
              - downwardAPI:
                  items:
                    - {{path: notes, fieldRef: {{fieldPath: metadata.annotations}}}}
"""


@pytest.fixture(scope="module")
def plain(cluster: Cluster) -> Iterator[Cluster]:
    """Two servers, and a client that mounts all kinds of things."""
    cluster.apply(PODS)
    for name in ("echo", "client"):
        cluster.kubectl("rollout", "status", "-n", "plain", f"deploy/{name}", "--timeout=40s")
    yield cluster
    cluster.kubectl("delete", "namespace", "plain", "--wait=false")


def versions(cluster: Cluster, times: int) -> list[str]:
    """Who answers at the Service's address."""
    command = {"do": "http", "url": "http://echo/", "headers": {}, "method": "GET", "body": ""}
    found = cluster.ask("plain/client", {**command, "times": times})
    assert isinstance(found, list)
    return [json.loads(each["body"])["version"] for each in found]


def test_pods_are_reached_by_their_service(plain: Cluster) -> None:
    slices = json.loads(plain.kubectl("get", "endpointslices", "-n", "plain", "-o", "json"))
    ready = [each["conditions"]["ready"] for each in slices["items"][0]["endpoints"]]
    assert ready == [True, True]
    assert versions(plain, 4) == ["one"] * 4


def test_a_deployment_rolls_out(plain: Cluster) -> None:
    plain.kubectl("set", "env", "-n", "plain", "deploy/echo", "VERSION=two")
    plain.kubectl("rollout", "status", "-n", "plain", "deploy/echo", "--timeout=40s")
    becomes(lambda: set(versions(plain, 4)), {"two"})  # nodes hear of it a moment later
