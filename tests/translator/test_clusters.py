import pytest
from envoy.config.cluster.v3.cluster_pb2 import Cluster

from crds.destination_rule import (
    ConnectionPoolSettings,
    LoadBalancerSettings,
    OutlierDetection,
    SimpleLB,
    TCPSettings,
)
from crds.fields import FrozenMap
from crds.scalars import Duration
from mesh.destinations import NO_POLICY, Policy
from mesh.endpoints import Endpoint
from mesh.services import Protocol, Resolution
from tests.translator.inputs import HOST, SECOND, port, service
from translator import clusters, names
from translator.clusters import Defaults


def addresses(cluster: Cluster) -> list[tuple[str, int]]:
    return [
        (e.endpoint.address.socket_address.address, e.endpoint.address.socket_address.port_value)
        for group in cluster.load_assignment.endpoints
        for e in group.lb_endpoints
    ]


def test_a_service_s_cluster_gets_its_endpoints_on_the_stream() -> None:
    made = clusters.outbound_cluster(service(), port(), "v1", NO_POLICY)
    assert made.name == f"outbound|80|v1|{HOST}"
    assert made.type == Cluster.EDS
    assert made.eds_cluster_config.eds_config.HasField("ads")
    assert made.lb_policy == Cluster.LEAST_REQUEST
    assert made.connect_timeout.seconds == 10
    assert made.common_lb_config.HasField("healthy_panic_threshold")
    assert not made.HasField("load_assignment")


def test_the_mesh_s_defaults_reach_the_cluster() -> None:
    defaults = Defaults(connect_timeout=SECOND, dns_refresh_rate=Duration(7 * SECOND.nanos))
    made = clusters.outbound_cluster(
        service(Resolution.DNS), port(), "", NO_POLICY, defaults, endpoints=()
    )
    assert made.connect_timeout.seconds == 1
    assert made.dns_refresh_rate.seconds == 7


@pytest.mark.parametrize(
    ("resolution", "type_"),
    [
        (Resolution.CLIENT_SIDE, Cluster.EDS),
        (Resolution.DNS, Cluster.STRICT_DNS),
        (Resolution.DNS_ROUND_ROBIN, Cluster.LOGICAL_DNS),
        (Resolution.NONE, Cluster.ORIGINAL_DST),
    ],
)
def test_discovery_follows_the_resolution(
    resolution: Resolution, type_: Cluster.DiscoveryType.ValueType
) -> None:
    made = clusters.outbound_cluster(service(resolution), port(), "", NO_POLICY)
    assert made.type == type_
    assert (made.lb_policy == Cluster.CLUSTER_PROVIDED) == (type_ == Cluster.ORIGINAL_DST)


def test_load_balancing_by_passthrough_takes_the_client_s_address() -> None:
    policy = Policy(load_balancer=LoadBalancerSettings(simple=SimpleLB.PASSTHROUGH))
    made = clusters.outbound_cluster(service(), port(), "", policy)
    assert (made.type, made.lb_policy) == (Cluster.ORIGINAL_DST, Cluster.CLUSTER_PROVIDED)


def test_a_name_without_endpoints_is_its_own() -> None:
    made = clusters.outbound_cluster(
        service(Resolution.DNS, "example.com"), port(), "", NO_POLICY, endpoints=()
    )
    assert addresses(made) == [("example.com", 8080)]


def test_a_wildcard_cannot_be_resolved() -> None:
    made = clusters.outbound_cluster(service(Resolution.DNS, "*.a.com"), port(), "", NO_POLICY)
    assert addresses(made) == []


def test_logical_dns_has_one_endpoint_whatever_was_written() -> None:
    endpoints = (Endpoint(address="a.com", port=1), Endpoint(address="b.com", port=2))
    logical, strict = (
        clusters.outbound_cluster(service(how), port(), "", NO_POLICY, endpoints=endpoints)
        for how in (Resolution.DNS_ROUND_ROBIN, Resolution.DNS)
    )
    assert addresses(logical) == [("a.com", 1)]
    assert addresses(strict) == [("a.com", 1), ("b.com", 2)]


def test_a_subset_of_names_has_those_with_its_labels() -> None:
    labels = FrozenMap({"version": "v2"})
    endpoints = (
        Endpoint(address="a.com", port=1),
        Endpoint(address="b.com", port=2, labels=labels),
    )
    made = clusters.outbound_cluster(
        service(Resolution.DNS), port(), "v2", NO_POLICY, endpoints=endpoints, labels=labels
    )
    assert addresses(made) == [("b.com", 2)]


def test_logical_dns_without_an_endpoint_is_an_empty_cluster() -> None:
    made = clusters.outbound_cluster(
        service(Resolution.DNS_ROUND_ROBIN, "*.a.com"), port(), "", NO_POLICY
    )
    assert (made.type, addresses(made)) == (Cluster.STRICT_DNS, [])


def test_a_policy_reaches_the_cluster() -> None:
    policy = Policy(
        load_balancer=LoadBalancerSettings(simple=SimpleLB.RANDOM),
        connection_pool=ConnectionPoolSettings(tcp=TCPSettings(max_connections=9)),
        outlier_detection=OutlierDetection(min_health_percent=40),
    )
    made = clusters.outbound_cluster(service(), port(), "", policy)
    assert made.lb_policy == Cluster.RANDOM
    assert made.circuit_breakers.thresholds[0].max_connections.value == 9
    assert made.common_lb_config.healthy_panic_threshold.value == 40
    assert made.HasField("outlier_detection")


def test_an_inbound_cluster_calls_the_connection_s_own_destination() -> None:
    made = clusters.inbound_cluster(9080, Protocol.HTTP)
    assert made.name == "inbound|9080||"
    assert (made.type, made.lb_policy) == (Cluster.ORIGINAL_DST, Cluster.CLUSTER_PROVIDED)
    assert made.upstream_bind_config.source_address.address == "127.0.0.6"


def test_an_inbound_cluster_of_the_proxy_port_mode_has_an_address() -> None:
    pool = ConnectionPoolSettings(tcp=TCPSettings(max_connections=9))
    made = clusters.inbound_cluster(9080, Protocol.TCP, address="127.7.0.1", pool=pool)
    assert made.type == Cluster.STATIC
    assert addresses(made) == [("127.7.0.1", 9080)]
    assert not made.HasField("upstream_bind_config")
    assert made.circuit_breakers.thresholds[0].max_connections.value == 9


def test_what_belongs_to_no_service() -> None:
    out, inbound, hole = (
        clusters.passthrough_cluster(),
        clusters.inbound_passthrough_cluster(),
        clusters.blackhole_cluster(),
    )
    assert [c.name for c in (out, inbound, hole)] == [
        names.PASSTHROUGH,
        names.INBOUND_PASSTHROUGH,
        names.BLACKHOLE,
    ]
    assert out.type == inbound.type == Cluster.ORIGINAL_DST
    assert not out.HasField("upstream_bind_config")
    assert inbound.upstream_bind_config.source_address.address == "127.0.0.6"
    assert (hole.type, addresses(hole)) == (Cluster.STATIC, [])
