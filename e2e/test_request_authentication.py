"""Tokens: one that is there has to be valid, what it says is told on, and keys are fetched by Envoy
alone.
"""

import base64
import json
from urllib.parse import quote

import pytest

from e2e.mesh import ECHO, INGRESS, Answer, Mesh
from e2e.tokens import FRESH, OTHERS, OURS, STRANGER, authentication, bearer, keys_at, rule
from tests.meshes import gateway, virtual_service
from tests.security_rows import guards
from tests.semantics import covers


def authorization(rules: str, action: str = "ALLOW", namespace: str = "e2e") -> str:
    """An AuthorizationPolicy for the server."""
    return f"""
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {{name: tokens, namespace: {namespace}}}
spec: {{selector: {{matchLabels: {{app: echo}}}}, action: {action}, rules: {rules}}}
"""


def apply(mesh: Mesh, *texts: str) -> None:
    """With a connection for each request: one that is open stays with the policies that it found,
    until Envoy has drained it.
    """
    mesh.apply(FRESH, *texts)


def asked(mesh: Mesh, token: str) -> int:
    return mesh.get(ECHO, bearer(token)).status


@guards("P6")
def test_p6_a_token_for_somebody_else_is_refused(mesh: Mesh) -> None:
    apply(mesh, authentication(rule(more=", audiences: [shop, bank]")))
    assert asked(mesh, OURS.token(aud="bank")) == 200
    assert asked(mesh, OURS.token(aud=["x", "shop"])) == 200
    assert asked(mesh, OURS.token(aud="shops")) == 403
    assert asked(mesh, OURS.token()) == 403


@guards("P6")
def test_p6_of_tokens_in_several_places_a_bad_one_is_no_way_round_a_good_one(mesh: Mesh) -> None:
    places = ", fromHeaders: [{name: authorization, prefix: 'Bearer '}, {name: x-token}]"
    apply(mesh, authentication(rule(more=places)), authorization(MUST_BE_ME))
    good, bad = OURS.token(), STRANGER.token()
    assert mesh.get(ECHO, {**bearer(bad), "x-token": bad}).status == 401
    assert mesh.get(ECHO, {**bearer(bad)}).status == 401
    assert mesh.get(ECHO, {"x-token": bad}).status == 401
    assert mesh.get(ECHO, {"x-token": good}).status == 200
    assert mesh.get(ECHO, {**bearer(OURS.token(sub="you"))}).status == 403
    doubled = {"authorization": f"Bearer {bad}", "Authorization": f"Bearer {good}"}
    assert mesh.get(ECHO, doubled).status == 401


MUST_BE_ME = f"[{{from: [{{source: {{requestPrincipals: ['{OURS.issuer}/me']}}}}]}}]"


def test_tokens_are_found_where_the_rule_says_and_nowhere_else(mesh: Mesh) -> None:
    places = ", fromHeaders: [{name: x-token, prefix: 'Token '}], fromParams: [t], fromCookies: [c]"
    apply(mesh, authentication(rule(more=places)), authorization(MUST_BE_ME))
    token = OURS.token()
    found = [
        mesh.get(ECHO, {"x-token": f"Token {token}"}),
        mesh.get(f"{ECHO}/?a=b&t={token}"),
        mesh.get(ECHO, {"cookie": f"a=b; c={token}"}),
    ]
    assert [each.status for each in found] == [200, 200, 200]
    elsewhere = [mesh.get(ECHO, bearer(token)), mesh.get(f"{ECHO}/?access_token={token}")]
    assert [each.status for each in elsewhere] == [403, 403]
    assert mesh.get(f"{ECHO}/?t={STRANGER.token()}").status == 401


def test_the_application_is_told_what_a_verified_token_says_and_nothing_else(mesh: Mesh) -> None:
    """Nobody can say it in a token's stead."""
    outputs = (
        ", outputPayloadToHeader: x-payload, "
        "outputClaimToHeaders: [{header: x-user, claim: sub}, {header: x-team, claim: team.name}]"
    )
    apply(mesh, authentication(rule(more=outputs)))
    seen = mesh.get(ECHO, bearer(OURS.token(team={"name": "blue"}))).seen.headers
    assert (seen["x-user"], seen["x-team"]) == ("me", "blue")
    payload = seen["x-payload"]
    told = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert (told["iss"], told["sub"]) == (OURS.issuer, "me")
    assert "authorization" not in seen
    forged = mesh.get(ECHO, {"x-user": "admin", "x-team": "red", "x-payload": "e30"}).seen.headers
    assert not {"x-user", "x-team", "x-payload"} & forged.keys()


def test_the_token_itself_is_passed_on_where_that_is_asked_for(mesh: Mesh) -> None:
    apply(mesh, authentication(rule(more=", forwardOriginalToken: true")))
    token = OURS.token()
    assert mesh.get(ECHO, bearer(token)).seen.headers["authorization"] == f"Bearer {token}"


@covers("S-91")
def test_a_preflight_carries_no_token_and_policies_see_it_all_the_same(mesh: Mesh) -> None:
    preflight = {"origin": "https://a.test", "access-control-request-method": "GET"}

    def sent(token: str) -> Answer:
        return mesh.get(ECHO, {**preflight, **bearer(token)}, method="OPTIONS")

    apply(mesh, authentication(rule()))
    assert sent(STRANGER.token()).status == 200
    apply(mesh, authentication(rule()), authorization(MUST_BE_ME))
    assert sent(OURS.token()).status == 403


def said(body: str = OURS.jwks, *, host: str = "echo-v2.e2e", more: str = "") -> str:
    """Where a server of the mesh answers with that body."""
    return f"http://{host}:8080/say?body={quote(body, safe='')}{more}"


