"""AuthorizationPolicies: who gets through to the application, at its sidecar and at the gateway."""

import pytest

from e2e.gateway import SHOP, bound, edge, server, to_echo, visit
from e2e.mesh import CLIENT, ECHO, INGRESS, STRANGER, VISITOR, Answer, Mesh, becomes
from tests.meshes import authorization_policy
from tests.semantics import covers

REFUSED = (403, "RBAC: access denied")
FAR = "http://echo.e2e:8080"
"""As clients of other namespaces know the service."""


def policy(spec: str, name: str = "policy", namespace: str = "e2e") -> str:
    return authorization_policy(name, spec, namespace)


PROBES = "{to: [{operation: {paths: [/healthz]}}]}"
"""Who asks whether the application is ready has no certificate."""


def of_echo(action: str, *rules: str) -> str:
    every = (*rules, *([PROBES] if action == "ALLOW" else []))
    spec = f"{{selector: {{matchLabels: {{app: echo}}}}, action: {action}, rules: "
    return policy(f"{spec}[{', '.join(every)}]}}")


def of_ingress(action: str, rule: str) -> str:
    spec = "{selector: {matchLabels: {istio: ingressgateway}}"
    return policy(f"{spec}, action: {action}, rules: [{rule}]}}", "ingress", "edge")


def outcome(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.text


@covers("S-80", "S-86", "S-97")
def test_only_whom_a_policy_allows_gets_through(mesh: Mesh) -> None:
    """By the namespace in the caller's certificate."""
    mesh.apply(of_echo("ALLOW", "{from: [{source: {namespaces: [other]}}]}"))
    becomes(lambda: outcome(mesh.get(ECHO)), REFUSED)
    assert mesh.get(FAR, via=STRANGER).status == 200


@pytest.mark.parametrize(
    "operation",
    ["paths: [/admin]", "methods: [GET]", "hosts: ['ECHO*']", "ports: ['8080']"],
    ids=["path", "method", "host", "port"],
)
def test_what_is_forbidden_is_refused(mesh: Mesh, operation: str) -> None:
    mesh.apply(of_echo("DENY", f"{{to: [{{operation: {{{operation}, notPaths: [/healthz]}}}}]}}"))
    becomes(lambda: outcome(mesh.get(f"{ECHO}/admin")), REFUSED)
    for path in ("/admin", "//admin", "/x/../admin", "/%61dmin"):
        assert outcome(mesh.get(f"{ECHO}{path}")) == REFUSED


@covers("S-97")
def test_a_connection_that_is_forbidden_is_closed(intercepting: Mesh) -> None:
    intercepting.apply(of_echo("DENY", "{from: [{source: {namespaces: [e2e]}}]}"))
    assert "hello" not in intercepting.tcp("echo", 9000, "hello")
    assert "hello" in intercepting.tcp("echo.e2e", 9000, "hello", via=STRANGER)


def test_a_gateway_refuses_what_is_forbidden_there(mesh: Mesh) -> None:
    rule = "{to: [{operation: {hosts: ['*.EXAMPLE.com'], paths: [/admin*]}}]}"
    mesh.apply(edge(server(80, "HTTP", "*")), to_echo(SHOP), of_ingress("DENY", rule))
    assert outcome(visit(mesh, SHOP, "//admin")) == REFUSED
    assert outcome(visit(mesh, f"{SHOP}:80", "/admin")) == REFUSED
    assert visit(mesh, SHOP, "/x").seen.path == "/x"


def test_a_gateway_closes_connections_that_are_forbidden_there(intercepting: Mesh) -> None:
    from_there = "{from: [{source: {ipBlocks: [0.0.0.0/0, '::/0']}}]}"
    tcp = "tcp: [{route: [{destination: {host: echo, port: {number: 9000}}}]}]"
    open_ = (edge(server(9000, "TCP", "*")), bound("tcp", f"hosts: ['*'], {tcp}"))
    address = intercepting.address(INGRESS)
    intercepting.apply(*open_)
    assert "hello" in intercepting.tcp(address, 9000, "hello", via=VISITOR)
    intercepting.apply(*open_, of_ingress("DENY", from_there))
    assert "hello" not in intercepting.tcp(address, 9000, "hello", via=VISITOR)


CORS = "corsPolicy: {allowOrigins: [{exact: 'http://a.test'}], allowMethods: [GET]}"
PREFLIGHT = {"origin": "http://a.test", "access-control-request-method": "GET"}


@covers("S-91")
@pytest.mark.parametrize(("methods", "status"), [("[GET]", 403), ("[GET, OPTIONS]", 200)])
def test_a_gateway_judges_preflights_before_it_answers_them(
    mesh: Mesh, methods: str, status: int
) -> None:
    """A browser asks with OPTIONS: an ALLOW that does not name it keeps browsers out."""
    route = "route: [{destination: {host: echo, port: {number: 8080}}}]"
    mesh.apply(
        edge(server(80, "HTTP", "*")),
        bound("shop", f"hosts: [{SHOP}], http: [{{{CORS}, {route}}}]"),
        of_ingress("ALLOW", f"{{to: [{{operation: {{methods: {methods}}}}}]}}"),
    )
    address = f"http://{mesh.address(INGRESS)}:8080/"
    asked = mesh.get(address, {"host": SHOP, **PREFLIGHT}, via=VISITOR, method="OPTIONS")
    assert asked.status == status
    assert visit(mesh, SHOP, "/", origin="http://a.test").status == 200


@covers("S-91")
def test_a_sidecar_answers_preflights_of_its_own_client(mesh: Mesh) -> None:
    """They never get to the server, whose policy says nothing of them; a gRPC call is a POST."""
    route = "route: [{destination: {host: echo}}]"
    rules = f"[{{{CORS}, {route}}}]"
    service = f"""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: echo, namespace: e2e}}
spec: {{hosts: [echo], http: {rules}}}
"""
    mesh.apply(service, of_echo("ALLOW", "{to: [{operation: {methods: [GET]}}]}"))
    assert mesh.get(ECHO, PREFLIGHT, method="OPTIONS", via=CLIENT).status == 200
    becomes(lambda: mesh.get(ECHO, {"origin": "http://b.test"}, method="OPTIONS").status, 403)
    becomes(lambda: mesh.grpc("echo:9001", "/shop.Reviews/Get", {}, "x")[0], "PERMISSION_DENIED")
    mesh.apply(service, of_echo("ALLOW", "{to: [{operation: {methods: [POST]}}]}"))
    becomes(lambda: mesh.grpc("echo:9001", "/shop.Reviews/Get", {}, "x")[0], "OK")
