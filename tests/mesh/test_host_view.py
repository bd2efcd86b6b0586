"""Which objects decide on a host, and what a client of a scope gets of it."""

import pytest

from mesh.host_view import HostView, selection, view, with_port
from mesh.mesh import Mesh
from mesh.proxy import Mode
from mesh.route_configurations import RouteConfiguration
from mesh.routing import Missing, Target
from mesh.scope import Scope
from tests.meshes import destination_rule, mesh_of, service, virtual_service

REVIEWS = "reviews.shop.svc.cluster.local"
SHOP = Scope("shop")
OTHER = Scope("other")


def seen(mesh: Mesh, scope: Scope = SHOP, host: str = REVIEWS) -> HostView:
    chosen = selection(mesh, scope, host)
    assert chosen is not None
    return view(mesh, scope, chosen)


def test_a_service_without_rules_is_its_own_destination() -> None:
    port = seen(mesh_of(service("reviews", ip="10.0.0.1"))).ports[0]
    assert port.rules == ()
    assert port.default is not None
    assert (port.default.host, port.default.port, port.default.subset) == (REVIEWS, 80, "")


@pytest.mark.parametrize(
    ("scope", "domains"),
    [
        (
            SHOP,
            (REVIEWS, f"{REVIEWS}.", "reviews", "reviews.shop.svc", "reviews.shop", "10.0.0.1"),
        ),
        (OTHER, (REVIEWS, f"{REVIEWS}.", "reviews.shop.svc", "reviews.shop", "10.0.0.1")),
    ],
    ids=["own namespace", "another namespace"],
)
def test_domains_are_those_that_kubernetes_dns_finds(
    scope: Scope, domains: tuple[str, ...]
) -> None:
    assert seen(mesh_of(service("reviews", ip="10.0.0.1")), scope).ports[0].domains == domains


def test_domains_carry_the_port_where_requests_come_through_the_proxy_port() -> None:
    mesh = mesh_of(service("reviews", ports=["http:9080"]))
    port = seen(mesh, Scope("shop", Mode.NONE)).ports[0]
    assert port.routes == (RouteConfiguration("http_proxy"),)
    domains = with_port(port.domains, 9080)
    assert "reviews:9080" in domains
    assert "reviews" not in domains


def test_a_host_that_is_named_exactly_takes_the_name_from_a_service_it_shortens() -> None:
    mesh = mesh_of(
        service("reviews")
        + virtual_service(
            "v", "{hosts: [reviews.shop], http: [{route: [{destination: {host: reviews}}]}]}"
        )
    )
    assert "reviews.shop" not in seen(mesh).ports[0].domains
    assert seen(mesh, host="reviews.shop").ports[0].domains == ("reviews.shop",)


def test_of_two_services_with_one_address_and_port_the_first_keeps_it() -> None:
    mesh = mesh_of(service("a", ip="10.0.0.1") + service("b", ip="10.0.0.1"))
    assert seen(mesh, host="a.shop.svc.cluster.local").ports[0].addresses == ("10.0.0.1",)
    assert seen(mesh, host="b.shop.svc.cluster.local").ports[0].addresses == ()


def test_weights_and_subsets_become_targets() -> None:
    mesh = mesh_of(
        service("reviews")
        + destination_rule("d", "{host: reviews, subsets: [{name: v1, labels: {version: v1}}]}")
        + virtual_service(
            "v",
            "{hosts: [reviews], http: [{route: ["
            "{destination: {host: reviews, subset: v1}, weight: 90},"
            " {destination: {host: reviews, subset: v9}, weight: 10}]}]}",
        )
    )
    first, second = seen(mesh).ports[0].rules[0].targets
    assert isinstance(first, Target)
    assert (first.subset, first.weight) == ("v1", 90)
    assert isinstance(second, Missing)
    assert (second.code, second.weight) == ("unknown-subset", 10)


