"""What istioctl asks over xDS, answered by a control plane with proxies."""

import pytest
from envoy.admin.v3.config_dump_shared_pb2 import ClustersConfigDump, RoutesConfigDump
from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from envoy.extensions.transport_sockets.tls.v3.tls_pb2 import UpstreamTlsContext
from envoy.service.discovery.v3.discovery_pb2 import DiscoveryResponse
from envoy.service.status.v3 import csds_pb2
from google.protobuf import json_format
from google.protobuf.duration_pb2 import Duration

from heddle.proxies.wanted import Wanted
from heddle.questions.answers import CONFIG_DUMP, SYNCZ, answers, sections
from heddle.questions.visitors import Visitor
from tests.features.plane import Plane
from tests.features.shop import REVIEWS, SHOP, route
from xds.auth import Anybody, Identity
from xds.errors import BadRequest, Forbidden, Unserved
from xds.resource import resource
from xds.types import CDS, EDS, LDS, RDS, SDS

ANN = Visitor(name="ann", expires_at=None)
SLOWER = route("reviews", "{route: [{destination: {host: reviews}}], timeout: 3s}")


async def asked(plane: Plane, type_url: str, *names: str, who: Identity = ANN) -> DiscoveryResponse:
    found = answers(plane.control, plane.server.clients, "heddle-1", plane.clock)
    return await found[type_url](names, who)


def statuses(response: DiscoveryResponse) -> dict[str, str]:
    """How far the only proxy is, by type."""
    (resource,) = response.resources
    config = csds_pb2.ClientConfig()
    assert resource.Unpack(config)
    return {
        each.type_url: csds_pb2.ConfigStatus.Name(each.config_status)
        for each in config.generic_xds_configs
    }


def proxy_id(plane: Plane, pod: str) -> str:
    namespace, _, name = plane.pod(pod).partition("/")
    return f"{name}.{namespace}"


async def test_each_proxy_and_how_far_it_is(plane: Plane) -> None:
    """In Istio's names; the types that it asked for, and virtual hosts as routes."""
    plane.apply(SHOP)
    async with plane.of("shop/web") as web:
        await web.synced()
        await web.ping()
        response = await asked(plane, SYNCZ)
        config = csds_pb2.ClientConfig()
        assert response.resources[0].Unpack(config)
    assert config.node.id == proxy_id(plane, "shop/web")
    assert config.node.metadata["NAMESPACE"] == "shop"
    assert '"ID": "heddle-1"' in response.control_plane.identifier
    assert statuses(response) == dict.fromkeys((CDS, EDS, LDS, RDS, SDS), "SYNCED")


async def test_what_is_rejected_of_virtual_hosts_is_an_error_of_routes(plane: Plane) -> None:
    plane.apply(SHOP)
    async with plane.of("shop/web") as web:
        await web.synced()
        await web.ping()
        await web.rejects("no such timeout", lambda: plane.apply(SHOP, SLOWER))
        await web.ping()
        found = statuses(await asked(plane, SYNCZ))
    assert (found[RDS], found[CDS]) == ("ERROR", "SYNCED")


async def test_what_a_proxy_is_to_hold_is_as_its_envoy_would_dump_it(plane: Plane) -> None:
    """With virtual hosts in place, and without what Envoy does not write: istioctl compares."""
    plane.apply(SHOP)
    async with plane.of("shop/web") as web:
        await web.synced()
        response = await asked(plane, CONFIG_DUMP, proxy_id(plane, "shop/web"))
    kinds = [each.type_url.rpartition(".")[2] for each in response.resources]
    assert kinds == [
        "ClustersConfigDump",
        "EndpointsConfigDump",
        "ListenersConfigDump",
        "RoutesConfigDump",
    ]
    clusters, routes = ClustersConfigDump(), RoutesConfigDump()
    assert response.resources[0].Unpack(clusters)
    assert response.resources[3].Unpack(routes)
    (held,) = [each for each in clusters.dynamic_active_clusters if REVIEWS in str(each)][:1]
    assert set(json_format.MessageToDict(held)) == {"versionInfo", "cluster"}
    found = [RouteConfiguration() for _ in routes.dynamic_route_configs]
    for made, entry in zip(found, routes.dynamic_route_configs, strict=True):
        assert entry.route_config.Unpack(made)
    assert any(REVIEWS in host.name for made in found for host in made.virtual_hosts)


async def test_a_proxy_that_is_not_there_has_no_dump(plane: Plane) -> None:
    plane.apply(SHOP)
    assert not (await asked(plane, CONFIG_DUMP, "none.shop")).resources


def test_what_cannot_be_shown_ends_the_question() -> None:
    """And not the control plane: here a time that is taken for a secret, and is no time then."""
    tls = UpstreamTlsContext()
    provider = tls.common_tls_context.tls_certificates.add().private_key_provider
    provider.typed_config.Pack(Duration(seconds=1))
    made = Cluster(name="c")
    made.transport_socket.typed_config.Pack(tls)
    with pytest.raises(Unserved, match="cannot be shown"):
        list(sections([Wanted(type_url=CDS, resource=resource(CDS, "c", made))]))


async def test_a_dump_is_of_one_proxy(plane: Plane) -> None:
    with pytest.raises(BadRequest):
        await asked(plane, CONFIG_DUMP)


@pytest.mark.parametrize("type_url", [SYNCZ, CONFIG_DUMP])
async def test_a_proxy_sees_no_other(plane: Plane, type_url: str) -> None:
    with pytest.raises(Forbidden):
        await asked(plane, type_url, "web.shop", who=Anybody())
