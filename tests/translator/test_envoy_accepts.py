"""The real Envoy takes whatever the translator makes, however strange the input."""

from pathlib import Path

import pytest
from envoy.config.cluster.v3.cluster_pb2 import Cluster

from crds.scalars import Duration
from mesh.destinations import Policy
from mesh.endpoints import Endpoint
from mesh.inbound import InboundPort
from mesh.l4_routing import L4Rule
from mesh.outgoing import PASSED_ON, UnknownTraffic
from mesh.proxy import Mode
from mesh.routing import Missing, Target
from mesh.services import Protocol, Resolution
from tests.translator.envoy import refusal, serving, sidecar, with_resources
from tests.translator.hostile import POLICIES, RULES
from tests.translator.inputs import HOST, port, service, target
from translator import clusters, listeners_inbound, listeners_outbound, names, routes
from translator.clusters import Defaults
from translator.listeners_inbound import Inbound
from translator.listeners_outbound import Settings

pytestmark = pytest.mark.envoy


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("address", ["127.7.0.1", "fd00::1"])
def test_the_bootstrap(envoy_binary: Path, tmp_path: Path, address: str, mode: Mode) -> None:
    if ":" in address and not Path("/proc/net/if_inet6").exists():
        pytest.skip("this machine has no IPv6")
    assert refusal(envoy_binary, tmp_path, sidecar(tmp_path, address, mode)) == ""


def test_a_refusal_is_noticed(envoy_binary: Path, tmp_path: Path) -> None:
    """Guards the other tests: a harness that finds nothing would pass them all."""
    broken = Cluster(name="")
    config = with_resources(sidecar(tmp_path), clusters=(broken,))
    assert "Cluster" in refusal(envoy_binary, tmp_path, config)


@pytest.mark.parametrize("name", RULES)
def test_routes(envoy_binary: Path, tmp_path: Path, name: str) -> None:
    host = routes.virtual_host("80", names.host_port(HOST, 80), (HOST,), (RULES[name],))
    config = with_resources(sidecar(tmp_path), listeners=(serving((host,)),))
    assert refusal(envoy_binary, tmp_path, config) == ""


@pytest.mark.parametrize(
    "unknown",
    [
        PASSED_ON,
        UnknownTraffic(allowed=False),
        UnknownTraffic(proxy=Target(host="p", port=80)),
        UnknownTraffic(proxy=Missing(destination="p", reason="the host p is not known")),
    ],
    ids=["passed on", "blocked", "to a proxy", "to no proxy"],
)
def test_catch_all_hosts(envoy_binary: Path, tmp_path: Path, unknown: UnknownTraffic) -> None:
    listener = serving((routes.catch_all("80", unknown),))
    config = with_resources(sidecar(tmp_path), listeners=(listener,))
    assert refusal(envoy_binary, tmp_path, config) == ""


@pytest.mark.parametrize("name", POLICIES)
def test_clusters_of_every_policy(envoy_binary: Path, tmp_path: Path, name: str) -> None:
    made = (
        clusters.outbound_cluster(service(how, f"{i}.example.com"), port(spoken), "v1", policy)
        for policy in (POLICIES[name],)
        for i, how in enumerate(Resolution)
        for spoken in (Protocol.HTTP, Protocol.GRPC, Protocol.TCP)[i % 3 :][:1]
    )
    config = with_resources(sidecar(tmp_path), clusters=made)
    assert refusal(envoy_binary, tmp_path, config) == ""


@pytest.mark.parametrize("spoken", Protocol)
def test_clusters_of_every_protocol(envoy_binary: Path, tmp_path: Path, spoken: Protocol) -> None:
    made = (
        clusters.outbound_cluster(service(), port(spoken), "", Policy()),
        clusters.inbound_cluster(80, spoken),
        clusters.inbound_cluster(81, spoken, address="127.0.0.1"),
    )
    config = with_resources(sidecar(tmp_path), clusters=made)
    assert refusal(envoy_binary, tmp_path, config) == ""


def test_clusters_that_envoy_resolves(envoy_binary: Path, tmp_path: Path) -> None:
    none = Defaults(connect_timeout=Duration(0), dns_refresh_rate=Duration(0))
    two = (Endpoint(address="a.com", port=1), Endpoint(address="b.com", port=2))
    made = (
        clusters.outbound_cluster(
            service(how, f"{host}{how.value}"), port(), "", Policy(), none, endpoints=given
        )
        for how in (Resolution.DNS, Resolution.DNS_ROUND_ROBIN)
        for host, given in (("own", ()), ("two", two), ("*.wild", two), ("*.none", ()))
    )
    config = with_resources(sidecar(tmp_path), clusters=made)
    assert refusal(envoy_binary, tmp_path, config) == ""


def test_clusters_of_no_service(envoy_binary: Path, tmp_path: Path) -> None:
    made = (
        clusters.passthrough_cluster(),
        clusters.inbound_passthrough_cluster(),
        clusters.blackhole_cluster(),
    )
    config = with_resources(sidecar(tmp_path), clusters=made)
    assert refusal(envoy_binary, tmp_path, config) == ""


@pytest.mark.parametrize("logged", [True, False])
def test_listeners(envoy_binary: Path, tmp_path: Path, logged: bool) -> None:
    ports = tuple(
        InboundPort(number=9000 + i, protocol=spoken, host=HOST, service_port=80)
        for i, spoken in enumerate(Protocol)
    )
    policies = tuple(target("v1", 1, policy) for policy in POLICIES.values())
    opaque = port(Protocol.TCP, 5432)
    settings = Settings(logged=logged)
    made = (
        listeners_outbound.http_listener(80, settings),
        listeners_outbound.service_listener("10.0.0.1", opaque, (), None, settings),
        listeners_outbound.service_listener(
            "10.0.0.2", opaque, (L4Rule(targets=policies),), None, settings
        ),
        *(
            listeners_outbound.service_listener(f"10.0.1.{i}", opaque, (), one)
            for i, one in enumerate(policies)
        ),
        listeners_outbound.virtual_outbound(settings),
        listeners_outbound.http_proxy("127.7.0.1", settings),
        listeners_inbound.virtual_inbound(ports, Inbound(settings=settings)),
        *(
            listeners_inbound.entrance("127.7.0.1", one, Inbound(settings=settings))
            for one in ports
        ),
    )
    needed = {f"inbound|{one.number}||" for one in ports}
    hosts = (
        clusters.outbound_cluster(service(), port(), "v1", Policy()),
        clusters.passthrough_cluster(),
        clusters.inbound_passthrough_cluster(),
        clusters.blackhole_cluster(),
        *(clusters.inbound_cluster(one.number, one.protocol) for one in ports),
    )
    assert needed <= {one.name for one in hosts}
    config = with_resources(sidecar(tmp_path), clusters=hosts, listeners=made)
    assert refusal(envoy_binary, tmp_path, config) == ""
