"""What an AuthorizationPolicy may say, and what a refusal names (AP-n of Istio's reference)."""

from dataclasses import replace

import pytest

from crds.authorization_policy import (
    Action,
    AuthorizationPolicy,
    Condition,
    ExtensionProvider,
    From,
    Operation,
    Rule,
    Source,
    To,
    check,
)
from crds.condition import Asked, Attribute, asked
from crds.meta import Meta
from crds.path_template import path_fault
from crds.problem import Severity
from crds.selector import PolicyTargetReference, WorkloadSelector

POLICY = AuthorizationPolicy(meta=Meta(namespace="shop", name="p"))


def found(policy: AuthorizationPolicy) -> list[tuple[str, str]]:
    return [(problem.code, problem.path) for problem in check(policy)]


def with_source(source: Source | None, action: Action = Action.ALLOW) -> AuthorizationPolicy:
    return replace(POLICY, rules=(Rule(from_=(From(source=source),)),), action=action)


def with_operation(operation: Operation | None) -> AuthorizationPolicy:
    return replace(POLICY, rules=(Rule(to=(To(operation=operation),)),))


def with_condition(condition: Condition) -> AuthorizationPolicy:
    return replace(POLICY, rules=(Rule(when=(condition,)),))


SELECTOR = WorkloadSelector(match_labels={"app": "a"})
TARGET = PolicyTargetReference(kind="Service", name="a")
CUSTOM = replace(POLICY, action=Action.CUSTOM, provider=ExtensionProvider(name="opa"))
SOURCE = "spec.rules[0].from[0].source"
OPERATION = "spec.rules[0].to[0].operation"


@pytest.mark.parametrize(
    "policy",
    [
        POLICY,
        replace(POLICY, selector=SELECTOR, rules=(Rule(),)),
        replace(POLICY, target_ref=TARGET),
        replace(CUSTOM, rules=(Rule(to=(To(operation=Operation(ports=("80",))),)),)),
        with_source(Source(service_accounts=("a", "b/c"), ip_blocks=("10.0.0.0/8", "::1"))),
        with_source(Source(trust_domains=("a", "*.b", "c*", "*"))),
        with_operation(Operation(ports=("0", "65535"), paths=("/a/{*}/b/{**}", "*"))),
        with_condition(Condition(key="source.ip", values=("10.0.0.1",))),
    ],
)
def test_what_is_right_is_taken_without_a_word(policy: AuthorizationPolicy) -> None:
    assert found(policy) == []


@pytest.mark.parametrize(
    ("policy", "code", "path"),
    [
        (replace(POLICY, selector=SELECTOR, target_ref=TARGET), "conflict", "spec.targetRef"),
        (replace(POLICY, target_ref=TARGET, target_refs=(TARGET,)), "conflict", "spec.targetRefs"),
        (replace(POLICY, target_refs=(TARGET,) * 17), "too-many", "spec.targetRefs"),
        (
            replace(POLICY, selector=WorkloadSelector(match_labels={"app": "a*"})),
            "wildcard-label",
            'spec.selector.matchLabels["app"]',
        ),
        (
            replace(POLICY, selector=WorkloadSelector(match_labels={"": "a"})),
            "bad-label",
            'spec.selector.matchLabels[""]',
        ),
        (
            replace(POLICY, selector=WorkloadSelector()),
            "empty-selector",
            "spec.selector",
        ),
        (
            replace(POLICY, target_ref=replace(TARGET, kind="Pod")),
            "bad-target",
            "spec.targetRef.kind",
        ),
        (replace(POLICY, target_ref=replace(TARGET, name="")), "missing", "spec.targetRef.name"),
        (
            replace(POLICY, target_refs=(replace(TARGET, namespace="x"),)),
            "bad-target",
            "spec.targetRefs[0].namespace",
        ),
        (replace(POLICY, action=Action.DENY), "no-rules", "spec.rules"),
        (CUSTOM, "no-rules", "spec.rules"),
        (
            replace(CUSTOM, rules=(Rule(),), provider=None),
            "missing",
            "spec.provider.name",
        ),
        (replace(POLICY, provider=ExtensionProvider(name="x")), "bad-provider", "spec.provider"),
        (replace(POLICY, rules=(Rule(),) * 513), "too-many", "spec.rules"),
        (
            replace(POLICY, rules=(Rule(from_=(From(source=Source(namespaces=("a",))),) * 513),)),
            "too-many",
            "spec.rules[0].from",
        ),
        (with_source(None), "empty-source", SOURCE),
        (with_source(Source()), "empty-source", SOURCE),
        (with_source(Source(principals=("a", ""))), "bad-source", f"{SOURCE}.principals[1]"),
        (with_source(Source(not_namespaces=("",))), "bad-source", f"{SOURCE}.notNamespaces[0]"),
        (
            with_source(Source(service_accounts=("a/b/c",))),
            "bad-source",
            f"{SOURCE}.serviceAccounts[0]",
        ),
        (
            with_source(Source(service_accounts=("a*",))),
            "bad-source",
            f"{SOURCE}.serviceAccounts[0]",
        ),
        (
            with_source(Source(service_accounts=("a" * 321,))),
            "bad-source",
            f"{SOURCE}.serviceAccounts[0]",
        ),
        (
            with_source(Source(service_accounts=("a",) * 17)),
            "too-many",
            f"{SOURCE}.serviceAccounts",
        ),
        (
            with_source(Source(service_accounts=("a",), namespaces=("b",))),
            "conflict",
            f"{SOURCE}.serviceAccounts",
        ),
        (with_source(Source(ip_blocks=("10.0.0",))), "bad-source", f"{SOURCE}.ipBlocks[0]"),
        (
            with_source(Source(trust_domains=("a/b",))),
            "bad-source",
            f"{SOURCE}.trustDomains[0]",
        ),
        (
            with_source(Source(trust_domains=("a*b",))),
            "bad-source",
            f"{SOURCE}.trustDomains[0]",
        ),
        (
            replace(CUSTOM, rules=(Rule(from_=(From(source=Source(not_principals=("a",))),)),)),
            "bad-source",
            f"{SOURCE}.notPrincipals",
        ),
        (with_operation(None), "empty-operation", OPERATION),
        (with_operation(Operation()), "empty-operation", OPERATION),
        (with_operation(Operation(ports=("65536",))), "bad-operation", f"{OPERATION}.ports[0]"),
        (with_operation(Operation(not_ports=("x",))), "bad-operation", f"{OPERATION}.notPorts[0]"),
        (with_operation(Operation(methods=("",))), "bad-operation", f"{OPERATION}.methods[0]"),
        (with_operation(Operation(paths=("/{a}",))), "bad-operation", f"{OPERATION}.paths[0]"),
        (
            with_condition(Condition(values=("a",))),
            "bad-condition",
            "spec.rules[0].when[0].key",
        ),
        (
            with_condition(Condition(key="source.ip")),
            "bad-condition",
            "spec.rules[0].when[0]",
        ),
        (
            with_condition(Condition(key="source.ip", not_values=("a",))),
            "bad-condition",
            "spec.rules[0].when[0].notValues[0]",
        ),
        (
            with_condition(Condition(key="source.namespace", values=("",))),
            "bad-condition",
            "spec.rules[0].when[0].values[0]",
        ),
        (
            replace(
                POLICY,
                action=Action.DENY,
                rules=(Rule(to=(To(operation=Operation(methods=("GET",))),)),),
            ),
            "denies-tcp",
            "spec.rules[0]",
        ),
    ],
)
def test_what_is_wrong_is_named(policy: AuthorizationPolicy, code: str, path: str) -> None:
    assert found(policy) == [(code, path)]


