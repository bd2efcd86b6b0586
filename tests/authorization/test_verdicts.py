"""The rules that Envoy gets say of every call what the policies say (istio-api.md 3.7, 3.8)."""

from collections.abc import Sequence

import pytest
from envoy.config.listener.v3.listener_components_pb2 import Filter, FilterChain
from envoy.extensions.filters.http.rbac.v3.rbac_pb2 import RBAC as HttpRBAC
from hypothesis import given, settings
from hypothesis import strategies as st

from crds.authorization_policy import (
    Action,
    AuthorizationPolicy,
    Condition,
    From,
    Operation,
    Rule,
    Source,
    To,
)
from crds.meta import Meta
from explain.authorization import Decision
from explain.authorization import verdict as explained
from explain.call import Call
from mesh.protection import Protection
from tests.authorization import oracle
from tests.authorization.strategies import calls, policies
from translator import pb
from translator.guards import guards
from translator.http_messages import HttpConnectionManager, HttpFilter

DOMAINS = ("cluster.local",)
A = "spiffe://cluster.local/ns/shop/sa/a"
B = "spiffe://cluster.local/ns/shop/sa/b"
OF_A = "cluster.local/ns/shop/sa/a"


def verdict(given_policies: Sequence[AuthorizationPolicy], call: Call) -> bool:
    """Whether the filters let the call through, as the product explains it."""
    if call.http:
        return passes(http_filters(given_policies), call)
    filters = guards(Protection(policies=tuple(given_policies))).connections
    return explained(FilterChain(filters=filters), call).decision is not Decision.DENIED


def passes(filters: Sequence[HttpFilter], call: Call) -> bool:
    """Whether these filters of requests let a call through."""
    manager = HttpConnectionManager(http_filters=filters)
    chain = FilterChain(filters=(Filter(name="http", typed_config=pb.any_of(manager)),))
    return explained(chain, call).decision is not Decision.DENIED


def http_filters(
    given_policies: Sequence[AuthorizationPolicy], domains: tuple[str, ...] = DOMAINS
) -> tuple[HttpFilter, ...]:
    """The filters of requests; nobody can be asked."""
    return guards(Protection(policies=tuple(given_policies), aliases=domains)).requests


@settings(max_examples=500, deadline=None)
@given(st.lists(policies, max_size=3, unique_by=lambda each: each.meta.name), calls)
def test_every_verdict_is_that_of_the_policies(
    given_policies: list[AuthorizationPolicy], call: Call
) -> None:
    assert verdict(given_policies, call) == oracle.allowed(given_policies, call)


def policy(
    *rules: Rule, action: Action = Action.ALLOW, dry_run: bool = False
) -> AuthorizationPolicy:
    annotations = {"istio.io/dry-run": "true"} if dry_run else {}
    meta = Meta(namespace="shop", name=f"p-{action}", annotations=annotations)
    return AuthorizationPolicy(meta=meta, rules=rules, action=action)


def source(**fields: tuple[str, ...]) -> Rule:
    return Rule(from_=(From(source=Source(**fields)),))


def operation(**fields: tuple[str, ...]) -> Rule:
    return Rule(to=(To(operation=Operation(**fields)),))


GET = operation(methods=("GET",))
ALLOW_A, NOT_A = source(principals=(OF_A,)), source(not_principals=(OF_A,))


