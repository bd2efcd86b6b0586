"""YAML of what analyzers look at, besides what `tests/meshes.py` has."""


def istio(kind: str, name: str, spec: str, namespace: str = "shop") -> str:
    """An object of Istio's with `spec` in flow style."""
    group = "security" if kind.endswith(("Authentication", "Policy")) else "networking"
    return (
        f"---\napiVersion: {group}.istio.io/v1\nkind: {kind}\n"
        f"metadata: {{name: {name}, namespace: {namespace}}}\nspec: {spec}\n"
    )


def pod(
    name: str,
    namespace: str = "shop",
    *,
    injected: bool = True,
    labels: str = "",
    spec: str = "containers: [{name: app}]",
    annotations: str = "",
    status: str = "phase: Running",
) -> str:
    """A pod with the label `app: name` and an address; `labels` and `annotations` are more of
    them, in flow style.
    """
    mode = ", security.istio.io/tlsMode: istio" if injected else ""
    sidecar = "sidecar.istio.io/status: '{}'" if injected else ""
    more = ", ".join(each for each in (sidecar, annotations) if each)
    return (
        f"---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: {name}\n  namespace: {namespace}\n"
        f"  labels: {{app: {name}{mode}{', ' + labels if labels else ''}}}\n"
        f"  annotations: {{{more}}}\n"
        f"spec: {{{spec}}}\nstatus: {{podIP: 10.0.0.{len(name)}, {status}}}\n"
    )


def namespace(name: str, labels: str = "") -> str:
    """A Namespace, with labels in flow style."""
    return (
        f"---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}, labels: {{{labels}}}}}\n"
    )


def slice_of(service: str, pods: str, port: str, namespace: str = "shop") -> str:
    """The EndpointSlice of a Service with one port, `name:number`, and pods, comma-separated."""
    name, number = port.split(":")
    endpoints = ", ".join(
        f"{{addresses: [10.0.0.{len(pod)}], targetRef: {{kind: Pod, name: {pod}, "
        f"namespace: {namespace}}}}}"
        for pod in pods.split(",")
    )
    return (
        "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"
        f"metadata: {{name: {service}-1, namespace: {namespace}, labels: "
        f"{{kubernetes.io/service-name: {service}}}}}\n"
        f"addressType: IPv4\nports: [{{name: {name}, port: {number}}}]\nendpoints: [{endpoints}]\n"
    )
