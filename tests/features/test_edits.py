"""What an edit sends, to whom, and in which order."""

from tests.fakes.envoy import Push
from tests.features.plane import Plane
from tests.features.shop import REVIEWS, SHOP, namespace, route, subsets, workload

ONE = "{timeout: 1s, route: [{destination: {host: reviews}}]}"
TWO = "{timeout: 2s, route: [{destination: {host: reviews}}]}"
V1 = "{route: [{destination: {host: reviews, subset: v1}}]}"
HOST = f"80/{REVIEWS}:80"
SUBSET = f"outbound|80|v1|{REVIEWS}"


async def test_an_edited_route_is_one_virtual_host(plane: Plane) -> None:
    plane.apply(SHOP, route("reviews", ONE))
    async with plane.of("shop/web") as stream:
        await stream.synced()
        await stream.ping()
        plane.apply(SHOP, route("reviews", TWO))
        assert await stream.ping() == [Push("vhds", (HOST,))]


async def test_who_does_not_see_the_edit_is_sent_nothing(plane: Plane) -> None:
    bank = (namespace("bank"), workload("teller", "bank"))
    plane.apply(SHOP, *bank, route("reviews", ONE, export_to="."))
    async with plane.of("shop/web") as near, plane.of("bank/teller") as far:
        for stream in (near, far):
            await stream.synced()
            await stream.ping()
        plane.apply(SHOP, *bank, route("reviews", TWO, export_to="."))
        assert await near.ping() == [Push("vhds", (HOST,))]
        assert await far.ping() == []


async def test_an_edit_that_means_the_same_sends_nothing(plane: Plane) -> None:
    plane.apply(SHOP, route("reviews", ONE))
    async with plane.of("shop/web") as stream:
        await stream.synced()
        await stream.ping()
        generation = plane.control.generation
        plane.apply(SHOP, route("reviews", ONE.replace("1s", "1000ms")))
        assert await stream.ping() == []
        assert plane.control.generation == generation


async def test_a_new_subset_comes_before_the_route_to_it(plane: Plane) -> None:
    """Both are in one edit; a route to a cluster that is not there yet would be a 503."""
    plane.apply(SHOP)
    async with plane.of("shop/web") as stream:
        await stream.synced()
        await stream.ping()
        before = len(stream.envoy.pushes)
        plane.apply(SHOP, subsets("reviews", "v1"), route("reviews", V1))
        await stream.until(lambda: HOST in _names(stream.envoy.pushes[before:], "vhds"))
    order = [push.kind for push in stream.envoy.pushes[before:]]
    assert order == ["cds", "eds", "vhds"]
    assert SUBSET in _names(stream.envoy.pushes[before:], "cds")
    assert SUBSET in _names(stream.envoy.pushes[before:], "eds")


async def test_a_subset_leaves_after_the_route_to_it(plane: Plane) -> None:
    plane.apply(SHOP, subsets("reviews", "v1"), route("reviews", V1))
    async with plane.of("shop/web") as stream:
        await stream.synced()
        await stream.ping()
        before = len(stream.envoy.pushes)
        plane.apply(SHOP)
        await stream.until(lambda: ("cds", SUBSET) not in stream.envoy.versions())
    changed = [push for push in stream.envoy.pushes[before:] if push.kind in ("vhds", "cds")]
    assert changed[0].kind == "vhds"
    assert [push for push in changed if SUBSET in push.removed] == [changed[-1]]


async def test_a_new_service_is_a_cluster_a_listener_or_route_and_its_endpoints(
    plane: Plane,
) -> None:
    plane.apply(SHOP)
    async with plane.of("shop/web") as stream:
        await stream.synced()
        await stream.ping()
        plane.apply(SHOP, workload("ratings"))
        name = "ratings.shop.svc.cluster.local"
        await stream.until(lambda: ("vhds", f"80/{name}:80") in stream.envoy.versions())
        held = stream.envoy.versions()
    assert ("cds", f"outbound|80||{name}") in held
    assert ("eds", f"outbound|80||{name}") in held


async def test_a_service_that_goes_takes_its_host_with_it(plane: Plane) -> None:
    plane.apply(SHOP, workload("ratings"))
    name = "ratings.shop.svc.cluster.local"
    async with plane.of("shop/web") as stream:
        await stream.synced()
        await stream.ping()
        assert ("vhds", f"80/{name}:80") in stream.envoy.versions()
        plane.apply(SHOP)
        await stream.until(lambda: not any(name in key[1] for key in stream.envoy.versions()))


async def test_endpoints_alone_move_when_pods_do(plane: Plane) -> None:
    plane.apply(SHOP)
    async with plane.of("shop/web") as stream:
        await stream.synced()
        await stream.ping()
        plane.apply(SHOP, workload("reviews", version="v2"))
        assert await stream.ping() == [Push("eds", (f"outbound|80||{REVIEWS}",))]


async def test_a_rejected_edit_is_known_and_the_next_one_is_sent(plane: Plane) -> None:
    plane.apply(SHOP, route("reviews", ONE))
    async with plane.of("shop/web") as stream:
        await stream.synced()
        await stream.ping()
        await stream.rejects("not like this", lambda: plane.apply(SHOP, route("reviews", TWO)))
        stream.envoy.reject = ""
        await stream.ping()
        (client,) = plane.server.clients.snapshot()
        nacks = [each.nack.message for each in client.types.values() if each.rejected and each.nack]
        assert nacks == ["not like this"]
        plane.apply(SHOP, route("reviews", ONE.replace("1s", "3s")))
        assert await stream.ping() == [Push("vhds", (HOST,))]


def _names(pushes: list[Push], kind: str) -> list[str]:
    return [name for push in pushes if push.kind == kind for name in push.names]