@pytest.mark.parametrize(
    ("given_policies", "http", "plaintext", "caller_a"),
    [
        ([], True, True, True),
        ([policy()], True, False, False),
        ([policy(Rule())], True, True, True),
        ([policy(ALLOW_A)], True, False, True),
        ([policy(NOT_A)], True, True, False),
        ([policy(NOT_A, action=Action.DENY)], True, False, True),
        ([policy(GET, action=Action.DENY)], False, False, False),
        ([policy(GET)], False, False, False),
        ([policy(ALLOW_A), policy(ALLOW_A, action=Action.DENY)], True, True, False),
        ([policy(ALLOW_A, dry_run=True)], True, True, True),
        ([policy(Rule(), action=Action.CUSTOM)], True, False, False),
        ([policy(Rule(), action=Action.AUDIT)], True, True, True),
    ],
    ids=[
        "none",
        "empty-spec",
        "any-rule",
        "allow-a",
        "allow-not-a",
        "deny-not-a",
        "deny-get-on-tcp",
        "allow-get-on-tcp",
        "deny-wins",
        "dry-run",
        "custom-without-a-provider",
        "audit",
    ],
)
def test_istios_own_truth_table(
    given_policies: list[AuthorizationPolicy], http: bool, plaintext: bool, caller_a: bool
) -> None:
    if given_policies and given_policies[0].rules == (ALLOW_A,) and len(given_policies) == 2:
        plaintext = False  # an ALLOW is there, and it is not for plaintext
    assert verdict(given_policies, Call(http=http)) is plaintext
    assert verdict(given_policies, Call(http=http, peer=A)) is caller_a


@pytest.mark.parametrize("path", ["/admin", "/admin?x", "/admin?x=/y"])
def test_p1_a_query_is_no_part_of_the_path(path: str) -> None:
    denied = policy(operation(paths=("/admin",)), action=Action.DENY)
    assert not verdict([denied], Call(path=path))


@pytest.mark.parametrize("host", ["x.com", "X.COM", "x.com:80", "x.com.", "x.com.:8080"])
def test_p2_a_host_is_the_same_in_any_case_and_with_a_port(host: str) -> None:
    denied = policy(operation(hosts=("x.com",)), action=Action.DENY)
    assert not verdict([denied], Call(host=host))


@pytest.mark.parametrize("host", ["xacom", "y.x.com", "x.com.evil.test", "x.com:80.evil.test"])
def test_p2_another_host_is_another_host(host: str) -> None:
    allowed = policy(operation(hosts=("x.com",)))
    assert not verdict([allowed], Call(host=host))


@pytest.mark.parametrize(
    "rule",
    [
        source(service_accounts=("my.sa",)),
        source(principals=("cluster.local/ns/shop/sa/my.sa",)),
        source(principals=("*/sa/my.sa",)),
    ],
    ids=["service-account", "principal", "suffix"],
)
def test_p4_a_dot_in_a_name_is_a_dot(rule: Rule) -> None:
    allowed = [policy(rule)]
    assert verdict(allowed, Call(peer="spiffe://cluster.local/ns/shop/sa/my.sa"))
    assert not verdict(allowed, Call(peer="spiffe://cluster.local/ns/shop/sa/myXsa"))


names = st.text("ab.X-+?()[]{}|^$\\", min_size=1, max_size=5)
"""Of namespaces and accounts, as nobody could write them into an expression."""


@settings(max_examples=300, deadline=None)
@given(names, names, names, names)
def test_p4_names_are_compared_as_they_are_written(
    namespace: str, account: str, other_namespace: str, other: str
) -> None:
    of_account = policy(source(service_accounts=(f"{namespace}/{account}",)))
    of_principal = policy(source(principals=(f"cluster.local/ns/{namespace}/sa/{account}",)))
    of_namespace = policy(source(namespaces=(namespace,)))
    for where, who in ((namespace, account), (other_namespace, other), (namespace, other)):
        call = Call(peer=f"spiffe://cluster.local/ns/{where}/sa/{who}")
        same = (where, who) == (namespace, account)
        assert verdict([of_account], call) is same
        assert verdict([of_principal], call) is same
        assert verdict([of_namespace], call) is (where == namespace)


@pytest.mark.parametrize(
    "peer", ["spiffe://evil/ns/shop/sa/a", "spiffe://cluster.local/ns/shop/sa/a/x"]
)
def test_p9_a_peer_of_another_domain_is_another_peer(peer: str) -> None:
    assert not verdict([policy(ALLOW_A)], Call(peer=peer))


