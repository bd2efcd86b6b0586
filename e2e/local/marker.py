"""How one knows that the control plane has read an edit: it knows a host that came with it."""


def marker_host(number: int) -> str:
    """The host that belongs to an edit."""
    return f"marker-{number}.e2e.test"


def marked(text: str, number: int) -> str:
    """The YAML of an edit, with the marker that says that it was read."""
    host = marker_host(number)
    return f"""
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: marker-{number}, namespace: e2e}}
spec:
  hosts: [{host}]
  ports: [{{number: 1, name: http, protocol: HTTP}}]
  resolution: STATIC
  endpoints: [{{address: 192.0.2.1}}]
---
{text}
"""
