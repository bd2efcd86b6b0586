"""HED0107 and HED0108: rules that never match, policies that let nobody in."""

import pytest

from analysis.checks.policy_rules import POLICY_RULES
from tests.analysis.yaml_objects import istio, pod
from tests.facts import findings, told

WEB = pod("web") + pod("plain", injected=False)
FOR_WEB = "selector: {matchLabels: {app: web}}"


def policy(spec: str, name: str = "a") -> str:
    return istio("AuthorizationPolicy", name, f"{{{spec}}}")


def found(text: str) -> list[tuple[str, str]]:
    every = told(findings(WEB + text, [POLICY_RULES]))
    return [(code, path) for code, _, path in every if code in ("HED0107", "HED0108")]


@pytest.mark.parametrize(
    ("rule", "path"),
    [
        (
            "{from: [{source: {namespaces: [a, b], notNamespaces: [b, a]}}]}",
            "from[0].source.notNamespaces",
        ),
        (
            "{from: [{source: {principals: [a], notPrincipals: ['*']}}]}",
            "from[0].source.notPrincipals",
        ),
        ("{to: [{operation: {ports: ['80'], notPorts: ['80']}}]}", "to[0].operation.notPorts"),
        ("{to: [{operation: {methods: [GET, post]}}]}", "to[0].operation.methods[1]"),
        ("{to: [{operation: {notPaths: [admin]}}]}", "to[0].operation.notPaths[0]"),
    ],
)
def test_a_rule_that_never_matches(rule: str, path: str) -> None:
    assert found(policy(f"rules: [{rule}]")) == [("HED0107", f"spec.rules[0].{path}")]


@pytest.mark.parametrize(
    "rule",
    [
        "{from: [{source: {namespaces: ['*'], notNamespaces: [b]}}]}",
        "{from: [{source: {notNamespaces: [b]}}]}",
        "{to: [{operation: {methods: [GET], paths: [/a, '*/b', '/{*}/c', '*']}}]}",
        "{to: [{operation: {hosts: [a.example.com], notHosts: [b.example.com]}}]}",
    ],
)
def test_rules_that_match(rule: str) -> None:
    assert found(policy(f"rules: [{rule}]")) == []


def test_pods_that_nobody_may_call() -> None:
    assert found(policy(FOR_WEB)) == [("HED0108", "spec.selector")]


@pytest.mark.parametrize(
    "text",
    [
        policy(""),
        policy("selector: {matchLabels: {app: plain}}"),
        policy(FOR_WEB) + policy("rules: [{}]", "b"),
        policy(f"{FOR_WEB}, action: AUDIT"),
        policy(FOR_WEB).replace(
            "namespace: shop}", "namespace: shop, annotations: {istio.io/dry-run: 'true'}}"
        ),
    ],
    ids=["the usual beginning", "no sidecar", "another allows", "no ALLOW", "only rehearsed"],
)
def test_who_may_be_called_or_is_meant_not_to_be(text: str) -> None:
    assert found(text) == []
