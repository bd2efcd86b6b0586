"""YAML for the feature tests: two services, their pods, a client."""


def workload(name: str, namespace: str = "shop", account: str = "", version: str = "v1") -> str:
    """A Deployment of one pod, and a Service for it."""
    return f"""
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: {namespace}}}
spec: {{selector: {{app: {name}}}, ports: [{{name: http, port: 80}}]}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}-{version}, namespace: {namespace}}}
spec:
  selector: {{matchLabels: {{app: {name}, version: {version}}}}}
  template:
    metadata: {{labels: {{app: {name}, version: {version}}}}}
    spec:
      serviceAccountName: {account or "default"}
      containers: [{{name: app, image: app}}]
"""


def namespace(name: str, *, injected: bool = True) -> str:
    """A Namespace, with sidecars or without."""
    label = "enabled" if injected else "disabled"
    return f"""
apiVersion: v1
kind: Namespace
metadata: {{name: {name}, labels: {{istio-injection: {label}}}}}
"""


def route(name: str, body: str, *, namespace: str = "shop", export_to: str = "*") -> str:
    """A VirtualService for the host `name` with one rule."""
    return f"""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: {name}, namespace: {namespace}}}
spec: {{hosts: [{name}], exportTo: ["{export_to}"], http: [{body}]}}
"""


def subsets(name: str, *versions: str) -> str:
    """A DestinationRule with a subset a version."""
    listed = ", ".join(f"{{name: {v}, labels: {{version: {v}}}}}" for v in versions)
    return f"""
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: {name}, namespace: shop}}
spec: {{host: {name}, subsets: [{listed}]}}
"""


ACCOUNT = """
apiVersion: v1
kind: ServiceAccount
metadata: {name: web, namespace: shop}
"""

SHOP = "\n---\n".join(
    (
        namespace("shop"),
        ACCOUNT,
        workload("web", account="web"),
        workload("reviews"),
    )
)
REVIEWS = "reviews.shop.svc.cluster.local"
