"""Rules with every reference resolved: mirrors and TCP routes. The rest is in test_host_view.py."""

import pytest

from crds.meta import Meta
from crds.virtual_service import HTTPMirrorPolicy, HTTPRoute, VirtualService
from mesh.mesh import Mesh
from mesh.routing import Target, http_rules, tcp_targets
from mesh.scope import Scope
from tests.meshes import mesh_of, service, virtual_service

SHOP = Scope("shop", labels=frozenset({("app", "web")}))
TO = "route: [{destination: {host: reviews}}]"


def meshed(spec: str) -> tuple[Mesh, VirtualService]:
    text = service("reviews") + service("audit") + virtual_service("v", spec)
    mesh = mesh_of(text)
    (found,) = mesh.virtual_services.objects.values()
    return mesh, found


@pytest.mark.parametrize(
    ("mirror", "percents"),
    [
        ("mirror: {host: audit}", [100.0]),
        ("mirror: {host: audit}, mirrorPercent: 30", [30.0]),
        ("mirror: {host: audit}, mirrorPercent: 30, mirrorPercentage: {value: 1.5}", [1.5]),
        ("mirror: {host: audit}, mirrorPercentage: {value: 0}", []),
        ("mirror: {host: nowhere}", []),
        ("mirrors: [{destination: {host: audit}}]", [100.0]),
        (
            "mirrors: [{destination: {host: audit}, percentage: {value: 5}},"
            " {destination: {host: nowhere}}]",
            [5.0],
        ),
    ],
)
def test_shares_of_mirrors(mirror: str, percents: list[float]) -> None:
    """istio-api.md S-60; a mirror that leads nowhere must not harm the request itself."""
    mesh, found = meshed(f"{{hosts: [reviews], http: [{{{mirror}, {TO}}}]}}")
    (rule,) = http_rules(mesh, SHOP, found, 80)
    assert [each.percent for each in rule.mirrors] == percents


def test_a_mirror_without_a_destination_is_none() -> None:
    empty = VirtualService(
        meta=Meta(name="v", namespace="shop"), http=(HTTPRoute(mirrors=(HTTPMirrorPolicy(),)),)
    )
    (rule,) = http_rules(mesh_of(""), SHOP, empty, 80)
    assert rule.mirrors == ()


@pytest.mark.parametrize(
    ("match", "applies"),
    [
        ("{port: 80}", True),
        ("{port: 81}", False),
        ("{gateways: [mesh]}", True),
        ("{gateways: [public]}", False),
        ("{sourceNamespace: shop}", True),
        ("{sourceNamespace: bank}", False),
        ("{sourceLabels: {app: web}}", True),
        ("{sourceLabels: {app: batch}}", False),
        ("{destinationSubnets: [10.0.0.0/8]}", False),
        ("{sourceSubnet: 10.0.0.0/8}", False),
        ("{port: 81}, {port: 80}", True),
    ],
)
def test_which_tcp_rules_apply(match: str, applies: bool) -> None:
    """What cannot be judged does not apply: a narrower rule must not become a wider one."""
    mesh, found = meshed(f"{{hosts: [reviews], tcp: [{{match: [{match}], {TO}}}]}}")
    assert bool(tcp_targets(mesh, SHOP, found, 80)) is applies


def test_the_first_tcp_rule_that_applies_wins() -> None:
    mesh, found = meshed(
        "{hosts: [reviews], tcp: [{route: [{destination: {host: audit}}]},"
        " {route: [{destination: {host: reviews}}]}]}"
    )
    (target,) = tcp_targets(mesh, SHOP, found, 80)
    assert isinstance(target, Target)
    assert target.host == "audit.shop.svc.cluster.local"
