"""Random Services, ServiceEntries and what is behind them: few names, so that they meet."""

from hypothesis import strategies as st

from tests.meshes import service

NAMESPACES = ("shop", "bank")
NAMES = ("a", "b", "c")
SUBSETS = ("v1", "v2")
NODES = ("north", "south")
namespaces = st.sampled_from(NAMESPACES)
names = st.sampled_from(NAMES)


def services() -> st.SearchStrategy[str]:
    """A Service with one or two ports, sometimes with an address that another may have too."""
    ports = st.sampled_from(
        [
            ["http:80"],
            ["http:80", "grpc:90"],
            ["tcp:80"],
            ["http:80:web"],
            ["odd:70"],
            ["tcp:8080", "odd:70"],
        ]
    )
    return st.builds(
        service, names, namespaces, ports, st.sampled_from(["10.0.0.1", "10.0.0.2", "None", ""])
    )


def external_names() -> st.SearchStrategy[str]:
    """A Service that is another name of a host: a Service, a ServiceEntry, itself."""

    def external_name(name: str, namespace: str, target: str) -> str:
        return (
            "---\napiVersion: v1\nkind: Service\n"
            f"metadata: {{name: {name}, namespace: {namespace}}}\n"
            f"spec: {{type: ExternalName, externalName: {target}}}\n"
        )

    targets = ["a.shop.svc.cluster.local", "b.bank.svc.cluster.local", "x.example.com", "b.bank"]
    return st.builds(external_name, names, namespaces, st.sampled_from(targets))


INJECTED = "sidecar.istio.io/status: '{}'"
NOTES = (
    "",
    INJECTED,
    INJECTED + ", traffic.sidecar.istio.io/excludeInboundPorts: '8080'",
    INJECTED + ", inject.istio.io/templates: gateway",
)
"""Annotations of pods without a sidecar, with one, with one that does not stand before all, and of
gateways.
"""


def pods() -> st.SearchStrategy[str]:
    """A pod of one of the apps, in one of the versions; some are injected, and of those some keep
    their port from the sidecar.
    """

    def pod(name: str, namespace: str, version: str, ip: int, notes: str) -> str:
        mutual = ", security.istio.io/tlsMode: istio" if notes else ""
        return (
            "---\napiVersion: v1\nkind: Pod\n"
            f"metadata: {{name: {name}, namespace: {namespace}, uid: u-{name}, "
            f"annotations: {{{notes}}}, "
            f"labels: {{app: {name}, version: {version}{mutual}, "
            f"gateway.networking.k8s.io/gateway-name: {name}}}}}\n"
            f"spec: {{nodeName: {NODES[ip % 2]}, "
            "containers: [{name: main, ports: [{name: web, containerPort: 8080}]}]}\n"
            f"status: {{podIP: 10.1.0.{ip}, phase: Running}}\n"
        )

    return st.builds(
        pod, names, namespaces, st.sampled_from(SUBSETS), st.integers(1, 4), st.sampled_from(NOTES)
    )


def nodes() -> st.SearchStrategy[str]:
    """A node in one of two regions, or in none."""
    return st.builds(
        lambda name, labels: (
            f"---\napiVersion: v1\nkind: Node\nmetadata: {{name: {name}, labels: {{{labels}}}}}\n"
        ),
        st.sampled_from(NODES),
        st.sampled_from(["", *(f"topology.kubernetes.io/region: {r}" for r in ("eu", "us"))]),
    )


def slices() -> st.SearchStrategy[str]:
    """An EndpointSlice of one of the services, naming some pods."""

    def endpoint_slice(name: str, namespace: str, pods: list[str], ready: bool) -> str:
        listed = ", ".join(
            f"{{addresses: [10.1.0.{i + 1}], conditions: {{ready: {str(ready).lower()}}}, "
            f"hostname: {pod}, targetRef: {{kind: Pod, name: {pod}}}}}"
            for i, pod in enumerate(pods)
        )
        return (
            "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"
            f"metadata: {{name: {name}-1, namespace: {namespace}, "
            f"labels: {{kubernetes.io/service-name: {name}}}}}\n"
            f"addressType: IPv4\nports: [{{name: http, port: 8080}}]\nendpoints: [{listed}]\n"
        )

    return st.builds(
        endpoint_slice, names, namespaces, st.lists(names, max_size=2, unique=True), st.booleans()
    )


def service_entries() -> st.SearchStrategy[str]:
    """A ServiceEntry that may take a short name, an address, a block or a port from another one."""

    def entry(
        name: str,
        namespace: str,
        host: str,
        how: str,
        address: str,
        export: str,
        port: str,
    ) -> str:
        dynamic = how == "DYNAMIC_DNS"
        if dynamic and "HTTP" not in port:
            port = "{number: 443, name: tls, protocol: TLS}"
        if how != "STATIC":
            address = address.removesuffix("/24")
        addresses = f", addresses: [{address}]" if address else ""
        here = f"{{address: 10.3.0.{len(name + namespace)}, locality: eu}}"
        there = f", {{address: 10.3.1.{len(name + namespace)}, locality: us}}"
        found = "" if how == "NONE" or dynamic else here + there * (how == "DNS")
        hosts = "'*.example.com'" if dynamic else host
        selects = how == "STATIC" and "TCP" in port
        where = (
            f"workloadSelector: {{labels: {{app: {name}}}}}" if selects else f"endpoints: [{found}]"
        )
        return (
            "---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\n"
            f"metadata: {{name: {name}, namespace: {namespace}}}\n"
            f"spec: {{hosts: [{hosts}], resolution: {how}, ports: [{port}]{addresses}, "
            f"exportTo: ['{export}'], {where}}}\n"
        )

    ports = [
        "{number: 80, name: http, protocol: HTTP}",
        "{number: 80, name: tls, protocol: TLS}",
        "{number: 80, name: p, protocol: TCP}",
        "{number: 80, name: p}",
        "{number: 90, name: tcp, protocol: TCP}",
    ]
    return st.builds(
        entry,
        names,
        namespaces,
        st.sampled_from(["x.example.com", "b.bank", "a.shop"]),
        st.sampled_from(["STATIC", "DNS", "NONE", "DYNAMIC_DNS"]),
        st.sampled_from(["", "10.0.0.1", "10.1.0.1", "10.0.0.0/24"]),
        st.sampled_from(["*", "."]),
        st.sampled_from(ports),
    )


def workload_entries() -> st.SearchStrategy[str]:
    """A machine that a Service or a ServiceEntry may select, some with ports of their own."""

    def entry(name: str, namespace: str, app: str, address: str, version: str, port: str) -> str:
        ports = "" if "unix" in address else port
        return (
            "---\napiVersion: networking.istio.io/v1\nkind: WorkloadEntry\n"
            f"metadata: {{name: {name}, namespace: {namespace}}}\n"
            f"spec: {{address: {address}, labels: {{app: {app}, version: {version}}}, "
            f"weight: 3, locality: eu/north, ports: {{{ports}}}}}\n"
        )

    return st.builds(
        entry,
        names,
        namespaces,
        names,
        st.sampled_from(["10.4.0.1", "'fd00::4'", "vm.example.com", "unix:///run/app"]),
        st.sampled_from(SUBSETS),
        st.sampled_from(["", "http: 8081", "tcp: 9000"]),
    )
