"""Which DestinationRules a client obeys for a host, and what they say of one subset and port."""

from collections.abc import Iterable

import pytest

from crds.destination_rule import (
    ConnectionPoolSettings,
    HTTPSettings,
    OutlierDetection,
    SimpleLB,
    TCPSettings,
    TrafficPolicy,
)
from crds.mesh_config import DefaultTrafficPolicy
from crds.meta import Key
from mesh.destination_rules import (
    Client,
    DestinationRules,
    Label,
    Merged,
    advance,
    merged,
    policy_for,
    rules_for,
)
from mesh.destinations import NO_POLICY, Policy
from mesh.mesh import Mesh
from mesh.store import Change
from tests.meshes import destination_rule, mesh_of

REVIEWS = "reviews.shop.svc.cluster.local"
ROOT = "istio-system"


def rule(name: str, namespace: str, host: str = REVIEWS, extra: str = "", created: str = "") -> str:
    return destination_rule(name, f"{{host: '{host}'{extra}}}", namespace, created)


def obeyed(
    text: str, client: str, host: str = REVIEWS, labels: frozenset[Label] | None = frozenset()
) -> list[str]:
    """The rules for a service of namespace `shop`, as `namespace/name`."""
    rules = mesh_of(text).rules
    found = rules_for(rules, host, "shop", Client(client, ROOT, labels))
    return [f"{key.namespace}/{key.name}" for key in found]


def policy_of(text: str, subset: str, port: int) -> Policy:
    rules = mesh_of(text).rules
    whole = merged(rules.objects.values())
    return policy_for(whole, whole.subset(subset), port)


EVERYWHERE = rule("a", "bank") + rule("b", "shop") + rule("c", ROOT)


@pytest.mark.parametrize(
    ("client", "expected"),
    [("bank", ["bank/a"]), ("shop", ["shop/b"]), ("x", ["shop/b"]), (ROOT, ["shop/b"])],
)
def test_the_clients_namespace_then_the_services_then_the_root(
    client: str, expected: list[str]
) -> None:
    """istio-api.md S-14; the root namespace's own clients do not put its rules first."""
    assert obeyed(EVERYWHERE, client) == expected


def test_the_root_namespace_is_the_last_resort() -> None:
    assert obeyed(rule("c", ROOT), "bank") == [f"{ROOT}/c"]


def test_rules_of_two_namespaces_are_never_merged() -> None:
    assert obeyed(rule("a", "bank") + rule("b", "shop"), "bank") == ["bank/a"]


def test_the_most_specific_host_of_a_namespace_wins() -> None:
    """istio-api.md S-15."""
    text = (
        rule("a", "shop", "*.local")
        + rule("b", "shop", "*.shop.svc.cluster.local")
        + rule("c", "shop", "reviews")
    )
    assert obeyed(text, "x") == ["shop/c"]
    assert obeyed(text, "x", "ratings.shop.svc.cluster.local") == ["shop/b"]
    assert obeyed(text, "x", "ledger.bank.svc.cluster.local") == ["shop/a"]
    assert obeyed(text, "x", "example.com") == []


def test_a_wildcard_of_the_client_shadows_an_exact_rule_of_the_service() -> None:
    """istio-api.md S-15."""
    assert obeyed(rule("a", "bank", "*.local") + rule("b", "shop"), "bank") == ["bank/a"]


@pytest.mark.parametrize(
    ("export_to", "client", "applies"),
    [
        ("['*']", "bank", True),
        ("['.']", "shop", True),
        ("['.']", "bank", False),
        ("[bank]", "bank", True),
        ("[bank]", "x", False),
        ("[bank]", "shop", True),
    ],
)
def test_export_to_says_who_obeys(export_to: str, client: str, applies: bool) -> None:
    text = rule("a", "shop", extra=f", exportTo: {export_to}")
    assert obeyed(text, client) == (["shop/a"] if applies else [])