@pytest.mark.parametrize(
    ("match", "scope", "applies"),
    [
        ("{port: 80}", SHOP, True),
        ("{port: 81}", SHOP, False),
        ("{gateways: [mesh], sourceNamespace: nowhere}", SHOP, True),
        ("{gateways: [public]}", SHOP, False),
        ("{sourceNamespace: shop}", SHOP, True),
        ("{sourceNamespace: shop}", OTHER, False),
        ("{sourceLabels: {app: a}}", Scope("shop", labels=frozenset({("app", "a")})), True),
        ("{sourceLabels: {app: a}}", SHOP, False),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_a_match_asks_of_the_client_is_decided_here(
    match: str, scope: Scope, applies: bool
) -> None:
    mesh = mesh_of(
        service("reviews")
        + virtual_service(
            "v",
            f"{{hosts: [reviews], http: [{{match: [{match}], "
            "route: [{destination: {host: reviews}}]}]}",
        )
    )
    assert bool(seen(mesh, scope).ports[0].rules) is applies


def test_rules_after_one_that_takes_everything_are_left_out() -> None:
    route = "route: [{destination: {host: reviews}}]"
    mesh = mesh_of(
        service("reviews")
        + virtual_service(
            "v", f"{{hosts: [reviews], http: [{{{route}}}, {{name: dead, {route}}}]}}"
        )
    )
    assert [rule.route.name for rule in seen(mesh).ports[0].rules] == [""]


def test_the_oldest_virtual_service_of_a_host_wins() -> None:
    """istio-api.md S-7."""
    spec = "{hosts: [reviews], http: [{name: %s, route: [{destination: {host: reviews}}]}]}"
    mesh = mesh_of(
        service("reviews")
        + virtual_service("a", spec % "young", created="2026-02-01T00:00:00Z")
        + virtual_service("b", spec % "old", created="2026-01-01T00:00:00Z")
    )
    assert seen(mesh).ports[0].rules[0].route.name == "old"


def test_an_exact_host_beats_a_wildcard() -> None:
    spec = "{hosts: [%s], http: [{name: %s, route: [{destination: {host: reviews}}]}]}"
    mesh = mesh_of(
        service("reviews")
        + virtual_service("a", spec % ("'*.shop.svc.cluster.local'", "wild"))
        + virtual_service("b", spec % ("reviews", "exact"))
    )
    assert seen(mesh).ports[0].rules[0].route.name == "exact"


def test_export_to_hides_a_virtual_service_from_other_namespaces() -> None:
    mesh = mesh_of(
        service("reviews")
        + virtual_service(
            "v",
            "{hosts: [reviews], exportTo: [.], http: [{route: [{destination: {host: reviews}}]}]}",
        )
    )
    assert seen(mesh, SHOP).ports[0].rules
    assert not seen(mesh, OTHER).ports[0].rules


def test_a_delegate_is_not_skipped_in_silence() -> None:
    mesh = mesh_of(
        service("reviews")
        + virtual_service("v", "{hosts: [reviews], http: [{delegate: {name: d}}]}")
    )
    (target,) = seen(mesh).ports[0].rules[0].targets
    assert isinstance(target, Missing)
    assert target.code == "unknown-delegate"


def test_scopes_for_which_the_same_objects_count_share_one_selection() -> None:
    mesh = mesh_of(service("reviews") + service("a", namespace="x"))
    assert selection(mesh, Scope("x"), REVIEWS) == selection(mesh, Scope("y"), REVIEWS)
    assert selection(mesh, SHOP, REVIEWS) != selection(mesh, OTHER, REVIEWS)


def test_a_host_that_only_a_virtual_service_has_is_served_on_port_80() -> None:
    """istio-api.md S-11."""
    mesh = mesh_of(
        service("reviews")
        + virtual_service(
            "v", "{hosts: [old.example.com], http: [{route: [{destination: {host: reviews}}]}]}"
        )
    )
    only = seen(mesh, host="old.example.com")
    assert only.service is None
    assert [port.port.number for port in only.ports] == [80]


def test_tcp_rules_apply_to_tcp_ports_only() -> None:
    mesh = mesh_of(
        service("db", ports=["tcp:5432"])
        + service("db2", ports=["tcp:5432"])
        + virtual_service("v", "{hosts: [db], tcp: [{route: [{destination: {host: db2}}]}]}")
    )
    port = seen(mesh, host="db.shop.svc.cluster.local").ports[0]
    assert port.rules == ()
    (rule,) = port.l4
    assert [t.host for t in rule.targets if isinstance(t, Target)] == ["db2.shop.svc.cluster.local"]
