"""The delta stream: what is asked for and given up, and what is answered."""

import pytest

from tests.xds.resources import (
    cluster,
    endpoints,
    one_of_everything,
    raw,
    remove,
    upsert,
)
from tests.xds.rules import rules
from tests.xds.scripted import Scripted, names, told
from xds.publisher import PartChange, Publisher
from xds.types import LDS


@pytest.fixture
def client(publisher: Publisher) -> Scripted:
    """A client of the part `p`, which holds one of everything."""
    publisher.publish({"p": one_of_everything()})
    return Scripted(publisher)


@rules("X-40")
def test_a_wildcard_is_answered_even_with_nothing(publisher: Publisher) -> None:
    publisher.publish({"p": PartChange()})
    client = Scripted(publisher)
    assert told(client.ask("cds")) == [("cds", [], [])]
    assert told(client.ask("lds")) == [("lds", [], [])]


@rules("X-125")
def test_an_empty_table_of_virtual_hosts_is_not_answered(publisher: Publisher) -> None:
    publisher.publish({"p": PartChange()})
    assert Scripted(publisher).ask("vhds") == []


@rules("X-42")
def test_an_empty_request_lists_no_secrets(client: Scripted) -> None:
    assert client.ask("sds") == []
    assert told(client.ask("sds", ["*"])) == [("sds", [], ["*"])]


@rules("X-41")
def test_the_explicit_star_gives_everything(client: Scripted) -> None:
    assert told(client.ask("cds", ["*"])) == [("cds", ["a"], [])]


@rules("X-43")
def test_subscribing_again_is_answered_though_nothing_changed(client: Scripted) -> None:
    client.sync("eds", ["a"])
    assert told(client.ask("eds", ["a"])) == [("eds", ["a"], [])]


@rules("X-44", "X-45")
def test_unsubscribing_is_not_answered(client: Scripted, publisher: Publisher) -> None:
    client.sync("eds", ["a"])
    assert client.ask("eds", [], ["a", "never"]) == []
    publisher.publish({"p": upsert(eds=[endpoints("a", 2)])})
    assert client.poll() == []


@rules("X-45")
def test_a_wildcard_client_that_gives_up_a_name_is_told_about_it(client: Scripted) -> None:
    client.sync("cds", ["*", "a", "nowhere"])
    assert told(client.ask("cds", [], ["a", "nowhere"])) == [("cds", ["a"], ["nowhere"])]


@rules("X-45")
def test_a_virtual_host_that_is_given_up_and_not_in_the_wildcard_is_removed(
    client: Scripted,
) -> None:
    client.sync("vhds", ["*", "80/x"])
    assert told(client.ask("vhds", [], ["80/x"])) == [("vhds", [], ["80/x"])]


def test_a_name_that_is_given_up_before_its_answer_needs_none(client: Scripted) -> None:
    client.send("eds", ["a"])
    client.send("eds", [], ["a"])
    assert client.poll() == []


@rules("X-46", "X-47")
def test_a_missing_name_is_answered_at_once_and_pushed_when_it_appears(
    client: Scripted, publisher: Publisher
) -> None:
    assert told(client.sync("eds", ["later"])) == [("eds", [], ["later"])]
    publisher.publish({"p": upsert(eds=[endpoints("later")])})
    assert told(client.settle()) == [("eds", ["later"], [])]


@rules("X-46")
def test_names_of_several_parts_are_answered_together(publisher: Publisher) -> None:
    publisher.publish({"p": upsert(eds=[endpoints("a")]), "q": upsert(eds=[endpoints("b")])})
    client = Scripted(publisher, ("p", "q"))
    assert told(client.ask("eds", ["a", "b", "c"])) == [("eds", ["a", "b"], ["c"])]


@rules("X-120")
def test_an_unknown_virtual_host_is_answered_as_absent(client: Scripted) -> None:
    client.ask("rds", ["80"])
    (response,) = client.ask("vhds", ["80/nobody"])
    (entry,) = response.resources
    assert (entry.name, list(entry.aliases)) == ("80/nobody", ["80/nobody"])
    assert not entry.HasField("resource")
    assert not response.removed_resources


@rules("X-48")
def test_endpoints_are_sent_again_to_a_client_that_ignored_them(client: Scripted) -> None:
    client.sync("eds", ["a"])
    client.sync("cds")
    assert told(client.ask("eds", ["a"])) == [("eds", ["a"], [])]


@rules("X-105")
def test_endpoints_that_vanish_are_removed_only_as_an_answer(
    client: Scripted, publisher: Publisher
) -> None:
    client.sync("eds", ["a"])
    publisher.publish({"p": remove(eds=["a"])})
    assert client.poll() == []
    assert told(client.ask("eds", ["a"])) == [("eds", [], ["a"])]


@rules("X-108")
def test_a_publish_of_the_same_content_sends_nothing(
    client: Scripted, publisher: Publisher
) -> None:
    client.sync("cds")
    publisher.publish({"p": upsert(cds=[cluster("a")])})
    assert (client.woken, client.poll()) == (0, [])


@rules("X-109")
def test_large_configurations_travel_in_chunks_and_are_acknowledged_as_one() -> None:
    publisher = Publisher(chunk_bytes=1000)
    publisher.publish(
        {
            "p": upsert(lds=[raw(LDS, f"p{n}", 600) for n in range(3)]),
            "q": upsert(lds=[raw(LDS, f"q{n}", 100) for n in range(2)]),
        }
    )
    client = Scripted(publisher, ("p", "q"))
    responses = client.ask("lds")
    assert [names(r) for r in responses] == [["p0"], ["p1"], ["p2"], ["q0", "q1"]]
    publisher.publish({"p": upsert(lds=[raw(LDS, "p0", 5)])})
    for response in responses[:3]:
        assert client.ack(response) == []
        assert client.stream.acknowledged() == -1
    assert told(client.ack(responses[3])) == [("lds", ["p0"], [])]
    assert client.stream.acknowledged() == 1
