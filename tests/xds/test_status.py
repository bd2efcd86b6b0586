"""Who has come how far, and waiting for it."""

import asyncio

import pytest

from tests.xds.resources import cluster, upsert
from tests.xds.scripted import Scripted
from xds.publisher import Publisher
from xds.status import Client, Clients
from xds.types import CDS


class Connected:
    """Scripted clients in a registry, which is told of each of their messages."""

    def __init__(self, publisher: Publisher) -> None:
        self.clients = Clients()
        self.publisher = publisher
        publisher.publish({"p": upsert(cds=[cluster("a")])})

    def connect(self, number: int) -> tuple[Scripted, Client]:
        scripted = Scripted(self.publisher)
        client = Client(
            id=number,
            node=f"n{number}",
            identity="i",
            peer="ipv4:x",
            key=None,
            since=5.0,
            stream=scripted.stream,
        )
        self.clients.add(client)
        return scripted, client


@pytest.fixture
def connected(publisher: Publisher) -> Connected:
    return Connected(publisher)


def test_a_snapshot_shows_each_type_of_each_client(connected: Connected) -> None:
    scripted, _ = connected.connect(1)
    (response,) = scripted.ask("cds")
    scripted.nack(response, "bad cluster")
    (status,) = connected.clients.snapshot()
    seen = status.types[CDS]
    assert (status.id, status.node, status.since, status.acknowledged) == (1, "n1", 5.0, -1)
    assert (seen.sent, seen.acked, seen.in_flight, seen.rejected) == (1, -1, 0, True)
    assert seen.nack is not None
    assert seen.nack.message == "bad cluster"


async def test_settled_waits_for_the_last_client(connected: Connected) -> None:
    (one, first), (two, second) = connected.connect(1), connected.connect(2)
    one.sync("cds")
    answers = two.ask("cds")
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        wait = tasks.create_task(connected.clients.settled(1))
        await asyncio.sleep(0)  # the tasks begin
        connected.clients.touch(first)
        connected.clients.touch(second)
        assert not wait.done()
        two.ack(answers[0])
        connected.clients.touch(second)
        await wait
    await connected.clients.settled(1)
    assert connected.clients._waits == []


async def test_settled_does_not_wait_for_clients_that_leave(connected: Connected) -> None:
    _, client = connected.connect(1)
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        tasks.create_task(connected.clients.settled(1))
        await asyncio.sleep(0)  # the tasks begin
        connected.clients.remove(client)
        connected.clients.remove(client)
    assert len(connected.clients) == 0


async def test_settled_can_be_given_up(connected: Connected) -> None:
    connected.connect(1)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await connected.clients.settled(1)
    assert connected.clients._waits == []


async def test_a_change_is_seen_by_all_who_wait_and_by_who_comes_late(
    connected: Connected,
) -> None:
    before = connected.clients.revision
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        waits = [tasks.create_task(connected.clients.changed(before)) for _ in range(2)]
        await asyncio.sleep(0)  # the tasks begin
        waits.append(tasks.create_task(connected.clients.changed(before)))
        waits[2].cancel()
        connected.connect(1)
    assert [wait.result() for wait in waits[:2]] == [before + 1] * 2
    assert await connected.clients.changed(before) == before + 1


async def test_waiting_for_a_change_can_be_given_up(connected: Connected) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await connected.clients.changed(connected.clients.revision)
    assert connected.clients._changed == []
