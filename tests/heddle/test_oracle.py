"""The oracle itself: it must see what it is there to see."""

import pytest

from crds.mesh_config import DEFAULT_MESH_CONFIG
from heddle.engine import Engine
from heddle.oracle import StateDivergedError, verify
from mesh.proxy import Proxy
from tests.meshes import additions, objects_of, service, virtual_service
from xds.publisher import PartChange, Publisher
from xds.types import CDS

ROUTE = "{hosts: [reviews], http: [{route: [{destination: {host: reviews}}]}]}"
OBJECTS = objects_of(service("reviews", ip="10.0.0.1") + virtual_service("v", ROUTE))
PROXY = Proxy(namespace="shop", name="p", labels={"app": "reviews"}, service_account="default")


@pytest.mark.parametrize("inline", [False, True], ids=["vhds", "inline"])
def test_what_is_right_passes(inline: bool) -> None:
    publisher = Publisher()
    engine = Engine(publisher)
    engine.apply(additions(OBJECTS), DEFAULT_MESH_CONFIG)
    engine.select(PROXY, inline=inline)
    verify(engine, publisher, OBJECTS, DEFAULT_MESH_CONFIG)


def test_a_resource_that_is_missing_is_found() -> None:
    publisher = Publisher()
    engine = Engine(publisher)
    engine.apply(additions(OBJECTS), DEFAULT_MESH_CONFIG)
    outbound, _, _ = engine.select(PROXY)
    gone = "outbound|80||reviews.shop.svc.cluster.local"
    publisher.publish({outbound: PartChange(removals={CDS: [gone]})})
    with pytest.raises(StateDivergedError, match=r"outbound\|80\|\|reviews"):
        verify(engine, publisher, OBJECTS, DEFAULT_MESH_CONFIG)


def test_a_name_that_a_proxy_would_get_from_two_parts_is_found() -> None:
    """X-100: Envoy rejects the whole response."""
    publisher = Publisher()
    engine = Engine(publisher)
    engine.apply(additions(OBJECTS), DEFAULT_MESH_CONFIG)
    outbound, _, inbound = engine.select(PROXY)
    (cluster, *_) = publisher.resources(outbound, CDS).values()
    publisher.publish({inbound: PartChange(upserts={CDS: [cluster]})})
    with pytest.raises(StateDivergedError, match="is both in"):
        verify(engine, publisher, OBJECTS, DEFAULT_MESH_CONFIG)
