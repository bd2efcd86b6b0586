"""HED0105 and HED0106: what policies ask of requests, where nobody can know it."""

import pytest

from analysis.checks.policy_requests import POLICY_REQUESTS
from tests.analysis.yaml_objects import istio, pod
from tests.facts import findings, told
from tests.meshes import service

DB = pod("db") + service("db", ports=("tcp:5432",))
WEB = pod("web") + service("web", ports=("http:80", "tcp:81"))
ON_TCP = "HED0105"
NO_TOKENS = "HED0106"
TOKENS = istio(
    "RequestAuthentication", "t", "{jwtRules: [{issuer: a, jwksUri: 'https://a.example.com/k'}]}"
)


def policy(app: str, rule: str, action: str = "ALLOW") -> str:
    spec = f"{{selector: {{matchLabels: {{app: {app}}}}}, action: {action}, rules: [{rule}]}}"
    return istio("AuthorizationPolicy", "a", spec)


def found(text: str) -> list[tuple[str, str]]:
    told_all = told(findings(text, [POLICY_REQUESTS]))
    return [(code, path) for code, _, path in told_all if code in (ON_TCP, NO_TOKENS)]


@pytest.mark.parametrize(
    ("app", "rule", "path"),
    [
        ("db", "{to: [{operation: {methods: [GET]}}]}", "to[0].operation.methods"),
        ("db", "{to: [{operation: {notPaths: [/a]}}]}", "to[0].operation.notPaths"),
        ("db", "{when: [{key: 'request.headers[a]', values: [b]}]}", "when[0].key"),
        ("web", "{to: [{operation: {ports: ['81'], hosts: [a]}}]}", "to[0].operation.hosts"),
    ],
)
def test_fields_of_requests_on_ports_of_tcp(app: str, rule: str, path: str) -> None:
    assert found(DB + WEB + policy(app, rule)) == [(ON_TCP, f"spec.rules[0].{path}")]


@pytest.mark.parametrize(
    ("app", "rule"),
    [
        ("web", "{to: [{operation: {methods: [GET]}}]}"),
        ("db", "{to: [{operation: {ports: ['5432']}}]}"),
        ("db", "{to: [{operation: {ports: ['1'], methods: [GET]}}]}"),
        (
            "db",
            "{from: [{source: {namespaces: [shop]}}], when: [{key: source.ip, values: [1.1.1.1]}]}",
        ),
        ("nobody", "{to: [{operation: {methods: [GET]}}]}"),
    ],
)
def test_ports_that_speak_http_or_fields_that_tcp_has(app: str, rule: str) -> None:
    assert found(DB + WEB + policy(app, rule)) == []


def test_a_deny_is_broader_on_tcp_which_is_told_elsewhere() -> None:
    assert found(DB + policy("db", "{to: [{operation: {methods: [GET]}}]}", "DENY")) == []


@pytest.mark.parametrize("action", ["ALLOW", "DENY"])
@pytest.mark.parametrize(
    ("rule", "path"),
    [
        ("{from: [{source: {requestPrincipals: ['*']}}]}", "from[0].source.requestPrincipals"),
        (
            "{from: [{source: {notRequestPrincipals: ['*']}}]}",
            "from[0].source.notRequestPrincipals",
        ),
        ("{when: [{key: 'request.auth.claims[a]', values: [b]}]}", "when[0].key"),
    ],
)
def test_tokens_that_nobody_verifies(action: str, rule: str, path: str) -> None:
    text = WEB + policy("web", rule, action)
    assert found(text) == [(NO_TOKENS, f"spec.rules[0].{path}")]
    assert found(text + TOKENS) == []


def test_one_field_of_a_rule_is_enough_to_tell() -> None:
    source = "{from: [{source: {requestPrincipals: ['*']}}], when: [{key: %s, values: [b]}]}"
    assert len(found(WEB + policy("web", source % "request.auth.presenter"))) == 1


def test_what_is_only_logged_harms_nobody() -> None:
    rule = "{from: [{source: {requestPrincipals: ['*']}}]}"
    assert found(WEB + policy("web", rule, "AUDIT")) == []


def test_two_policies_for_the_same_pods() -> None:
    rule = "{to: [{operation: {methods: [GET]}}]}"
    text = DB + policy("db", rule) + policy("db", rule).replace("name: a,", "name: b,")
    assert [code for code, _ in found(text)] == [ON_TCP, ON_TCP]
