"""What a Sidecar lets its workloads reach, and where it lets them be called."""

import pytest

from e2e.mesh import CLIENT, ECHO, STRANGER, Answer, Mesh, routes
from tests.semantics import covers

FAR = "http://echo.e2e:8080/"


def is_unknown(answer: Answer) -> bool:
    """Where no host is known at the port, there is nobody who could answer."""
    return answer.status == 502 or (answer.status == 0 and "ConnectionResetError" in answer.text)


def sidecar(spec: str, namespace: str = "other") -> str:
    return f"""
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {{name: default, namespace: {namespace}}}
spec: {spec}
"""


def apply_selecting(mesh: Mesh, *texts: str) -> None:
    """Twice: a proxy that a Sidecar selects connects again, and only after the second time is it
    sure to have asked for all kinds of resources."""
    mesh.apply(*texts)
    mesh.apply(*texts)


def only(host: str) -> str:
    policy = "outboundTrafficPolicy: {mode: REGISTRY_ONLY}"
    return sidecar(f"{{egress: [{{hosts: ['{host}']}}], {policy}}}")


def entry(targets: str) -> str:
    """A Service of echo-v1 whose target ports nothing listens on but its sidecar."""
    return f"""
apiVersion: v1
kind: Service
metadata: {{name: entry, namespace: e2e}}
spec: {{selector: {{app: echo, version: v1}}, ports: {targets}}}
"""


@covers("S-5")
def test_what_is_not_imported_is_unknown(mesh: Mesh) -> None:
    """Only to the workloads of the Sidecar."""
    mesh.apply(only("./*"))
    assert is_unknown(mesh.get(FAR, via=STRANGER))
    assert mesh.get(FAR, via=CLIENT).status == 200


@pytest.mark.parametrize("host", ["e2e/*", "*/echo.e2e.svc.cluster.local"])
def test_what_is_imported_is_reached(mesh: Mesh, host: str) -> None:
    mesh.apply(only(host))
    assert mesh.get(FAR, via=STRANGER).seen.service == "echo"
    other = mesh.get("http://echo-v1.e2e:8080/", via=STRANGER)
    assert is_unknown(other) == (host != "e2e/*")


def test_the_rules_of_what_is_imported_are_obeyed(mesh: Mesh) -> None:
    """Also where they lead to what is not."""
    there = "route: [{destination: {host: echo-v2.e2e.svc.cluster.local}}]"
    mesh.apply(
        only("*/echo.e2e.svc.cluster.local"),
        routes(f"[{{headers: {{request: {{set: {{x-ruled: 'yes'}}}}}}, {there}}}]"),
    )
    seen = mesh.get(FAR, via=STRANGER).seen
    assert (seen.version, seen.headers["x-ruled"]) == ("v2", "yes")
    assert is_unknown(mesh.get("http://echo-v2.e2e:8080/", via=STRANGER))


def test_allow_any_lets_pass_what_is_not_imported(intercepting: Mesh) -> None:
    policy = "outboundTrafficPolicy: {mode: ALLOW_ANY}"
    intercepting.apply(sidecar(f"{{egress: [{{hosts: [./*]}}], {policy}}}"))
    url = f"http://{intercepting.address('e2e/echo-v1')}:8080/"
    assert intercepting.get(url, via=STRANGER).seen.version == "v1"


def test_what_is_unknown_goes_to_the_egress_proxy(mesh: Mesh) -> None:
    """Requests and connections, wherever they were going; nowhere if there is no such proxy."""

    def proxy(service: str, port: int) -> str:
        host = f"{{host: {service}.e2e.svc.cluster.local, port: {{number: {port}}}}}"
        policy = f"{{mode: ALLOW_ANY, egressProxy: {host}}}"
        return sidecar(f"{{egress: [{{hosts: [./*]}}], outboundTrafficPolicy: {policy}}}")

    mesh.apply(proxy("echo-v1", 8080))
    answer = mesh.get("http://192.0.2.7:8080/path", {"host": "nowhere.example"}, via=STRANGER)
    assert (answer.seen.version, answer.seen.path) == ("v1", "/path")
    mesh.apply(proxy("echo", 9000))
    assert "hello" in mesh.tcp("192.0.2.7", 7777, "hello", via=STRANGER)
    mesh.apply(proxy("echo", 81))
    assert mesh.get("http://192.0.2.7:8080/", via=STRANGER).status in (0, 503)
    assert any("echo.e2e.svc.cluster.local has no port 81" in each for each in mesh.problems())


