"""Rules with every reference resolved: mirrors and TCP routes. The rest is in test_host_view.py."""

import pytest

from crds.meta import Meta
from crds.virtual_service import HTTPMirrorPolicy, HTTPRoute, VirtualService
from mesh.mesh import Mesh
from mesh.routing import http_rules
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
