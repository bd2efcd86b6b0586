"""Routes that ask for claims where no token is looked at are told of (S-65)."""

import pytest

from mesh.check import check_all
from mesh.check_claims import claiming
from tests.meshes import gateway, mesh_of, service, virtual_service

POD = """---
apiVersion: v1
kind: Pod
metadata:
  name: ingress
  namespace: edge
  labels: {istio: ingress}
  annotations: {inject.istio.io/templates: gateway, sidecar.istio.io/status: "{}"}
spec: {containers: [{name: istio-proxy}]}
"""
SERVERS = "[{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]"
GATEWAY = gateway("web", f"{{selector: {{istio: ingress}}, servers: {SERVERS}}}", "edge")
BASE = POD + GATEWAY + service("echo", "edge")


def routes(match: str, gateways: str = "web") -> str:
    to = "route: [{destination: {host: echo}}]"
    spec = f"{{hosts: [a.test], gateways: [{gateways}], http: [{{match: [{match}], {to}}}]}}"
    return virtual_service("v", spec, "edge")


def tokens(rules: str, namespace: str = "edge", whom: str = "") -> str:
    return (
        "---\napiVersion: security.istio.io/v1\nkind: RequestAuthentication\n"
        f"metadata: {{name: t, namespace: {namespace}}}\nspec: {{{whom}jwtRules: [{rules}]}}\n"
    )


ASKS = routes("{headers: {'@request.auth.claims.a': {exact: b}}}")
LACKS = routes("{withoutHeaders: {'@request.auth.claims[a]': {exact: b}}}")
RULE = '{issuer: a, jwksUri: "https://idp.example.com/keys"}'


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        (ASKS, ['spec.http[0].match[0].headers["@request.auth.claims.a"]']),
        (LACKS, ['spec.http[0].match[0].withoutHeaders["@request.auth.claims[a]"]']),
        (ASKS + tokens(RULE), []),
        (ASKS + tokens(RULE, "istio-system"), []),
        (ASKS + tokens(""), ['spec.http[0].match[0].headers["@request.auth.claims.a"]']),
        (ASKS + tokens(RULE, "shop"), ['spec.http[0].match[0].headers["@request.auth.claims.a"]']),
        (routes("{headers: {a: {exact: b}}}"), []),
        (routes("{headers: {'@request.auth.claims.a': {exact: b}}}", "nowhere"), []),
    ],
)
def test_a_claim_that_nobody_has_is_told_of(text: str, paths: list[str]) -> None:
    found = check_all(mesh_of(BASE + text))
    assert [each.path for each in found if each.code == "no-tokens"] == paths


@pytest.mark.parametrize(("text", "names"), [(ASKS, ["v"]), (LACKS, ["v"]), (routes("{}"), [])])
def test_who_asks_for_claims_is_known(text: str, names: list[str]) -> None:
    """They are looked at again when the policies of tokens change."""
    assert [key.name for key in claiming(mesh_of(BASE + text))] == names