def test_applications_call_listeners_of_their_own(mesh: Mesh) -> None:
    """Requests, connections, and requests for all ports through a proxy; what has none is not
    redirected.
    """
    here = "127.0.0.1" if mesh.intercepts else mesh.address(STRANGER)

    def listener(port: int, protocol: str, host: str) -> str:
        number = f"port: {{number: {port}, protocol: {protocol}, name: p{port}}}"
        return f"{{{number}, captureMode: NONE, hosts: [e2e/{host}.e2e.svc.cluster.local]}}"

    listeners = (
        listener(8080, "HTTP", "echo-v1"),
        listener(9180, "TCP", "entry"),
        listener(3128, "HTTP_PROXY", "echo-v2"),
    )
    mesh.apply(
        sidecar(f"{{egress: [{', '.join(listeners)}]}}"),
        entry("[{name: tcp, port: 90, targetPort: 9000}]"),
    )

    def get(host: str) -> Answer:
        return mesh.get(f"http://{here}:8080/path", {"host": host}, via=STRANGER, direct=True)

    assert (get("echo-v1.e2e").seen.version, get("echo-v1.e2e").seen.path) == ("v1", "/path")
    assert get("echo-v2.e2e").status == 502
    assert mesh.tcp(here, 9180, "hello", via=STRANGER, direct=True) == "echo v1 hello"
    proxied = mesh.get("http://echo-v2.e2e:8080/", via=STRANGER, through=f"http://{here}:3128")
    assert proxied.seen.version == "v2"
    assert is_unknown(mesh.get("http://echo-v1.e2e:8080/", via=STRANGER))


def test_a_selected_workload_obeys_its_own_sidecar(mesh: Mesh) -> None:
    selected = only("~/*").replace("name: default", "name: own")
    apply_selecting(
        mesh,
        sidecar("{egress: [{hosts: ['*/*']}]}"),
        selected.replace("spec: {", "spec: {workloadSelector: {labels: {app: stranger}}, "),
    )
    assert is_unknown(mesh.get(FAR, via=STRANGER))


@covers("S-3")
def test_what_is_not_exported_is_unknown(mesh: Mesh) -> None:
    private = entry("[{name: http, port: 80, targetPort: 8080}]").replace(
        "namespace: e2e}", "namespace: e2e, annotations: {networking.istio.io/exportTo: '.'}}"
    )
    mesh.apply(private, only("*/*"))
    assert mesh.get("http://entry.e2e/", via=CLIENT).seen.version == "v1"
    assert is_unknown(mesh.get("http://entry.e2e/", via=STRANGER))


@covers("S-22")
def test_ingress_listeners_say_where_calls_go(mesh: Mesh) -> None:
    listeners = (
        "{port: {number: 8188, protocol: HTTP, name: http}, defaultEndpoint: '127.0.0.1:8080'}, "
        "{port: {number: 9188, protocol: TCP, name: tcp}, defaultEndpoint: '0.0.0.0:9000'}"
    )
    spec = f"{{workloadSelector: {{labels: {{version: v1}}}}, ingress: [{listeners}]}}"
    apply_selecting(
        mesh,
        entry(
            "[{name: http, port: 80, targetPort: 8188}, {name: tcp, port: 90, targetPort: 9188}]"
        ),
        sidecar(spec, "e2e"),
    )
    seen = mesh.get("http://entry/path").seen
    assert (seen.version, seen.path) == ("v1", "/path")
    assert mesh.tcp("entry", 90, "hello") == "echo v1 hello"


def test_a_listener_of_its_own_takes_what_is_not_intercepted(intercepting: Mesh) -> None:
    """Its port passes as an unknown one, and so comes to the sidecar a second time."""
    address = intercepting.address("e2e/echo-v1")
    listener = (
        f"{{port: {{number: 8188, protocol: HTTP, name: x}}, bind: {address}, captureMode: NONE, "
        "defaultEndpoint: '127.0.0.1:8080'}"
    )
    spec = f"{{workloadSelector: {{labels: {{version: v1}}}}, ingress: [{listener}]}}"
    apply_selecting(
        intercepting, entry("[{name: http, port: 80, targetPort: 8188}]"), sidecar(spec, "e2e")
    )
    assert intercepting.get("http://entry/path").seen.version == "v1"


def test_ingress_pools_limit_what_comes_in(mesh: Mesh) -> None:
    pool = "connectionPool: {tcp: {maxConnections: 1}, http: {http1MaxPendingRequests: 1}}"
    listener = f"{{port: {{number: 8080, protocol: HTTP, name: http}}, {pool}}}"
    spec = f"{{workloadSelector: {{labels: {{app: echo}}}}, ingress: [{listener}]}}"
    apply_selecting(
        mesh,
        sidecar(spec, "e2e"),
        routes("[{retries: {attempts: 0}, route: [{destination: {host: echo}}]}]"),
    )
    with mesh.load(f"{ECHO}/", {"x-echo-delay": "0.2"}, rate=600) as counts:
        mesh.repeat(f"{ECHO}/", 3, {"x-echo-delay": "0.2"})
    assert counts.outcomes.get("200")
    assert counts.failures
    assert all("503" in failure for failure in counts.failures), counts
