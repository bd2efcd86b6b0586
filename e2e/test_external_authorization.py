"""CUSTOM policies: servers decide, asked in HTTP and in gRPC, by sidecars and by the gateway."""

import json
from collections.abc import Mapping

import pytest

from e2e.gateway import SHOP, edge, server, to_echo, visit
from e2e.mesh import ECHO, STRANGER, Answer, Mesh, becomes
from e2e.witness import pod
from tests.meshes import authorization_policy
from tests.semantics import covers

SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: authorizer, namespace: e2e}
spec: {selector: {app: authorizer}, ports: [{name: http, port: 8000}, {name: grpc, port: 9000}]}
"""
AUTHORIZER = (SERVICE, pod("authorizer", "authorizer", 8000, GRPC_PORT="9000"))
HOST = "authorizer.e2e.svc.cluster.local"
HTTP = f"""
- name: http
  envoyExtAuthzHttp:
    service: {HOST}
    port: 8000
    pathPrefix: /check
    includeRequestHeadersInCheck: ["x-l*"]
    includeAdditionalHeadersInCheck: {{x-by: heddle}}
    includeRequestBodyInCheck: {{maxRequestBytes: 100}}
    headersToUpstreamOnAllow: [x-user, x-asked]
    headersToDownstreamOnAllow: [set-cookie]
    headersToDownstreamOnDeny: [x-why]
"""
GRPC = f"""
- name: grpc
  envoyExtAuthzGrpc: {{service: {HOST}, port: 9000}}
"""
NOBODY = """
- name: nobody
  envoyExtAuthzHttp: {service: nobody.e2e.svc.cluster.local, port: 8000, statusOnError: "503", FAIL}
"""
NOBODY_THERE = """
apiVersion: v1
kind: Service
metadata: {name: nobody, namespace: e2e}
spec: {selector: {app: nobody}, ports: [{name: http, port: 8000}]}
"""
GOOD = {"x-let": "in", "x-other": "1"}


def providers(*given: str) -> str:
    config = json.dumps("extensionProviders:\n" + "\n".join(each.strip() for each in given))
    return f"""
