"""An object that is wrong harms no other one."""

from tests.fakes.envoy import Push
from tests.features.plane import Plane
from tests.features.shop import REVIEWS, SHOP, route, workload

GOOD = "{timeout: %s, route: [{destination: {host: reviews}}]}"
UNREADABLE = route("web", "{timeout: soon, route: [{destination: {host: web}}]}")
UNRESOLVED = route("web", "{route: [{destination: {host: web, subset: v9}}]}")


async def test_an_unreadable_object_stops_no_other_edit(plane: Plane) -> None:
    plane.apply(SHOP, route("reviews", GOOD % "1s"))
    async with plane.of("shop/web") as stream:
        await stream.synced()
        await stream.ping()
        plane.apply(SHOP, route("reviews", GOOD % "2s"), UNREADABLE)
        assert await stream.ping() == [Push("vhds", (f"80/{REVIEWS}:80",))]
    (told,) = [problem for problem in plane.control.problems() if "web" in str(problem.object)]
    assert (told.path, told.value) == ("spec.http[0].timeout", "soon")


async def test_an_unresolved_reference_changes_its_own_host_alone(plane: Plane) -> None:
    plane.apply(SHOP)
    async with plane.of("shop/web") as stream:
        await stream.synced()
        await stream.ping()
        plane.apply(SHOP, UNRESOLVED)
        assert await stream.ping() == [Push("vhds", ("80/web.shop.svc.cluster.local:80",))]


async def test_the_last_good_version_stays_until_the_object_goes(plane: Plane) -> None:
    plane.apply(SHOP, route("web", "{timeout: 1s, route: [{destination: {host: web}}]}"))
    async with plane.of("shop/web") as stream:
        await stream.synced()
        await stream.ping()
        plane.apply(SHOP, UNREADABLE)
        assert await stream.ping() == []
        plane.apply(SHOP)
        assert await stream.ping() == [Push("vhds", ("80/web.shop.svc.cluster.local:80",))]
    assert plane.control.problems() == ()


async def test_a_pod_whose_injection_is_refused_harms_no_other(plane: Plane) -> None:
    bad = workload("bad").replace(
        "metadata: {labels: {app: bad",
        "metadata: {annotations: {sidecar.istio.io/proxyCPU: lots}, labels: {app: bad",
    )
    plane.apply(SHOP, bad)
    async with plane.of("shop/web") as stream:
        await stream.synced()
    assert any("proxyCPU" in str(problem) for problem in plane.control.problems())
