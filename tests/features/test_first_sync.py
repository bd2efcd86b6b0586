"""What a proxy is told when it connects."""

from tests.features.plane import Plane
from tests.features.shop import REVIEWS, SHOP


def _first(kinds: list[str]) -> list[str]:
    return list(dict.fromkeys(kinds))


async def test_types_come_in_the_order_in_which_envoy_needs_them(plane: Plane) -> None:
    plane.apply(SHOP)
    async with plane.of("shop/web") as stream:
        await stream.synced()
    kinds = _first([push.kind for push in stream.envoy.pushes])
    assert kinds == ["cds", "eds", "lds", "rds", "vhds"]


async def test_what_is_referred_to_is_there(plane: Plane) -> None:
    """The fake asks for every name that it was given: none may stay without an answer."""
    plane.apply(SHOP)
    async with plane.of("shop/web") as stream:
        await stream.synced()
        await stream.ping()
    held = stream.envoy.versions()
    for kind, name in (
        ("cds", f"outbound|80||{REVIEWS}"),
        ("eds", f"outbound|80||{REVIEWS}"),
        ("rds", "80"),
        ("vhds", f"80/{REVIEWS}:80"),
        ("vhds", "80/*"),
    ):
        assert (kind, name) in held
    assert not any(push.removed for push in stream.envoy.pushes if push.kind != "sds")


async def test_every_name_has_one_version(plane: Plane) -> None:
    """A first sync sends nothing twice."""
    plane.apply(SHOP)
    async with plane.of("shop/web") as stream:
        await stream.synced()
        await stream.ping()
    sent = [(push.kind, name) for push in stream.envoy.pushes for name in push.names]
    assert len(sent) == len(set(sent))


async def test_it_is_acknowledged(plane: Plane) -> None:
    plane.apply(SHOP)
    async with plane.of("shop/web") as stream:
        await stream.synced()
        await stream.ping()
        await plane.server.clients.settled(plane.control.generation)
        (client,) = plane.server.clients.snapshot()
        assert client.acknowledged >= plane.control.generation


async def test_two_pods_of_a_deployment_get_the_same(plane: Plane) -> None:
    plane.apply(SHOP.replace("spec:\n  selector", "spec:\n  replicas: 2\n  selector"))
    one, two = sorted(n for n in _pods(plane) if n.startswith("shop/web"))
    async with plane.of(one) as first, plane.of(two) as second:
        await first.synced()
        await second.synced()
        await first.ping()
        await second.ping()
    assert first.envoy.versions() == second.envoy.versions()


def _pods(plane: Plane) -> list[str]:
    return [f"{proxy.namespace}/{proxy.name}" for proxy in plane.control.engine.proxies()]
