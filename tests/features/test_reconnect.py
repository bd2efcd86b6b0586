"""A proxy that comes back says what it holds, and is sent only what differs."""

from tests.fakes.envoy import Push
from tests.features.plane import Plane
from tests.features.shop import REVIEWS, SHOP, route

ONE = "{timeout: 1s, route: [{destination: {host: reviews}}]}"
TWO = "{timeout: 2s, route: [{destination: {host: reviews}}]}"


async def test_nothing_is_sent_again(plane: Plane) -> None:
    plane.apply(SHOP)
    envoy = plane.envoy("shop/web")
    async with plane.stream(envoy, plane.token("shop/web")) as stream:
        await stream.synced()
        await stream.ping()
    held = envoy.versions()
    async with plane.stream(envoy, plane.token("shop/web")) as stream:
        assert await stream.ping() == []
    assert envoy.versions() == held


async def test_what_changed_meanwhile_is_sent(plane: Plane) -> None:
    plane.apply(SHOP, route("reviews", ONE))
    envoy = plane.envoy("shop/web")
    async with plane.stream(envoy, plane.token("shop/web")) as stream:
        await stream.synced()
        await stream.ping()
    plane.apply(SHOP, route("reviews", TWO))
    async with plane.stream(envoy, plane.token("shop/web")) as stream:
        assert await stream.ping() == [Push("vhds", (f"80/{REVIEWS}:80",))]


async def test_another_replica_sends_nothing_again(plane: Plane) -> None:
    """Versions are hashes of what they name: a restarted control plane agrees with itself."""
    plane.apply(SHOP, route("reviews", ONE))
    envoy = plane.envoy("shop/web")
    async with plane.stream(envoy, plane.token("shop/web")) as stream:
        await stream.synced()
        await stream.ping()
    await plane.alone()
    for _ in range(2):
        plane.control.engine.collect()
    assert not plane.control.publisher.keys()
    async with plane.stream(envoy, plane.token("shop/web")) as stream:
        assert await stream.ping() == []
