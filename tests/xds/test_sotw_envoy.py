"""The real Envoy over state of the world: what `SotwStream` takes for granted about it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from envoy.config.core.v3 import base_pb2
from envoy.config.route.v3 import route_components_pb2, route_pb2

from tests.envoy_process import running_envoy
from tests.ports import free_port
from tests.xds import real_envoy as real
from tests.xds.rules import rules
from xds.auth import Identity, Selection, accept_anybody
from xds.errors import Forbidden
from xds.metrics import Metrics
from xds.publisher import PartChange, Publisher
from xds.resource import Resource, resource
from xds.server import Server, ServerSettings
from xds.types import CDS, EDS, LDS, RDS

pytestmark = pytest.mark.envoy

QUICK = 12.0
"""Seconds: Envoy gives up on what does not come after 15."""


def route(name: str, cluster: str) -> Resource:
    """A complete route configuration that sends everything to one cluster."""
    action = route_components_pb2.RouteAction(cluster=cluster)
    match = route_components_pb2.RouteMatch(prefix="/")
    everything = route_components_pb2.VirtualHost(
        name="everything",
        domains=["*"],
        routes=[route_components_pb2.Route(match=match, route=action)],
    )
    return resource(RDS, name, route_pb2.RouteConfiguration(name=name, virtual_hosts=[everything]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """An Envoy that serves `web` on `port`, and what configures it."""

    publisher: Publisher
    server: Server
    metrics: Metrics
    port: int

    async def publish(self, change: PartChange) -> None:
        """Publish, and wait until Envoy has accepted it."""
        generation = self.publisher.publish({"p": change})
        async with asyncio.timeout(real.PATIENCE):
            await self.server.clients.settled(generation)

    def pushes(self) -> float:
        """How many responses were sent so far."""
        value = self.metrics.registry.get_sample_value
        kinds = ("cds", "eds", "lds", "rds")
        return sum(value("heddle_xds_pushes_total", {"type": kind}) or 0 for kind in kinds)

    def rejects(self) -> list[str]:
        """What Envoy rejected."""
        return [
            status.nack.message
            for client in self.server.clients.snapshot()
            for status in client.types.values()
            if status.nack is not None
        ]


@pytest.fixture
async def running(envoy_binary: Path, repo_root: Path, tmp_path: Path) -> AsyncIterator[Running]:
    """Cluster `a` with one backend, and a route configuration that sends all to it."""
    port = free_port()
    async with AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(real.backend("from a"))
        publisher = Publisher()
        publisher.publish(
            {
                "p": PartChange(
                    upserts={
                        CDS: [real.cluster("a")],
                        EDS: [real.endpoints("a", upstream)],
                        LDS: [real.listener("l", port, "web")],
                        RDS: [route("web", "a")],
                    }
                )
            }
        )
        metrics = Metrics()
        server = Server(
            publisher,
            authenticate=accept_anybody,
            resolve=_refuse,
            resolve_sotw=_select,
            wall=lambda: 0.0,
            settings=ServerSettings(plaintext=True, drain=0.1),
            metrics=metrics,
        )
        ads = await server.start()
        stack.push_async_callback(server.stop)
        example = (repo_root / "examples/xds/bootstrap.yaml").read_text()
        config = yaml.safe_load(example.replace("DELTA_GRPC", "GRPC").replace("18000", str(ads)))
        await stack.enter_async_context(running_envoy(envoy_binary, tmp_path, config))
        await real.until_answered(port, lambda got: got == (200, "from a"))
        yield Running(publisher=publisher, server=server, metrics=metrics, port=port)


async def _refuse(node: base_pb2.Node, identity: Identity) -> Selection:
    raise Forbidden(f"{node.id} does not speak delta, {identity.name}")


async def _select(node: base_pb2.Node, identity: Identity) -> Selection:
    del node, identity
    return Selection(parts=("p",))


@asynccontextmanager
async def _load(port: int) -> AsyncIterator[set[tuple[int, str]]]:
    """Requests one after the other while the block runs; all the answers that there were."""
    answers: set[tuple[int, str]] = set()
    over = False

    async def ask() -> None:
        while not over:
            answers.add(await real.get(port))

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(ask())
        try:
            yield answers
        finally:
            over = True


@rules("X-20+X-50")
async def test_an_envoy_boots_with_one_response_of_each_type(running: Running) -> None:
    async with asyncio.timeout(QUICK):
        await running.server.clients.settled(running.publisher.generation)
    assert running.rejects() == []
    assert running.pushes() == 4


@rules("X-29+X-81")
async def test_a_cluster_and_its_route_in_one_publish_lose_no_request(running: Running) -> None:
    async with real.backend("from b") as upstream, _load(running.port) as answers:
        for turn in range(5):
            name = f"b{turn}"
            await running.publish(
                PartChange(
                    upserts={
                        CDS: [real.cluster(name)],
                        EDS: [real.endpoints(name, upstream)],
                        RDS: [route("web", name)],
                    }
                )
            )
            assert await real.get(running.port) == (200, "from b")
            await running.publish(
                PartChange(upserts={RDS: [route("web", "a")]}, removals={CDS: [name], EDS: [name]})
            )
    assert answers == {(200, "from a"), (200, "from b")}
    assert running.rejects() == []


@rules("X-83")
async def test_a_changed_cluster_gets_its_endpoints_without_asking(running: Running) -> None:
    async with _load(running.port) as answers:
        async with asyncio.timeout(QUICK):
            await running.publish(PartChange(upserts={CDS: [real.cluster("a", timeout=2)]}))
    assert answers == {(200, "from a")}


@rules("X-50")
async def test_a_listener_that_is_gone_from_the_state_is_closed(running: Running) -> None:
    await running.publish(PartChange(removals={LDS: ["l"]}))
    await real.until_answered(running.port, lambda got: got[0] == 0)


@rules("X-60")
async def test_a_reconnect_sends_nothing_again(running: Running) -> None:
    clients = running.server.clients
    async with asyncio.timeout(QUICK):
        await clients.settled(running.publisher.generation)
    before = running.pushes()
    (old,) = clients.snapshot()
    running.server.close_streams(lambda client: client.id == old.id)
    async with asyncio.timeout(real.PATIENCE):
        while not any(len(c.types) == 4 for c in clients.snapshot() if c.id != old.id):
            await clients.changed(clients.revision)
        await clients.settled(running.publisher.generation)
    assert running.pushes() == before


@rules("X-60+X-61+X-81")
async def test_what_changed_while_away_is_sent_on_reconnect(running: Running) -> None:
    async with real.backend("from b") as upstream, _load(running.port) as answers:
        running.server.close_streams(lambda _: True)
        running.publisher.publish(
            {
                "p": PartChange(
                    upserts={
                        CDS: [real.cluster("a", timeout=3), real.cluster("b")],
                        EDS: [real.endpoints("b", upstream)],
                        RDS: [route("web", "b")],
                    }
                )
            }
        )
        await real.until_answered(running.port, lambda got: got == (200, "from b"))
        async with asyncio.timeout(QUICK):
            await running.server.clients.settled(running.publisher.generation)
    assert answers == {(200, "from a"), (200, "from b")}


@rules("X-21+X-23")
async def test_a_rejected_listener_stops_no_other_type(running: Running) -> None:
    clients = running.server.clients
    running.publisher.publish({"p": PartChange(upserts={LDS: [real.bad_listener("bad")]})})
    async with asyncio.timeout(real.PATIENCE):
        while not running.rejects():
            await clients.changed(clients.revision)
    before = running.pushes()
    async with real.backend("from b") as upstream:
        change = PartChange(upserts={EDS: [real.endpoints("a", upstream)]})
        running.publisher.publish({"p": change})
        await real.until_answered(running.port, lambda got: got == (200, "from b"))
    assert running.pushes() == before + 1


@rules("X-103+X-23")
async def test_what_is_good_beside_a_rejected_listener_is_accepted(running: Running) -> None:
    """Each response is the whole state, so the bad one is left out of it until it changes."""
    clients, other = running.server.clients, free_port()
    good = real.listener("good", other, "web")
    running.publisher.publish({"p": PartChange(upserts={LDS: [real.bad_listener("bad"), good]})})
    async with asyncio.timeout(real.PATIENCE):
        while not (kept := clients.snapshot()[0].types[LDS].quarantined):
            await clients.changed(clients.revision)
    assert [each.name for each in kept] == ["bad"]
    await real.until_answered(other, lambda got: got == (200, "from a"))
    before = running.pushes()
    mended = real.listener("bad", free_port(), "web")
    await running.publish(PartChange(upserts={LDS: [mended]}))
    assert running.pushes() == before + 1
    assert not clients.snapshot()[0].types[LDS].rejected
