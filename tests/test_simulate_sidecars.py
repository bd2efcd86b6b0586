"""What a Sidecar's egress listeners and its egress proxy do with requests and connections."""

import pytest

from explain.request import Request
from explain.simulate import connect, send
from tests.meshes import service, sidecar
from tests.test_simulate_services import config_of


@pytest.mark.parametrize(
    ("port", "cluster"),
    [(3128, "outbound|3128||exit.edge.svc.cluster.local"), (81, "BlackHoleCluster")],
)
def test_unknown_traffic_goes_to_the_egress_proxy(port: int, cluster: str) -> None:
    """Whether or not something listens at the port; nowhere if there is no such proxy."""
    proxy = f"{{host: exit.edge.svc.cluster.local, port: {{number: {port}}}}}"
    made = config_of(
        service("reviews")
        + service("exit", "edge", ["tcp:3128"])
        + sidecar(
            "s",
            "{egress: [{hosts: [./*]}], "
            f"outboundTrafficPolicy: {{mode: ALLOW_ANY, egressProxy: {proxy}}}}}",
        )
    )
    for number in (80, 9999):
        assert connect(made, "192.0.2.1", number).cluster == cluster
    outcome = send(made, Request(authority="example.com"))
    exists = port == 3128
    assert (outcome.clusters, outcome.status) == (({cluster: 1.0}, 0) if exists else ({}, 503))


BOUND = (
    service("web", ports=["http:8080"], ip="10.0.0.1")
    + service("db", ports=["tcp:5432"], ip="10.0.0.2")
    + sidecar(
        "s",
        "{egress: [{port: {number: 8080, protocol: HTTP, name: a}, captureMode: NONE, hosts: "
        "[./web.shop.svc.cluster.local]}, {port: {number: 8081, protocol: HTTP_PROXY, name: b}, "
        "hosts: [./*]}, {port: {number: 5433, protocol: TCP, name: c}, bind: 127.0.0.2, "
        "captureMode: NONE, hosts: [./db.shop.svc.cluster.local]}, {port: {number: 5432, "
        "protocol: TCP, name: d}, bind: 10.0.0.9, hosts: [./db.shop.svc.cluster.local]}, "
        "{hosts: [~/*]}], outboundTrafficPolicy: {mode: REGISTRY_ONLY}}",
    )
)
"""Egress listeners that are called directly, and one at an address of its own."""


@pytest.mark.parametrize(
    ("authority", "address", "status"),
    [
        ("web:8080", "127.0.0.1", 0),
        ("db:8080", "127.0.0.1", 502),
        ("web:8080", "10.0.0.1", None),
    ],
    ids=["called", "not imported", "redirected"],
)
def test_requests_to_a_listener_with_an_address(
    authority: str, address: str, status: int | None
) -> None:
    """What goes elsewhere is not its business."""
    request = Request(authority=authority, address=address)
    if status is None:
        assert connect(config_of(BOUND), address, request.port).cluster == "BlackHoleCluster"
    else:
        outcome = send(config_of(BOUND), request)
        web = {"outbound|8080||web.shop.svc.cluster.local": 1.0}
        assert (outcome.status, outcome.clusters) == (status, {} if status else web)


@pytest.mark.parametrize(
    ("address", "port", "cluster"),
    [
        ("127.0.0.2", 5433, "outbound|5432||db.shop.svc.cluster.local"),
        ("10.0.0.9", 5432, "outbound|5432||db.shop.svc.cluster.local"),
        ("10.0.0.2", 5432, "BlackHoleCluster"),
        ("127.0.0.3", 5433, "BlackHoleCluster"),
    ],
)
def test_connections_to_a_listener_with_an_address(address: str, port: int, cluster: str) -> None:
    """The only port of a service may be another one than the listener's."""
    assert connect(config_of(BOUND), address, port).cluster == cluster
