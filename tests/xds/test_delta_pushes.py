"""The delta stream: pushes, their order and their end, and how far a client has come."""

import pytest

from tests.xds.resources import (
    cluster,
    endpoints,
    listener,
    one_of_everything,
    remove,
    upsert,
    virtual_host,
)
from tests.xds.rules import rules
from tests.xds.scripted import Scripted, told
from xds.errors import Reconnect
from xds.limits import Limits
from xds.publisher import Publisher
from xds.types import PUSH_ORDER, short_name


@pytest.fixture
def client(publisher: Publisher) -> Scripted:
    """A client of the part `p`, which holds one of everything."""
    publisher.publish({"p": one_of_everything()})
    return Scripted(publisher)


@rules("X-80")
def test_one_push_goes_in_the_order_of_types(client: Scripted, publisher: Publisher) -> None:
    for kind, subscribe in _EVERYTHING:
        client.sync(kind, subscribe)
    publisher.publish({"p": one_of_everything(2)})
    pushed = [r[0] for r in told(client.settle())]
    assert sorted(pushed) == sorted(short_name(type_url) for type_url in PUSH_ORDER)
    # Secrets are no part of the order: a cluster may need one to become warm.
    assert [kind for kind in pushed if kind != "sds"] == ["cds", "eds", "lds", "rds", "vhds"]


@rules("X-86")
def test_a_slow_client_skips_to_the_newest(client: Scripted, publisher: Publisher) -> None:
    (response,) = client.ask("lds")
    for version in (2, 3, 4):
        publisher.publish({"p": upsert(lds=[listener("l", version)])})
        assert client.poll() == []
    (newest,) = client.ack(response)
    assert newest.resources[0].version == listener("l", 4).version
    assert client.ack(newest) == []


def test_a_client_that_never_answers_is_sent_away_once_there_is_news(
    client: Scripted, publisher: Publisher
) -> None:
    client.sync("cds")
    client.ask("lds")
    assert client.later(3600) == []
    publisher.publish({"p": upsert(lds=[listener("l", 2)])})
    with pytest.raises(Reconnect, match="not acknowledged"):
        client.poll()


def test_the_wait_for_an_answer_has_a_deadline(client: Scripted, publisher: Publisher) -> None:
    client.sync("cds")
    client.ask("lds")
    publisher.publish({"p": upsert(lds=[listener("l", 2)])})
    client.poll()
    assert client.stream.next_wakeup() == client.now + Limits().ack_timeout


def test_a_dropped_part_sends_its_clients_away(client: Scripted, publisher: Publisher) -> None:
    client.sync("cds")
    publisher.drop("p")
    assert client.woken == 1
    with pytest.raises(Reconnect, match="selected anew"):
        client.poll()


def test_a_client_that_slept_through_forgotten_removals_is_sent_away() -> None:
    publisher = Publisher(tombstones=1)
    publisher.publish({"p": upsert(lds=[listener(name) for name in "abc"])})
    client = Scripted(publisher)
    client.sync("lds")
    publisher.publish({"p": remove(lds=["a"])})
    publisher.publish({"p": remove(lds=["b"])})
    with pytest.raises(Reconnect, match="too far behind"):
        client.poll()


def test_types_that_are_not_told_of_removals_cannot_miss_them() -> None:
    publisher = Publisher(tombstones=1)
    publisher.publish({"p": upsert(eds=[endpoints(name) for name in "abc"])})
    client = Scripted(publisher)
    client.sync("eds", "abc")
    publisher.publish({"p": remove(eds=["a", "b"])})
    assert client.poll() == []


def test_a_closed_stream_has_no_more_interest_in_its_parts(
    client: Scripted, publisher: Publisher
) -> None:
    assert publisher.interest("p") == 1
    client.stream.close()
    client.stream.close()
    assert publisher.interest("p") == 0


# How far a client has come


def test_acknowledged_is_the_newest_generation_that_is_all_accepted(
    client: Scripted, publisher: Publisher
) -> None:
    assert client.stream.acknowledged() == -1
    (first,) = client.ask("cds")
    assert client.stream.acknowledged() == -1
    client.ack(first)
    assert client.stream.acknowledged() == 1
    publisher.publish({"elsewhere": upsert(cds=[cluster("z")])})
    assert client.stream.acknowledged() == 2
    publisher.publish({"p": upsert(cds=[cluster("a", 2)])})
    assert client.stream.acknowledged() == 1
    (second,) = client.poll()
    client.nack(second)
    client.poll()
    assert client.stream.acknowledged() == 1
    publisher.publish({"p": upsert(cds=[cluster("a", 3)])})
    client.settle()
    assert client.stream.acknowledged() == 4


def test_one_rejected_chunk_keeps_its_generation_unaccepted() -> None:
    publisher = Publisher(chunk_bytes=10)
    publisher.publish({"p": upsert(lds=[listener("a"), listener("b")])})
    client = Scripted(publisher)
    good, bad = client.ask("lds")
    client.nack(bad)
    client.ack(good)
    assert client.stream.acknowledged() == -1


def test_equal_streams_share_what_is_computed(publisher: Publisher) -> None:
    publisher.publish({"p": one_of_everything(1)})
    clients = [Scripted(publisher) for _ in range(20)]
    for client in clients:
        for kind, subscribe in _EVERYTHING:
            client.sync(kind, subscribe)
    made = publisher.slices.made
    publisher.publish({"p": upsert(vhds=[virtual_host("80/x", "a", 2)])})
    for client in clients:
        assert told(client.settle()) == [("vhds", ["80/x"], [])]
    assert publisher.slices.made == made + 1


_EVERYTHING: tuple[tuple[str, list[str]], ...] = (
    ("cds", []),
    ("eds", ["a"]),
    ("lds", []),
    ("rds", ["80"]),
    ("vhds", []),
    ("sds", ["s"]),
)
