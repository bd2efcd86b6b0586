"""Which VirtualServices route a host for a client, the one that wins first."""

import pytest

from crds.meta import Meta
from crds.virtual_service import (
    HTTPMirrorPolicy,
    HTTPRoute,
    HTTPRouteDestination,
    RouteDestination,
    TCPRoute,
    VirtualService,
)
from mesh.mesh import Mesh
from mesh.store import Change
from mesh.virtual_services import (
    VirtualServices,
    advance,
    candidates,
    destination_hosts,
    destinations,
    routed_hosts,
)
from tests.meshes import mesh_of, virtual_service

ROUTE = "http: [{route: [{destination: {host: reviews}}]}]"
REVIEWS = "reviews.shop.svc.cluster.local"


def routing(
    name: str,
    hosts: str = "[reviews]",
    extra: str = "",
    namespace: str = "shop",
    created: str = "",
) -> str:
    return virtual_service(name, f"{{hosts: {hosts}, {ROUTE}{extra}}}", namespace, created)


def ranked(text: str, namespace: str = "shop", host: str = REVIEWS) -> list[str]:
    return [key.name for key in candidates(mesh_of(text).virtual_services, host, namespace)]


def test_the_oldest_comes_first_and_files_come_last_by_name() -> None:
    text = (
        routing("b")
        + routing("a")
        + routing("young", created="2026-02-01T00:00:00Z")
        + routing("old", created="2026-01-01T00:00:00Z")
    )
    assert ranked(text) == ["old", "young", "a", "b"]


def test_private_ones_come_before_those_by_name_and_these_before_public_ones() -> None:
    """istio-api.md S-7."""
    text = (
        routing("public")
        + routing("named", extra=", exportTo: [bank, shop]")
        + routing("private", extra=", exportTo: ['.']")
    )
    assert ranked(text) == ["private", "named", "public"]
    assert ranked(text, "bank") == ["named", "public"]
    assert ranked(text, "x") == ["public"]


def test_an_exact_host_comes_before_wildcards_whatever_their_age() -> None:
    text = (
        routing("wide", "['*.local']", created="2026-01-01T00:00:00Z")
        + routing("narrow", "['*.shop.svc.cluster.local']", created="2026-01-02T00:00:00Z")
        + routing("exact", created="2026-01-03T00:00:00Z")
    )
    assert ranked(text) == ["exact", "narrow", "wide"]


@pytest.mark.parametrize(
    ("gateways", "routes"),
    [("[]", True), ("[mesh]", True), ("[public, mesh]", True), ("[public]", False)],
)
def test_one_for_gateways_only_is_not_for_sidecars(gateways: str, routes: bool) -> None:
    """istio-api.md S-2."""
    text = routing("a", extra=f", gateways: {gateways}")
    assert ranked(text) == (["a"] if routes else [])


EVERYTHING = virtual_service(
    "a",
    """
  hosts: [reviews, api.example.com]
  http:
  - match: [{sourceLabels: {app: web}}]
    route: [{destination: {host: h1}, weight: 1}, {destination: {host: h2.example.com}}]
    mirror: {host: h3}
  - mirrors: [{destination: {host: h4}}]
    route: [{destination: {host: h1}}]
  tcp:
  - match: [{sourceLabels: {tier: front}}]
    route: [{destination: {host: h5}}]
""",
)


def test_every_destination_is_found_with_its_path() -> None:
    (found,) = mesh_of(EVERYTHING).virtual_services.objects.values()
    assert [(path, destination.host) for path, destination in destinations(found)] == [
        ("spec.http[0].route[0].destination", "h1"),
        ("spec.http[0].route[1].destination", "h2.example.com"),
        ("spec.http[0].mirror", "h3"),
        ("spec.http[1].route[0].destination", "h1"),
        ("spec.http[1].mirrors[0].destination", "h4"),
        ("spec.tcp[0].route[0].destination", "h5"),
    ]
    assert "h2.example.com" in destination_hosts(found)
    assert "h5.shop.svc.cluster.local" in destination_hosts(found)
    assert routed_hosts(found) == (REVIEWS, "api.example.com")


def test_the_indexes_name_hosts_destinations_and_labels() -> None:
    index = mesh_of(EVERYTHING + routing("b", "['*.example.com']")).virtual_services
    assert set(index.hosts) == {REVIEWS, "api.example.com", "*.example.com"}
    assert index.wildcards == {"*.example.com"}
    assert "h3.shop.svc.cluster.local" in index.destinations
    assert set(index.labels) == {"app", "tier"}


def test_what_goes_leaves_nothing_behind() -> None:
    mesh = mesh_of(EVERYTHING + routing("b", "['*.example.com']"))
    gone = [Change(key, old, None) for key, old in mesh.virtual_services.objects.items()]
    index, touched = advance(mesh.virtual_services, gone)
    assert index == VirtualServices()
    assert touched == {REVIEWS, "api.example.com", "*.example.com"}


def test_a_wildcard_stays_as_long_as_somebody_names_it() -> None:
    mesh = mesh_of(routing("a", "['*.example.com']") + routing("b", "['*.example.com']"))
    index, _ = advance(mesh.virtual_services, [_gone(mesh, "a")])
    assert index.wildcards == {"*.example.com"}


def _gone(mesh: Mesh, name: str) -> Change:
    objects = mesh.virtual_services.objects
    key = next(key for key in objects if key.name == name)
    return Change(key, objects[key], None)


def test_a_destination_that_is_not_given_is_none() -> None:
    """The decoder refuses such objects; nothing here may fall over them."""
    empty = VirtualService(
        meta=Meta(name="v", namespace="shop"),
        http=(HTTPRoute(route=(HTTPRouteDestination(),), mirrors=(HTTPMirrorPolicy(),)),),
        tcp=(TCPRoute(route=(RouteDestination(),)),),
    )
    assert list(destinations(empty)) == []