def test_where_nothing_is_exported_the_search_goes_on() -> None:
    """istio-api.md S-16."""
    text = rule("a", "shop", extra=", exportTo: ['.']") + rule("b", ROOT)
    assert obeyed(text, "bank") == [f"{ROOT}/b"]


def test_rules_with_another_export_to_than_the_oldest_are_not_merged() -> None:
    """istio-api.md S-17."""
    text = (
        rule("a", "shop", created="2026-01-01T00:00:00Z")
        + rule("b", "shop", extra=", exportTo: ['.']", created="2026-01-02T00:00:00Z")
        + rule("c", "shop", created="2026-01-03T00:00:00Z")
    )
    assert obeyed(text, "shop") == ["shop/a", "shop/c"]


def test_rules_of_the_root_namespace_for_itself_come_first_there() -> None:
    """istio-api.md S-14: to its own clients, and only those that nobody else sees."""
    text = EVERYWHERE + rule("d", ROOT, extra=", exportTo: [.]", created="2030-01-01T00:00:00Z")
    assert obeyed(text, ROOT) == [f"{ROOT}/d"]
    assert obeyed(text, "x") == ["shop/b"]
    assert obeyed(rule("c", ROOT, extra=", exportTo: [., bank]"), ROOT) == [f"{ROOT}/c"]


APP_A = frozenset({("app", "a")})


@pytest.mark.parametrize(
    ("client", "labels", "expected"),
    [
        ("shop", APP_A, ["shop/b"]),
        ("shop", APP_A | {("version", "v1")}, ["shop/b"]),
        ("shop", frozenset({("app", "b")}), ["shop/a", "shop/c"]),
        ("shop", None, ["shop/a", "shop/c"]),
        ("bank", APP_A, ["shop/a", "shop/c"]),
    ],
)
def test_a_rule_for_some_workloads_is_obeyed_by_those_alone(
    client: str, labels: frozenset[Label] | None, expected: list[str]
) -> None:
    """istio-api.md S-18: by nobody of another namespace; others lose nothing by it (C-14)."""
    text = (
        rule("a", "shop")
        + rule("b", "shop", extra=", workloadSelector: {matchLabels: {app: a}}")
        + rule("c", "shop")
    )
    assert obeyed(text, client, labels=labels) == expected


def test_a_rule_for_some_workloads_hides_nothing_from_the_others() -> None:
    selector = ", workloadSelector: {matchLabels: {app: a}}"
    text = rule("a", "shop", extra=selector) + rule("b", ROOT)
    assert obeyed(text, "shop") == [f"{ROOT}/b"]


def test_labels_are_asked_of_the_namespace_s_own_clients() -> None:
    """Elsewhere no workload needs a configuration of its own because of them."""
    rules = mesh_of(rule("a", "shop", extra=", workloadSelector: {matchLabels: {app: a}}")).rules
    assert rules.label_names("shop") == {"app"}
    assert rules.label_names("bank") == frozenset()


def test_the_mesh_has_defaults_for_two_blocks() -> None:
    """istio-api.md S-21: block by block, below what any rule says."""
    pool, outliers = ConnectionPoolSettings(tcp=TCPSettings()), OutlierDetection()
    default = DefaultTrafficPolicy(connection_pool=pool, outlier_detection=outliers)
    assert policy_for(Merged(), None, 80, default) == Policy(
        connection_pool=pool, outlier_detection=outliers, listener_pool=pool
    )
    own = ConnectionPoolSettings(http=HTTPSettings(max_retries=3))
    made = policy_for(Merged(policy=TrafficPolicy(connection_pool=own)), None, 80, default)
    assert (made.connection_pool, made.listener_pool) == (own, own)
    assert made.outlier_detection == outliers