def test_p9_an_alias_of_the_trust_domain_is_the_same_domain() -> None:
    made = http_filters([policy(ALLOW_A)], ("new.test", "old.test"))
    for domain in ("new.test", "old.test"):
        assert passes(made, Call(peer=f"spiffe://{domain}/ns/shop/sa/a"))
    assert not passes(made, Call(peer=A))  # the mesh is no longer called that


def test_s96_the_name_of_a_rule_tells_its_policy() -> None:
    (made,) = http_filters([policy(ALLOW_A, NOT_A)])
    message = HttpRBAC()
    made.typed_config.Unpack(message)
    assert sorted(message.rules.policies) == [
        "ns[shop]-policy[p-ALLOW]-rule[0]",
        "ns[shop]-policy[p-ALLOW]-rule[1]",
    ]


def test_s93_a_rehearsed_policy_is_only_in_the_shadow_rules() -> None:
    (made,) = http_filters([policy(ALLOW_A, dry_run=True)])
    message = HttpRBAC()
    made.typed_config.Unpack(message)
    assert not message.HasField("rules")
    assert message.shadow_rules.policies
    assert message.shadow_rules_stat_prefix == "istio_dry_run_allow_"


def test_s80_the_filters_are_in_order() -> None:
    every = [policy(Rule(), action=action) for action in Action]
    messages = []
    for made in http_filters(every):
        message = HttpRBAC()
        made.typed_config.Unpack(message)
        messages.append(next(iter(message.rules.policies)))
    wanted = ("CUSTOM", "AUDIT", "DENY", "ALLOW")
    found = [name.removesuffix("-deny-due-to-bad-CUSTOM-action") for name in messages]
    assert found == [f"ns[shop]-policy[p-{action}]-rule[0]" for action in wanted]


SHOP_A = Call(
    peer=A,
    address="10.0.0.1",
    headers={"x": "one, two"},
    claims={"iss": "https://i", "sub": "me", "aud": ["web", "app"], "azp": "cli", "g": ["x", "y"]},
)


@pytest.mark.parametrize(
    ("key", "good", "bad"),
    [
        ("destination.ip", "10.0.0.0/24", "10.0.1.0/24"),
        ("destination.port", "8080", "80"),
        ("source.namespace", "sh*", "ship*"),
        ("source.namespace", "*op", "*up"),
        ("source.namespace", "*", "bank"),
        ("request.auth.audiences", "app", "other"),
        ("request.auth.presenter", "cli", "gui"),
        ("request.auth.claims[g]", "y", "z"),
        ("request.auth.principal", "https://i/m*", "https://j*"),
        ("request.auth.principal", "*/me", "*/you"),
        ("request.auth.principal", "*me", "*you"),
        ("request.auth.principal", "*", "https://i/you"),
    ],
)
def test_s91_each_condition_takes_each_form_of_a_value(key: str, good: str, bad: str) -> None:
    def when(*values: str) -> list[AuthorizationPolicy]:
        return [policy(Rule(when=(Condition(key=key, values=values),)))]

    assert verdict(when(good), SHOP_A)
    assert verdict(when(bad, good), SHOP_A)
    assert not verdict(when(bad), SHOP_A)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        *(("*", True), ("two", True), ("tw*", True), ("*ne", True)),
        *(("tw", False), ("wo*", False), ("*on", False)),
    ],
)
def test_one_of_a_header_s_values_is_enough_to_be_denied(value: str, found: bool) -> None:
    denied = policy(
        Rule(when=(Condition(key="request.headers[x]", values=(value,)),)), action=Action.DENY
    )
    assert verdict([denied], SHOP_A) is not found


def test_a_condition_of_requests_is_no_condition_of_connections() -> None:
    """It can be neither met nor missed there: DENY stays closed, ALLOW does not widen."""
    asks = Rule(when=(Condition(key="request.headers[x]", values=("a",)),))
    connection = Call(http=False, peer=A)
    assert not verdict([policy(asks, action=Action.DENY)], connection)
    assert not verdict([policy(asks)], connection)