def test_a_rule_for_requests_that_names_a_port_is_no_surprise_on_tcp() -> None:
    rule = Rule(to=(To(operation=Operation(methods=("GET",), ports=("80",))),))
    assert found(replace(POLICY, action=Action.DENY, rules=(rule,))) == []


def test_only_two_things_are_warnings() -> None:
    policy = replace(
        POLICY,
        action=Action.DENY,
        selector=WorkloadSelector(),
        rules=(Rule(to=(To(operation=Operation(methods=("GET",))),)),),
    )
    assert {problem.severity for problem in check(policy)} == {Severity.WARNING}


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("source.ip", Asked(attribute=Attribute.SOURCE_IP)),
        ("request.headers[x-a]", Asked(attribute=Attribute.REQUEST_HEADERS, names=("x-a",))),
        ("request.auth.claims[a][b]", Asked(attribute=Attribute.AUTH_CLAIMS, names=("a", "b"))),
        (
            "experimental.envoy.filters.network.mysql_proxy[db.table]",
            Asked(
                attribute=Attribute.FILTER_METADATA,
                names=("envoy.filters.network.mysql_proxy", "db.table"),
            ),
        ),
    ],
)
def test_a_key_says_what_is_asked_for(key: str, expected: Asked) -> None:
    assert asked(key) == expected


@pytest.mark.parametrize(
    "key",
    [
        "",
        "source.ip[x]",
        "request.headers",
        "request.headers[]",
        "request.headers[a][b]",
        "request.auth.claims",
        "experimental.envoy.filters.a",
        "destination.labels[app]",
        "destination.user",
        "source.ip]",
        "[x]",
        "request.headers[a]b",
    ],
)
def test_no_other_key_is_understood(key: str) -> None:
    assert asked(key) is None


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("source.namespaces", "did you mean `source.namespace`?"),
        ("request.headers", "needs a name in brackets"),
        ("", "is missing"),
        ("destination.user", "no attribute that a policy can ask for"),
    ],
)
def test_the_way_out_of_a_wrong_key_is_told(key: str, hint: str) -> None:
    (problem,) = check(with_condition(Condition(key=key, values=("a",))))
    assert hint in problem.message


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("/a", ""),
        ("/{*}", ""),
        ("/a/{**}", ""),
        ("/{*}/b/{**}", ""),
        ("/{**}/b", ""),
        ("", "must not be empty"),
        ("/a{*}", "stand alone"),
        ("/{*}/b*", "stand alone"),
        ("/{**}/{*}", "which must be the last"),
        ("{*}/a", "must start with /"),
        ("/{a}", "has a brace"),
        ("/a}", "has a brace"),
    ],
)
def test_templates_are_whole_segments(path: str, fault: str) -> None:
    told = path_fault(path)
    assert (fault in told) if told and fault else not (told or fault)
