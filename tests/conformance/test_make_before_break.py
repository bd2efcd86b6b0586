"""A subset that comes or goes while requests flow: nobody notices."""

import asyncio
from collections import Counter

import pytest

from tests.conformance.conversation import accepted
from tests.conformance.resources import cluster, host
from tests.conformance.world import World
from tests.xds.rules import rules
from xds.types import CDS, EDS, VHDS

pytestmark = pytest.mark.envoy

CLIENTS = 4
ENOUGH = 100
"""Requests before a change and after it, at least."""


class Load:
    """Clients that ask all the time, and what they were answered."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.statuses: Counter[int] = Counter()
        self._over = asyncio.Event()
        self._news = asyncio.Event()

    async def run(self) -> None:
        """Ask until told to stop."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(CLIENTS):
                tasks.create_task(self._client())

    def stop(self) -> None:
        """Let the clients finish."""
        self._over.set()

    async def more(self) -> None:
        """Wait for enough further answers."""
        goal = self.statuses.total() + ENOUGH
        while self.statuses.total() < goal:
            self._news.clear()
            await self._news.wait()

    async def _client(self) -> None:
        while not self._over.is_set():
            answer = await self.world.envoy.ask("a.test")
            self.statuses[answer.status] += 1
            self._news.set()


@rules("X-81", "X-80")
async def test_a_new_subset_and_its_route_in_one_publish_cost_no_request(live: World) -> None:
    load = Load(live)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(load.run())
        await load.more()
        live.publish(host("r", "a.test", "v2"), cluster("v2"), live.endpoints("v2", "two"))
        await live.taken(VHDS, "r/a.test")
        await load.more()
        load.stop()
    assert set(load.statuses) == {200}
    assert (await live.envoy.ask("a.test")).body == "two"


@rules("X-81")
async def test_routes_wait_until_the_cluster_that_they_name_is_warm(live: World) -> None:
    live.tap.hold(lambda response: response.type_url == EDS)
    live.publish(host("r", "a.test", "v2"), cluster("v2"), live.endpoints("v2", "two"))
    await live.stream.asked(EDS, "v2")
    assert accepted(await live.tap.injected(EDS))
    assert not [r for r in live.stream.responses[live.stream.mark :] if r.type_url == VHDS]
    live.tap.release()
    await live.answers("a.test", 200, "two")


@rules("X-81")
async def test_a_subset_and_its_route_that_go_in_one_publish_cost_no_request(live: World) -> None:
    live.publish(host("r", "a.test", "v2"), cluster("v2"), live.endpoints("v2", "two"))
    await live.answers("a.test", 200, "two")
    load = Load(live)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(load.run())
        await load.more()
        gone = [cluster("v2"), live.endpoints("v2", "two")]
        live.publish(host("r", "a.test", "a"), removed=gone)
        await live.taken(CDS, "v2")
        await load.more()
        load.stop()
    assert set(load.statuses) == {200}
    assert "v2" not in await live.envoy.clusters()


@rules("X-81")
async def test_a_cluster_goes_only_after_its_route_is_acknowledged_gone(live: World) -> None:
    live.publish(host("r", "a.test", "v2"), cluster("v2"), live.endpoints("v2", "two"))
    await live.answers("a.test", 200, "two")
    live.tap.hold(lambda response: response.type_url == VHDS)
    live.publish(host("r", "a.test", "a"), removed=[cluster("v2"), live.endpoints("v2")])
    for _ in range(3):  # round trips, in which a removal would have come along
        assert accepted(await live.tap.injected(EDS))
    assert "v2" in await live.envoy.clusters()
    live.tap.release()
    await live.taken(CDS, "v2")
    pushed = live.stream.responses[live.stream.mark :]
    order = [r.type_url for r in pushed if r.type_url in (CDS, VHDS)]
    assert order == [VHDS, CDS]


@rules("X-81", "X-02")
async def test_a_subset_that_comes_across_a_reconnect_costs_no_request(live: World) -> None:
    """The stream ends when Envoy has the cluster and not yet its endpoints."""
    load = Load(live)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(load.run())
        live.tap.hold(lambda response: response.type_url == EDS)
        live.publish(host("r", "a.test", "v2"), cluster("v2"), live.endpoints("v2", "two"))
        await live.stream.asked(EDS, "v2")
        await load.more()
        await live.tap.reconnected(meanwhile=live.tap.forget)
        await live.answers("a.test", 200, "two")
        await load.more()
        load.stop()
    assert set(load.statuses) == {200}


@rules("X-81", "X-60")
async def test_a_subset_that_goes_while_there_is_no_stream_costs_no_request(live: World) -> None:
    live.publish(host("r", "a.test", "v2"), cluster("v2"), live.endpoints("v2", "two"))
    await live.answers("a.test", 200, "two")
    load = Load(live)

    def gone() -> None:
        live.publish(host("r", "a.test", "a"), removed=[cluster("v2"), live.endpoints("v2", "two")])

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(load.run())
        await load.more()
        await live.tap.reconnected(meanwhile=gone)
        await live.taken(CDS, "v2")
        await load.more()
        load.stop()
    assert set(load.statuses) == {200}
    assert "v2" not in await live.envoy.clusters()
