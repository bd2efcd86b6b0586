"""What a port speaks: said by its name or `appProtocol`, or shown by the client's first bytes."""

import json

import pytest

from e2e.mesh import SUBSETS, Mesh, routes
from e2e.witness import pod, policy, told, witness
from tests.semantics import covers

DETECTED_WITHIN_A_SECOND = """
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data: {mesh: "protocolDetectionTimeout: 1s"}
"""
GREETING = 9002
WEBSOCKET = 9003


def spoken(port: str, target: int, number: int = 7000) -> str:
    """The Service `spoken` for a port of the echo servers; `port` is what is said of its own."""
    return f"""
apiVersion: v1
kind: Service
metadata: {{name: spoken, namespace: e2e}}
spec: {{selector: {{app: echo}}, ports: [{{port: {number}, targetPort: {target}, {port}}}]}}
"""


def to_testers(host: str) -> str:
    """Requests of testers go to v2, all others to v1."""
    return f"""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: {host}, namespace: e2e}}
spec:
  hosts: [{host}]
  http:
    - match: [{{headers: {{x-tester: {{exact: "true"}}}}}}]
      route: [{{destination: {{host: {host}, subset: v2}}}}]
    - route: [{{destination: {{host: {host}, subset: v1}}}}]
---
{SUBSETS.replace("echo", host)}
"""


@covers("S-38", "S-39")
@pytest.mark.parametrize(
    ("port", "number"),
    [
        ("name: tcp-mail", 7000),
        ("name: mysql", 7000),
        ("name: redis", 7000),
        ("name: mongo", 7000),
        ("name: odd, appProtocol: tcp", 7000),
        ("name: odd", 3306),
    ],
)
def test_a_server_that_speaks_first_is_heard_where_the_port_says_so(
    mesh: Mesh, port: str, number: int
) -> None:
    """Detection would wait without end: that is the default."""
    mesh.apply(spoken(port, GREETING, number))
    greeting, answer = mesh.greeted("spoken", number, "hello")
    assert greeting.startswith("welcome to echo v")
    assert answer == f"{greeting.removeprefix('welcome to ')} hello"


@covers("S-38")
def test_where_the_port_does_not_say_so_it_is_heard_after_a_while(mesh: Mesh) -> None:
    mesh.apply(spoken("name: odd", GREETING), DETECTED_WITHIN_A_SECOND)
    greeting, answer = mesh.greeted("spoken", 7000, "hello")
    assert answer == f"{greeting.removeprefix('welcome to ')} hello"


def test_bytes_that_are_no_http_are_carried(mesh: Mesh) -> None:
    mesh.apply(spoken("name: odd", 9000))
    assert mesh.tcp("spoken", 7000, "hello, this is no HTTP").endswith("hello, this is no HTTP")


@covers("S-46")
def test_requests_are_found_out_and_routed(mesh: Mesh) -> None:
    mesh.apply(spoken("name: odd", 8080), to_testers("spoken"))
    for headers, version in (({"x-tester": "true"}, "v2"), ({}, "v1")):
        answers = mesh.repeat("http://spoken:7000/a?b=c", 4, headers)
        assert [each.seen.version for each in answers] == [version] * 4
        assert answers[0].seen.path == "/a?b=c"


def test_calls_are_found_out_and_routed(mesh: Mesh) -> None:
    """gRPC is HTTP/2 with prior knowledge, and its server understands nothing else."""
    mesh.apply(spoken("name: odd", 9001), to_testers("spoken"))
    for headers, version in (({"x-tester": "true"}, "v2"), ({}, "v1")):
        code, text = mesh.grpc("spoken:7000", "/shop.Reviews/Get", headers, "body")
        assert (code, json.loads(text)["version"]) == ("OK", version)


@covers("S-74")
@pytest.mark.parametrize(
    ("port", "over_1", "over_2"),
    [("http", "1.1", "1.1"), ("http2", "2", "2"), ("grpc", "2", "2"), ("odd", "1.1", "2")],
)
def test_a_server_is_spoken_to_as_its_port_says(
    mesh: Mesh, port: str, over_1: str, over_2: str
) -> None:
    """Whatever the client speaks, unless nothing is said: then as the client does."""
    mesh.apply(witness("seer", port))
    assert told(mesh.get("http://seer:8443/"))["http"] == over_1
    assert told(mesh.get("http://seer:8443/", version=2))["http"] == over_2


@pytest.mark.parametrize("port", ["name: http", "name: odd", "name: odd, appProtocol: http"])
def test_a_websocket_is_opened_and_routed(mesh: Mesh, port: str) -> None:
    mesh.apply(spoken(port, WEBSOCKET), to_testers("spoken"))
    for headers, version in (({"x-tester": "true"}, "v2"), ({}, "v1")):
        status, seen, heard = mesh.websocket("http://spoken:7000/chat", headers, ["a", "b" * 300])
        assert (status, heard) == (101, ["a", "b" * 300])
        assert seen is not None
        assert (seen.version, seen.path, seen.headers["upgrade"]) == (version, "/chat", "websocket")


def test_a_websocket_crosses_http2(mesh: Mesh) -> None:
    """Between the sidecars; the server is asked as it understands it (RFC 8441)."""
    upgraded = policy("spoken", "connectionPool: {http: {h2UpgradePolicy: UPGRADE}}")
    mesh.apply(spoken("name: http", WEBSOCKET), upgraded)
    status, seen, heard = mesh.websocket("http://spoken:7000/chat", {}, ["a"])
    assert (status, heard) == (101, ["a"])
    assert seen is not None
    assert seen.headers["upgrade"] == "websocket"


@pytest.mark.parametrize("port", ["http", "http_proxy", "odd", "tcp"])
def test_a_proxy_behind_the_mesh_opens_tunnels(intercepting: Mesh, port: str) -> None:
    """CONNECT is passed on, and so are the bytes after it. It names the target and not the proxy,
    so where requests are told by their names it goes where its connection was going."""
    parts = (
        pod("target", "echo", 8080, TCP_PORT="9000", NAME="target"),
        pod("tunnel", "tunnel", 3128),
        "{apiVersion: v1, kind: Service, metadata: {name: tunnel, namespace: e2e}, spec: "
        f"{{selector: {{app: tunnel}}, ports: [{{name: x, appProtocol: {port}, port: 3128}}]}}}}",
    )
    intercepting.apply(*parts)
    host = intercepting.address("e2e/target")
    proxy = intercepting.address("e2e/tunnel") if port.startswith("http") else "tunnel"
    answer = intercepting.tcp(host, 9000, "hello", through=f"http://{proxy}:3128")
    assert answer == f"CONNECT {host}:9000 target v1 hello"


def test_what_is_sent_to_a_pod_itself_arrives(intercepting: Mesh) -> None:
    """At addresses that nobody knows nothing is detected."""
    address = intercepting.address("e2e/echo-v1")
    assert intercepting.tcp(address, 9000, "hello") == "echo v1 hello"


def test_rules_of_http_do_not_touch_a_port_that_says_it_is_opaque(mesh: Mesh) -> None:
    """S-49: HTTP that is sent there is carried as it is."""
    mesh.apply(
        spoken("name: tcp", 8080),
        routes("[{directResponse: {status: 418}}]").replace("[echo]", "[spoken]"),
    )
    assert mesh.tcp("spoken", 7000, "GET / HTTP/1.1\r\nhost: x\r\n\r").startswith("HTTP/1.1 200")
