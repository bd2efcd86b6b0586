"""What runs in the cluster of these tests: the example, and who calls it."""

import re

from tests.charts.helm import NAMESPACE
from tests.conftest import ROOT

SHOP = ROOT / "examples/shop"

CLIENTS = """
apiVersion: v1
kind: Namespace
metadata: {name: visitors, labels: {istio-injection: enabled}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: client, namespace: visitors}
spec:
  selector: {matchLabels: {app: client}}
  template:
    metadata: {labels: {app: client}}
    spec:
      containers: [{name: client, image: heddle-e2e/client, stdin: true}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: stranger, namespace: visitors}
spec:
  selector: {matchLabels: {app: stranger}}
  template:
    metadata:
      labels: {app: stranger}
      annotations: {sidecar.istio.io/inject: "false"}
    spec:
      containers: [{name: client, image: heddle-e2e/client, stdin: true}]
"""
STRICT = f"""
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {{name: default, namespace: {NAMESPACE}}}
spec: {{mtls: {{mode: STRICT}}}}
"""


def shop() -> str:
    return "\n---\n".join(path.read_text() for path in sorted(SHOP.rglob("*.yaml")))


def documented() -> list[str]:
    """The YAML of docs/debug-endpoints.md: what users are told to apply."""
    text = (ROOT / "docs/debug-endpoints.md").read_text()
    return re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
