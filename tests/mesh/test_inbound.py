"""The ports at which a workload takes calls."""

from mesh.inbound import InboundPort, inbound_ports
from mesh.proxy import Mode, Proxy
from mesh.services import Protocol
from tests.meshes import destination_rule, mesh_of, service


def ports_of(
    text: str, mode: Mode = Mode.REDIRECT, named: tuple[tuple[str, int], ...] = ()
) -> tuple[InboundPort, ...]:
    proxy = Proxy(
        namespace="shop",
        name="a",
        labels={"app": "a"},
        service_account="default",
        mode=mode,
        named_ports=named,
    )
    return inbound_ports(mesh_of(text), proxy)


def test_target_ports_in_order_with_the_service_that_leads_there() -> None:
    text = service("a", ports=["http:80:8080", "grpc:81:7000"]) + service("b", ports=["http:82"])
    assert ports_of(text) == (
        InboundPort(
            number=7000, protocol=Protocol.GRPC, host="a.shop.svc.cluster.local", service_port=81
        ),
        InboundPort(
            number=8080, protocol=Protocol.HTTP, host="a.shop.svc.cluster.local", service_port=80
        ),
    )


def test_a_named_target_port_is_that_of_this_workload() -> None:
    text = service("a", ports=["http:80:web", "grpc:81:nowhere"])
    assert [port.number for port in ports_of(text, named=(("web", 8081),))] == [8081]


def test_of_two_services_with_one_target_port_the_oldest_counts() -> None:
    """istio-api.md S-37."""
    young = service("a", ports=["tcp:80:8080"]).replace(
        "name: a,", "name: young, creationTimestamp: '2026-02-01T00:00:00Z',"
    )
    old = service("a", ports=["http:80:8080"]).replace(
        "name: a,", "name: old, creationTimestamp: '2026-01-01T00:00:00Z',"
    )
    (port,) = ports_of(young + old)
    assert (port.host, port.protocol) == ("old.shop.svc.cluster.local", Protocol.HTTP)


def test_the_pool_is_that_of_the_services_own_rule_at_its_port() -> None:
    """istio-api.md S-22."""
    spec = (
        "{host: a, trafficPolicy: {connectionPool: {tcp: {maxConnections: 1}}, portLevelSettings:"
        " [{port: {number: 81}, connectionPool: {tcp: {maxConnections: 2}}}]}}"
    )
    text = service("a", ports=["http:80:8080", "http-b:81:8081"]) + destination_rule("d", spec)
    pools = [port.pool.tcp for port in ports_of(text) if port.pool]
    assert [tcp.max_connections for tcp in pools if tcp] == [1, 2]


def test_behind_the_proxy_port_the_highest_ports_are_called_directly() -> None:
    """There is no room for an entrance above 65535."""
    text = service("a", ports=["http:80:8080", "http-b:81:50000"])
    assert [port.number for port in ports_of(text, Mode.NONE)] == [8080]
    assert [port.number for port in ports_of(text)] == [8080, 50000]