@pytest.mark.parametrize("host", ["echo-v2", "echo-v2.e2e", "echo-v2.e2e.svc.cluster.local"])
def test_envoy_fetches_keys_from_a_service_of_the_mesh(mesh: Mesh, host: str) -> None:
    """Over mutual TLS, which that service asks for."""
    apply(mesh, authentication(keys_at(said(host=host))), STRICT)
    assert asked(mesh, OURS.token()) == 200
    assert asked(mesh, STRANGER.token()) == 401


STRICT = """
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: e2e}
spec: {mtls: {mode: STRICT}}
"""

BROKEN = {
    "500": keys_at(said(more="&status=500")),
    "redirect": keys_at(said(more="&status=302")),
    "garbage": keys_at(said("garbage")),
    "empty-set": keys_at(said('{"keys":[]}')),
    "slow": keys_at(said(more="&delay=3"), ", timeout: 0.5s"),
    "nowhere": keys_at("http://nowhere.invalid/keys", ", timeout: 0.5s"),
    "no-service": keys_at("http://none.e2e.svc.cluster.local/keys"),
    "no-port": keys_at("http://echo.e2e:9999/keys", ", timeout: 0.5s"),
    "in-the-clear-where-tls-is-meant": keys_at("https://echo.e2e:8080/keys", ", timeout: 0.5s"),
    "metadata": keys_at("http://169.254.169.254/latest/meta-data"),
    "admin-port": keys_at("http://127.0.0.1:15000/config_dump"),
    "none": f"{{issuer: {OURS.issuer}}}",
    "not-json": f"{{issuer: {OURS.issuer}, jwks: 'garbage'}}",
    "no-keys": f"{{issuer: {OURS.issuer}, jwks: '{{\"keys\": []}}'}}",
    "unusable-key": f'{{issuer: {OURS.issuer}, jwks: \'{{"keys": [{{"kty": "RSA"}}]}}\'}}',
}


@guards("C7", "C8")
@pytest.mark.parametrize("case", BROKEN)
def test_c7_without_keys_no_token_is_valid(mesh: Mesh, case: str) -> None:
    """That of another issuer is, and so is a request without one."""
    apply(mesh, authentication(BROKEN[case], rule(OTHERS)))
    assert asked(mesh, OURS.token()) == 401
    doubled = {**bearer(OURS.token()), "Authorization": f"Bearer {OURS.token()}"}
    assert mesh.get(ECHO, doubled).status == 401, "Envoys have ended over this (CVE-2025-64527)"
    assert asked(mesh, OTHERS.token()) == 200
    assert mesh.get(ECHO).status == 200


GATEWAY = gateway(
    "public",
    "{selector: {istio: ingressgateway}, "
    "servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]}",
    "e2e",
)
AT_GATEWAY = "selector: {matchLabels: {istio: ingressgateway}}"


def entered(mesh: Mesh, token: str = "") -> Answer:
    """From outside, through the gateway."""
    headers = {"host": "shop.example.com", **(bearer(token) if token else {})}
    return mesh.get(f"http://{mesh.address(INGRESS)}:8080/", headers, via="e2e/visitor")


@covers("S-65")
def test_a_gateway_routes_by_what_the_token_says(mesh: Mesh) -> None:
    """Never by what a request says itself, nor before the token is verified."""
    to = "route: [{{destination: {{host: {}, port: {{number: 8080}}}}}}]"
    asks = "match: [{headers: {'@request.auth.claims.team.name': {exact: blue}}}], "
    lacks = "match: [{withoutHeaders: {'@request.auth.claims[groups]': {prefix: a}}}], "
    routes = virtual_service(
        "claims",
        "{hosts: [shop.example.com], gateways: [public], http: ["
        f"{{{asks}{to.format('echo-v2')}}}, {{{lacks}{to.format('echo-v1')}}}, "
        "{directResponse: {status: 418}}]}",
        "e2e",
    )
    apply(mesh, GATEWAY, routes, authentication(rule(), whom=AT_GATEWAY, namespace="edge"))
    assert entered(mesh).seen.version == "v1"
    assert entered(mesh, OURS.token(team={"name": ["blue"]})).seen.version == "v2"
    assert entered(mesh, OURS.token(team={"name": "red"})).seen.version == "v1"
    assert entered(mesh, OURS.token(groups=["b", "admin"])).status == 418
    assert entered(mesh, STRANGER.token(team={"name": "blue"})).status == 401


@covers("S-95", "S-98")
def test_policies_hold_at_a_gateway(mesh: Mesh) -> None:
    """Tokens are looked at, and asked for, before anything gets into the mesh."""
    routes = virtual_service(
        "all",
        "{hosts: ['*'], gateways: [public], "
        "http: [{route: [{destination: {host: echo, port: {number: 8080}}}]}]}",
        "e2e",
    )
    required = authorization(MUST_BE_ME, namespace="edge").replace(
        "app: echo", "istio: ingressgateway"
    )
    apply(
        mesh, GATEWAY, routes, authentication(rule(), whom=AT_GATEWAY, namespace="edge"), required
    )
    assert entered(mesh).status == 403
    assert entered(mesh, OURS.token()).status == 200
    assert entered(mesh, OURS.token(sub="you")).status == 403
    assert entered(mesh, STRANGER.token()).status == 401


def test_what_a_policy_says_is_soon_heard_on_open_connections(mesh: Mesh) -> None:
    """Envoy serves one more request on a connection that is open, and then closes it."""
    url = "http://echo-v1:8080"
    assert mesh.get(url).status == 200
    mesh.apply(authorization("[{}]", "DENY"))
    first, *others = mesh.repeat(url, 3)
    assert first.status in (200, 403)
    assert [each.status for each in others] == [403, 403]