def test_merging_keeps_every_subset_and_the_first_policy() -> None:
    """istio-api.md S-17."""
    text = (
        destination_rule(
            "a", "{host: reviews, subsets: [{name: v1, labels: {n: '1'}}]}", created="2026-01-01"
        )
        + destination_rule(
            "b",
            "{host: reviews, trafficPolicy: {loadBalancer: {simple: RANDOM}},"
            " subsets: [{name: v1, labels: {n: '2'}}, {name: v2}]}",
            created="2026-01-02",
        )
        + destination_rule(
            "c", "{host: reviews, trafficPolicy: {outlierDetection: {}}}", created="2026-01-03"
        )
    )
    rules = mesh_of(text).rules
    whole = merged(rules.objects[key] for key in rules.ranked(rules.objects))
    assert [(s.name, dict(s.labels)) for s in whole.subsets] == [("v1", {"n": "1"}), ("v2", {})]
    assert _simple(policy_for(whole, None, 80)) is SimpleLB.RANDOM
    assert policy_for(whole, None, 80).outlier_detection is None
    assert whole.subset("v3") is None


def _simple(policy: Policy) -> SimpleLB | None:
    return policy.load_balancer.simple if policy.load_balancer else None


def _timeout(policy: Policy) -> float | None:
    tcp = policy.connection_pool.tcp if policy.connection_pool else None
    return tcp.connect_timeout.seconds if tcp and tcp.connect_timeout else None


LAYERS = destination_rule(
    "a",
    """
  host: reviews
  trafficPolicy:
    loadBalancer: {simple: RANDOM}
    connectionPool: {tcp: {connectTimeout: 1s}}
    retryBudget: {percent: 50}
    portLevelSettings:
    - {port: {number: 81}, loadBalancer: {simple: ROUND_ROBIN}}
  subsets:
  - name: plain
  - {name: blocks, trafficPolicy: {connectionPool: {tcp: {connectTimeout: 2s}}}}
  - name: ports
    trafficPolicy:
      connectionPool: {tcp: {connectTimeout: 3s}}
      portLevelSettings:
      - {port: {number: 81}, connectionPool: {tcp: {connectTimeout: 4s}}}
""",
)


@pytest.mark.parametrize(
    ("subset", "port", "simple", "timeout", "budget"),
    [
        ("", 80, SimpleLB.RANDOM, 1.0, True),
        ("", 81, SimpleLB.ROUND_ROBIN, None, False),
        ("plain", 80, SimpleLB.RANDOM, 1.0, True),
        ("plain", 81, SimpleLB.ROUND_ROBIN, None, False),
        ("blocks", 80, SimpleLB.RANDOM, 2.0, True),
        ("blocks", 81, SimpleLB.ROUND_ROBIN, 2.0, False),
        ("ports", 80, SimpleLB.RANDOM, 3.0, True),
        ("ports", 81, None, 4.0, False),
    ],
)
def test_layers_of_policy(
    subset: str, port: int, simple: SimpleLB | None, timeout: float | None, budget: bool
) -> None:
    """istio-api.md S-19, S-20: blocks inherit one by one, a port's own replace as a whole."""
    policy = policy_of(LAYERS, subset, port)
    assert (_simple(policy), _timeout(policy)) == (simple, timeout)
    assert (policy.retry_budget is not None) is budget


def test_no_rule_is_no_policy() -> None:
    assert policy_for(Merged(), None, 80) == NO_POLICY
    assert policy_for(Merged(policy=TrafficPolicy()), None, 80) == NO_POLICY


def test_which_rules_are_over_a_host() -> None:
    mesh = mesh_of(
        rule("a", "shop") + rule("b", "bank", "*.local") + rule("c", "shop", "x.example.com")
    )
    assert {key.name for key in mesh.rules.over(REVIEWS)} == {"a", "b"}


def test_a_rule_that_goes_leaves_nothing_behind() -> None:
    mesh = mesh_of(rule("a", "shop", "*.local"))
    assert _without(mesh, mesh.rules.objects) == DestinationRules()


def _without(mesh: Mesh, keys: Iterable[Key]) -> DestinationRules:
    return advance(mesh.rules, [Change(key, mesh.rules.objects[key], None) for key in keys])[0]
