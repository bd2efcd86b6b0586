"""A client whose own filter asks for virtual hosts on demand, beside the table that it is sent."""

import pytest

from tests.conformance.conversation import accepted
from tests.conformance.resources import cluster, host, listener, routes
from tests.conformance.world import World
from tests.xds.rules import rules
from xds.types import VHDS

pytestmark = pytest.mark.envoy


@pytest.fixture
async def asking(fresh: World) -> World:
    """`a.test` is served; for what no virtual host has a domain, Envoy asks."""
    front = listener(fresh.envoy.folder / "front", "r", on_demand=True)
    table = [routes("r"), host("r", "a.test", "a")]
    fresh.publish(cluster("a"), fresh.endpoints("a"), front, *table)
    await fresh.answers("a.test", 200, "one")
    return fresh


@rules("X-120", "X-49")
async def test_a_host_that_does_not_exist_is_answered_at_once(asking: World) -> None:
    assert (await asking.envoy.ask("b.test")).status == 404
    response = await asking.stream.sent(VHDS, "r/b.test")
    (entry,) = [each for each in response.resources if each.name == "r/b.test"]
    assert list(entry.aliases) == ["r/b.test"], "the name that was asked for"
    assert accepted(await asking.stream.answered(response.nonce))
    assert (await asking.envoy.ask("a.test")).status == 200, "the table is as it was"


@rules("X-122")
async def test_a_host_is_asked_for_in_whatever_case_it_is_written(asking: World) -> None:
    assert (await asking.envoy.ask("B.Test")).status == 404
    asked = [n for r in asking.stream.subscriptions(VHDS) for n in r.resource_names_subscribe]
    assert [name.lower() for name in asked] == ["r/b.test"]
    await asking.answers("A.Test", 200)


@rules("X-47", "X-122")
async def test_a_host_that_comes_to_exist_is_served_without_being_asked_for_again(
    asking: World,
) -> None:
    assert (await asking.envoy.ask("b.test")).status == 404
    stream = asking.stream
    asking.publish(host("r", "b.test", "a"))
    await asking.answers("b.test", 200, "one")
    assert asking.stream is stream, "it is the same stream still"
