"""A pod that is about to end, as long as it is still there."""

from tests.features.plane import Plane
from tests.features.shop import SHOP


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
