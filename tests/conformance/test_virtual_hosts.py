"""Virtual hosts over VHDS, all of them at once and without the on-demand filter."""

import pytest

from tests.conformance.conversation import accepted
from tests.conformance.resources import host, routes
from tests.conformance.tap import entry
from tests.conformance.world import World
from tests.xds.rules import rules
from xds.types import EDS, LDS, RDS, VHDS

pytestmark = pytest.mark.envoy


@rules("X-123")
async def test_one_subscription_without_names_is_for_all_route_configurations(live: World) -> None:
    live.publish(live.listener("back", "s"), routes("s"), host("s", "*", "a"))
    await live.answers("b.test", 200, at="back")
    asked = live.stream.subscriptions(VHDS)
    assert [(list(r.resource_names_subscribe), r.response_nonce) for r in asked] == [([], "")]


@rules("X-123")
async def test_virtual_hosts_before_their_route_configuration_are_lost(live: World) -> None:
    live.tap.hold(lambda response: response.type_url == VHDS)
    early = await live.tap.injected(VHDS, ("s/*", host("s", "*", "a")))
    assert accepted(early)
    live.publish(live.listener("back", "s"), routes("s"), host("s", "*", "a"))
    await live.taken(RDS, "s")
    assert (await live.envoy.ask("b.test", at="back")).status == 0
    live.tap.release()
    await live.answers("b.test", 200, at="back")


@rules("X-123", "X-48")
async def test_a_route_configuration_that_is_new_brings_its_whole_table(live: World) -> None:
    """Its virtual hosts were there, and older than what the stream had been sent."""
    live.publish(routes("s"), host("s", "*", "a"))
    live.publish(live.listener("back", "s"))
    await live.answers("b.test", 200, at="back")


@rules("X-124")
async def test_an_update_is_only_the_changed_virtual_host(live: World) -> None:
    live.publish(host("r", "b.test", "a"))
    await live.taken(VHDS, "r/b.test")
    response = await live.stream.sent(VHDS, "r/b.test")
    assert [each.name for each in response.resources] == ["r/b.test"]
    await live.answers("b.test", 200)
    assert (await live.envoy.ask("a.test")).status == 200


@rules("X-124")
async def test_a_removed_virtual_host_is_gone_and_the_others_stay(live: World) -> None:
    live.publish(host("r", "b.test", "a"))
    await live.answers("b.test", 200)
    live.publish(removed=[host("r", "b.test", "a")])
    await live.taken(VHDS, "r/b.test")
    await live.answers("b.test", 404)
    assert (await live.envoy.ask("a.test")).status == 200


@rules("X-125")
async def test_a_listener_opens_only_once_it_has_a_virtual_host(fresh: World) -> None:
    fresh.tap.hold(lambda response: response.type_url == VHDS)
    fresh.publish(*fresh.first())
    stream = await fresh.tap.connected()
    await stream.asked(VHDS)
    assert (await fresh.envoy.ask("a.test")).status == 0
    empty = await fresh.tap.injected(VHDS)
    assert accepted(empty)
    assert (await fresh.envoy.ask("a.test")).status == 0
    fresh.tap.release()
    await fresh.answers("a.test", 200)


@rules("X-125")
async def test_at_start_one_table_without_a_virtual_host_keeps_all_listeners_shut(
    fresh: World,
) -> None:
    fresh.publish(*fresh.first(), fresh.listener("back", "s"), routes("s"))
    stream = await fresh.tap.connected()
    await stream.asked(VHDS)
    await fresh.taken(VHDS, "r/a.test")
    assert (await fresh.envoy.ask("a.test")).status == 0
    fresh.publish(host("s", "*", "a"))
    await fresh.answers("a.test", 200)
    await fresh.answers("a.test", 200, at="back")


@rules("X-126", "X-121")
async def test_an_update_of_the_route_configuration_keeps_its_table(live: World) -> None:
    live.publish(routes("r", header="2"))
    await live.taken(RDS, "r")
    found = await live.envoy.eventually("a.test", lambda a: (a.headers or {}).get("routes") == "2")
    assert (found.status, found.body) == (200, "one")
    assert not [r for r in live.stream.responses[live.stream.mark :] if r.type_url == VHDS]


@rules("X-128")
async def test_a_domain_that_another_virtual_host_has_is_rejected(live: World) -> None:
    other = host("r", "copy", "a", domains=["a.test"])
    answer = await live.tap.injected(VHDS, ("r/copy", other))
    assert "a.test" in answer.error_detail.message


@rules("X-129")
async def test_a_rejected_response_of_virtual_hosts_applied_nothing(live: World) -> None:
    good = ("r/b.test", host("r", "b.test", "a"))
    bad = ("r/copy", host("r", "copy", "a", domains=["a.test"]))
    answer = await live.tap.injected(VHDS, good, bad)
    assert not accepted(answer)
    assert accepted(await live.tap.injected(EDS))
    assert (await live.envoy.ask("b.test")).status == 404
    assert (await live.envoy.ask("a.test")).status == 200


@rules("X-129")
async def test_a_domain_moves_in_one_response(live: World) -> None:
    moved = host("r", "new", "a", domains=["a.test"])
    live.publish(moved, removed=[host("r", "a.test")])
    await live.taken(VHDS, "r/new")
    response = await live.stream.sent(VHDS, "r/new")
    assert list(response.removed_resources) == ["r/a.test"]
    assert (await live.envoy.ask("a.test")).status == 200


@rules("X-129")
async def test_a_virtual_host_that_has_another_name_than_its_resource_cannot_be_removed(
    live: World,
) -> None:
    misnamed = host("r", "b.test", "a")
    misnamed.name = "misnamed"
    assert accepted(await live.tap.injected(VHDS, entry("r/b.test", misnamed)))
    await live.answers("b.test", 200)
    assert accepted(await live.tap.injected(VHDS, removed=("r/b.test",)))
    assert accepted(await live.tap.injected(VHDS, ("r/c.test", host("r", "c.test", "a"))))
    await live.answers("c.test", 200)
    assert (await live.envoy.ask("b.test")).status == 200


@rules("X-105")
async def test_a_listener_that_is_removed_refuses_and_can_come_back(live: World) -> None:
    live.publish(removed=[live.listener("front", "r")])
    await live.taken(LDS, "front")
    await live.answers("a.test", 0)
    live.publish(live.listener("front", "r"))
    await live.answers("a.test", 200)
