"""The real Envoy as the client, with resources written by hand."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from envoy.config.core.v3 import base_pb2

from tests.ports import free_port
from tests.xds import real_envoy as real
from tests.xds.rules import rules
from xds.auth import Identity, Selection, accept_anybody
from xds.metrics import Metrics
from xds.publisher import PartChange, Publisher
from xds.server import Server, ServerSettings
from xds.types import CDS, EDS, LDS, RDS, VHDS

pytestmark = pytest.mark.envoy


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """An Envoy that serves `80` on `port`, and what configures it."""

    publisher: Publisher
    server: Server
    metrics: Metrics
    port: int

    async def publish(self, change: PartChange) -> None:
        """Publish, and wait until Envoy has accepted it."""
        generation = self.publisher.publish({"p": change})
        await self.settled(generation)

    async def settled(self, generation: int) -> None:
        async with asyncio.timeout(real.PATIENCE):
            await self.server.clients.settled(generation)

    def pushes(self) -> float:
        """How many responses were sent so far."""
        kinds = ("cds", "eds", "lds", "rds", "vhds", "sds", "other")
        value = self.metrics.registry.get_sample_value
        return sum(value("heddle_xds_pushes_total", {"type": kind}) or 0 for kind in kinds)

    def rejects(self) -> list[str]:
        """What Envoy rejected."""
        return [
            status.nack.message
            for client in self.server.clients.snapshot()
            for status in client.types.values()
            if status.nack is not None
        ]


async def _resolve(node: base_pb2.Node, identity: Identity) -> Selection:
    del node, identity
    return Selection(parts=("p",))


@pytest.fixture
async def running(envoy_binary: Path, tmp_path: Path) -> AsyncIterator[Running]:
    """Cluster `a` with one backend, and route configuration `80` with a virtual host for all."""
    port = free_port()
    async with real.backend("from a") as upstream:
        publisher = Publisher()
        publisher.publish(
            {
                "p": PartChange(
                    upserts={
                        CDS: [real.cluster("a")],
                        EDS: [real.endpoints("a", upstream)],
                        LDS: [real.listener("l", port, "80")],
                        RDS: [real.route("80")],
                        VHDS: [real.virtual_host("80/*", "*", "a")],
                    }
                )
            }
        )
        async with (
            _served(publisher) as (server, metrics, ads),
            real.envoy(envoy_binary, tmp_path, ads),
        ):
            await real.until_answered(port, lambda got: got == (200, "from a"))
            yield Running(publisher=publisher, server=server, metrics=metrics, port=port)


@asynccontextmanager
async def _served(publisher: Publisher) -> AsyncIterator[tuple[Server, Metrics, int]]:
    metrics = Metrics()
    server = Server(
        publisher,
        authenticate=accept_anybody,
        resolve=_resolve,
        wall=lambda: 0.0,
        settings=ServerSettings(plaintext=True, drain=0.1),
        metrics=metrics,
    )
    port = await server.start()
    try:
        yield server, metrics, port
    finally:
        await server.stop()


@rules("X-123", "X-125")
async def test_a_listener_serves_once_its_virtual_hosts_are_there(running: Running) -> None:
    await running.settled(running.publisher.generation)
    assert running.rejects() == []
    assert running.pushes() == 5


@rules("X-124")
async def test_an_edit_of_a_virtual_host_takes_effect_and_so_does_its_removal(
    running: Running,
) -> None:
    before = running.pushes()
    await running.publish(PartChange(upserts={VHDS: [real.answer("80/x", "x", "hello")]}))
    assert await real.get(running.port, "x") == (200, "hello")
    await running.publish(PartChange(upserts={VHDS: [real.answer("80/x", "x", "again")]}))
    assert await real.get(running.port, "x") == (200, "again")
    await running.publish(PartChange(removals={VHDS: ["80/x"]}))
    assert await real.get(running.port, "x") == (200, "from a")
    assert running.pushes() - before == 3


@rules("X-129")
async def test_a_domain_moves_from_one_virtual_host_to_another(running: Running) -> None:
    await running.publish(PartChange(upserts={VHDS: [real.answer("80/x", "x", "one")]}))
    await running.publish(
        PartChange(upserts={VHDS: [real.answer("80/y", "x", "two")]}, removals={VHDS: ["80/x"]})
    )
    assert await real.get(running.port, "x") == (200, "two")
    assert running.rejects() == []


@rules("X-126")
async def test_an_update_of_a_route_configuration_keeps_its_virtual_hosts(
    running: Running,
) -> None:
    await running.publish(PartChange(upserts={RDS: [real.route("80", hidden=["x-other"])]}))
    assert await real.get(running.port) == (200, "from a")


@rules("X-123")
async def test_a_second_route_configuration_comes_with_its_table(running: Running) -> None:
    port = free_port()
    await running.publish(
        PartChange(
            upserts={
                LDS: [real.listener("m", port, "90")],
                RDS: [real.route("90")],
                VHDS: [real.answer("90/*", "*", "ninety")],
            }
        )
    )
    await real.until_answered(port, lambda got: got == (200, "ninety"))


@rules("X-29", "X-81")
async def test_a_cluster_and_its_route_in_one_publish_lose_no_request(running: Running) -> None:
    async with real.backend("from b") as upstream, _load(running.port) as answers:
        for turn in range(5):
            name = f"b{turn}"
            await running.publish(
                PartChange(
                    upserts={
                        CDS: [real.cluster(name)],
                        EDS: [real.endpoints(name, upstream)],
                        VHDS: [real.virtual_host("80/*", "*", name)],
                    }
                )
            )
            assert await real.get(running.port) == (200, "from b")
            await running.publish(
                PartChange(
                    upserts={VHDS: [real.virtual_host("80/*", "*", "a")]},
                    removals={CDS: [name], EDS: [name]},
                )
            )
    assert {status for status, _ in answers} == {200}
    assert {body for _, body in answers} == {"from a", "from b"}
    assert running.rejects() == []


@rules("X-83", "X-84")
async def test_a_changed_cluster_gets_its_endpoints_without_asking(running: Running) -> None:
    async with _load(running.port) as answers:
        async with asyncio.timeout(12):  # without them it would take Envoy 15 s to give up
            await running.publish(PartChange(upserts={CDS: [real.cluster("a", timeout=2)]}))
    assert {status for status, _ in answers} == {200}


@rules("X-46", "X-64")
async def test_a_cluster_without_endpoints_does_not_stay_warming(running: Running) -> None:
    async with asyncio.timeout(12):
        await running.publish(PartChange(upserts={CDS: [real.cluster("empty")]}))


@rules("X-60", "X-127")
async def test_a_reconnect_sends_nothing_again(running: Running) -> None:
    await running.settled(running.publisher.generation)
    before = running.pushes()
    (old,) = running.server.clients.snapshot()
    assert running.server.close_streams(lambda client: client.id == old.id) == 1
    async with asyncio.timeout(real.PATIENCE):
        while len(running.server.clients) != 0:
            await running.server.clients.changed(running.server.clients.revision)
        while not _asked_for(running.server, {CDS, EDS, LDS, RDS, VHDS}):
            await running.server.clients.changed(running.server.clients.revision)
    await running.settled(running.publisher.generation)
    assert running.pushes() == before
    await running.publish(PartChange(upserts={VHDS: [real.answer("80/x", "x", "hello")]}))
    assert running.pushes() == before + 1
    assert await real.get(running.port, "x") == (200, "hello")


@rules("X-60", "X-61", "X-81")
async def test_what_changed_while_away_is_sent_on_reconnect(
    running: Running,
) -> None:
    async with real.backend("from b") as upstream, _load(running.port) as answers:
        running.server.close_streams(lambda _: True)
        running.publisher.publish(
            {
                "p": PartChange(
                    upserts={
                        CDS: [real.cluster("a", timeout=3), real.cluster("b")],
                        EDS: [real.endpoints("b", upstream)],
                        VHDS: [real.virtual_host("80/*", "*", "b")],
                    }
                )
            }
        )
        await real.until_answered(running.port, lambda got: got == (200, "from b"))
        await running.settled(running.publisher.generation)
    assert {status for status, _ in answers} == {200}


@rules("X-23", "X-07")
async def test_a_rejected_resource_stops_no_other_type(running: Running) -> None:
    generation = running.publisher.publish(
        {"p": PartChange(upserts={LDS: [real.bad_listener("bad")]})}
    )
    async with asyncio.timeout(real.PATIENCE):
        while not running.rejects():
            await running.server.clients.changed(running.server.clients.revision)
    assert generation == running.publisher.generation
    before = running.pushes()
    running.publisher.publish(
        {"p": PartChange(upserts={VHDS: [real.answer("80/x", "x", "hello")]})}
    )
    await real.until_answered(running.port, lambda got: got == (200, "from a"))
    async with asyncio.timeout(real.PATIENCE):
        while await real.get(running.port, "x") != (200, "hello"):
            await running.server.clients.changed(running.server.clients.revision)
    assert running.pushes() == before + 1


def _asked_for(server: Server, types: set[str]) -> bool:
    return any(set(client.types) == types for client in server.clients.snapshot())


@asynccontextmanager
async def _load(port: int) -> AsyncIterator[list[tuple[int, str]]]:
    """Requests, one after the other, for as long as the block lasts."""
    answers: list[tuple[int, str]] = []
    over = False

    async def ask() -> None:
        while not over:
            answers.append(await real.get(port))

    async with asyncio.TaskGroup() as tasks:
        for _ in range(4):
            tasks.create_task(ask())
        try:
            yield answers
        finally:
            over = True