apiVersion: v1
kind: ConfigMap
metadata: {{name: istio, namespace: istio-system}}
data: {{mesh: {config}}}
"""


def asking(provider: str, operation: str, *, app: str = "app: echo", namespace: str = "e2e") -> str:
    selector = f"selector: {{matchLabels: {{{app}}}}}"
    rules = f"rules: [{{to: [{{operation: {{{operation}}}}}]}}]"
    spec = f"{{{selector}, action: CUSTOM, provider: {{name: {provider}}}, {rules}}}"
    return authorization_policy(f"ask-{provider}", spec, namespace)


def asked(answer: Answer) -> Mapping[str, object]:
    """What the authorizer was asked."""
    told = json.loads(answer.seen.headers["x-asked"])
    assert isinstance(told, dict)
    return told


@covers("S-94")
def test_a_server_is_asked_in_http(mesh: Mesh) -> None:
    """It sees the headers that it is to see, and tells the server and the client what it may."""
    mesh.apply(*AUTHORIZER, providers(HTTP), asking("http", "paths: [/a*]"))
    becomes(lambda: mesh.get(f"{ECHO}/a").status, 401)
    answer = mesh.get(f"{ECHO}/a?b", GOOD, method="POST", body="hello")
    assert (answer.status, answer.seen.headers["x-user"]) == (200, "ann")
    assert answer.headers["set-cookie"] == "seen=1"
    question = asked(answer)
    assert (question["path"], question["body"]) == ("/check/a?b", "hello")
    shown = question["headers"]
    assert isinstance(shown, dict)
    assert (shown["x-by"], "x-other" in shown) == ("heddle", False)
    refused = mesh.get(f"{ECHO}/a")
    assert (refused.status, refused.text, refused.headers["x-why"]) == (401, "no", "nobody")
    assert "x-hidden" not in refused.headers
    assert mesh.get(f"{ECHO}/other").status == 200
    assert mesh.get(f"{ECHO}/a", GOOD, method="POST", body="x" * 101).status == 413


@covers("S-94")
def test_a_server_is_asked_in_grpc(mesh: Mesh) -> None:
    mesh.apply(*AUTHORIZER, providers(GRPC), asking("grpc", "paths: [/a*]"))
    becomes(lambda: mesh.get(f"{ECHO}/a").status, 401)
    answer = mesh.get(f"{ECHO}/a", GOOD)
    assert (answer.status, answer.seen.headers["x-user"]) == (200, "bob")
    question = asked(answer)
    assert question["path"] == "/a"
    assert question["principal"] == "spiffe://cluster.local/ns/e2e/sa/default"
    refused = mesh.get(f"{ECHO}/a")
    assert (refused.status, refused.text, refused.headers["x-why"]) == (401, "no", "nobody")
    assert mesh.get(f"{ECHO}/other").status == 200


@covers("S-94")
def test_connections_are_asked_about_in_grpc_and_not_in_http(intercepting: Mesh) -> None:
    """Who cannot be asked about them lets none in."""
    intercepting.apply(*AUTHORIZER, providers(GRPC), asking("grpc", "ports: ['9000']"))
    assert "hello" in intercepting.tcp("echo", 9000, "hello")
    assert "hello" not in intercepting.tcp("echo.e2e", 9000, "hello", via=STRANGER)
    intercepting.apply(*AUTHORIZER, providers(HTTP), asking("http", "ports: ['9000']"))
    assert "hello" not in intercepting.tcp("echo", 9000, "hello")


@covers("S-80", "S-94")
def test_every_provider_has_to_agree_and_so_has_a_deny(mesh: Mesh) -> None:
    both = (providers(HTTP, GRPC), asking("http", "paths: [/a]"), asking("grpc", "paths: [/a]"))
    denied = "{action: DENY, rules: [{to: [{operation: {methods: [POST]}}]}]}"
    mesh.apply(*AUTHORIZER, *both, authorization_policy("deny", denied, "e2e"))
    becomes(lambda: mesh.get(f"{ECHO}/a", GOOD, method="POST").status, 403)
    assert mesh.get(f"{ECHO}/a", GOOD).status == 200
    assert mesh.get(f"{ECHO}/a").status == 401


@covers("S-94")
def test_who_does_not_answer_allows_nothing_unless_told_to(mesh: Mesh) -> None:
    ask = asking("nobody", "paths: [/a]")
    mesh.apply(NOBODY_THERE, providers(NOBODY.replace("FAIL", "failOpen: false")), ask)
    becomes(lambda: mesh.get(f"{ECHO}/a").status, 503)
    mesh.apply(NOBODY_THERE, providers(NOBODY.replace("FAIL", "failOpen: true")), ask)
    becomes(lambda: mesh.get(f"{ECHO}/a").status, 200)


@covers("S-94")
@pytest.mark.parametrize("config", [HTTP, NOBODY.replace("FAIL", "failOpen: true")])
def test_who_cannot_be_asked_allows_nothing_whatever_he_says(mesh: Mesh, config: str) -> None:
    """No provider of this name, or none of its services."""
    mesh.apply(providers(config), asking("nobody", "paths: [/a]"))
    becomes(lambda: mesh.get(f"{ECHO}/a").status, 403)
    assert mesh.get(ECHO).status == 200
    assert "unusable-provider" in "".join(mesh.problems())


@covers("S-94", "S-99")
def test_a_gateway_asks_too(mesh: Mesh) -> None:
    label = "istio: ingressgateway"
    mesh.apply(
        *AUTHORIZER,
        edge(server(80, "HTTP", "*")),
        to_echo(SHOP),
        providers(GRPC),
        asking("grpc", "hosts: ['*.example.com']", app=label, namespace="edge"),
    )
    assert visit(mesh, SHOP).status == 401
    assert visit(mesh, SHOP, **{"x-let": "in"}).seen.headers["x-user"] == "bob"
