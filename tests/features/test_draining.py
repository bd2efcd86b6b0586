"""A pod that is about to end, as long as it is still there."""

import pytest

from tests.features.plane import Plane
from tests.features.shop import SHOP, namespace
from tests.features.test_gateway_secrets import EDGE, ingress
from tests.meshes import gateway


async def test_its_proxy_is_told_to_let_its_callers_go_and_nothing_else(plane: Plane) -> None:
    """Its own calls go on: an application may have much to say at its end."""
    plane.apply(SHOP)
    async with plane.of("shop/web") as stream:
        await stream.synced()
        before = dict(stream.envoy.versions())
        plane.ending("shop/web")
        assert (await stream.refused()).name == "UNAVAILABLE"
    async with plane.of("shop/web") as stream:
        await stream.synced()
        after = dict(stream.envoy.versions())
    assert before.keys() == after.keys()
    assert {name for name in after if after[name] != before[name]} == {("lds", "virtualInbound")}


async def test_other_pods_of_its_workload_are_left_alone(plane: Plane) -> None:
    plane.apply(SHOP)
    async with plane.of("shop/reviews") as stream:
        await stream.synced()
        await stream.ping()
        plane.ending("shop/web")
        assert await stream.ping() == []


GATE = "\n---\n".join(
    (
        namespace("edge"),
        ingress("edge"),
        gateway(
            "g",
            "{selector: {app: ingress}, servers: ["
            "{port: {number: 80, name: http, protocol: HTTP}, hosts: ['a.example.com']},"
            "{port: {number: 9000, name: tcp, protocol: TCP}, hosts: ['*']}]}",
            "edge",
        ),
    )
)


@pytest.mark.parametrize(
    ("objects", "listener"), [(GATE, "0.0.0.0_80"), (EDGE, "0.0.0.0_443")], ids=["HTTP", "HTTPS"]
)
async def test_a_gateway_s_visitors_are_let_go_too(
    plane: Plane, objects: str, listener: str
) -> None:
    """The listeners of requests are others, and nothing else is."""
    plane.apply(objects)
    async with plane.of("edge/ingress") as stream:
        await stream.synced()
        before = dict(stream.envoy.versions())
        plane.ending("edge/ingress")
        assert (await stream.refused()).name == "UNAVAILABLE"
    async with plane.of("edge/ingress") as stream:
        await stream.synced()
        after = dict(stream.envoy.versions())
    assert before.keys() == after.keys()
    assert {name for name in after if after[name] != before[name]} == {("lds", listener)}
