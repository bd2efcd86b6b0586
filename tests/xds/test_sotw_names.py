"""The state-of-the-world stream: names, and what is sent when something changes or does not."""

import pytest

from tests.xds.resources import (
    cluster,
    endpoints,
    listener,
    one_of_everything,
    remove,
    upsert,
)
from tests.xds.rules import rules
from tests.xds.sotw_scripted import SotwScripted, names, told
from xds.errors import Reconnect, TooMuch
from xds.limits import Limits, NameLimits
from xds.publisher import PartChange, Publisher
from xds.standing import NEVER


@pytest.fixture
def client(publisher: Publisher) -> SotwScripted:
    """A client of the part `p`, which holds one of everything."""
    publisher.publish({"p": one_of_everything()})
    return SotwScripted(publisher)


@rules("X-40")
@pytest.mark.parametrize("asked", [[], ["*"], ["*", "a"]])
def test_no_names_or_a_star_mean_all_clusters(publisher: Publisher, asked: list[str]) -> None:
    publisher.publish({"p": upsert(cds=[cluster("a"), cluster("b")])})
    assert told(SotwScripted(publisher).ask("cds", asked)) == [("cds", ["a", "b"])]


@rules("X-41")
def test_a_client_that_named_something_once_never_falls_back_to_everything(
    publisher: Publisher,
) -> None:
    publisher.publish({"p": upsert(cds=[cluster("a"), cluster("b")])})
    client = SotwScripted(publisher)
    (response,) = client.ask("cds", ["a"])
    assert told([response]) == [("cds", ["a"])]
    assert client.ack(response, []) == []
    publisher.publish({"p": upsert(cds=[cluster("a", 2)])})
    assert client.poll() == []
    assert told(client.ask("cds", ["*"], nonce=response.nonce)) == [("cds", ["a", "b"])]


@rules("X-42")
@pytest.mark.parametrize("kind", ["eds", "rds", "sds"])
@pytest.mark.parametrize("asked", [[], ["*"]])
def test_only_clusters_and_listeners_can_be_had_without_their_names(
    client: SotwScripted, kind: str, asked: list[str]
) -> None:
    assert [names(response) for response in client.ask(kind, asked)] in ([], [[]])


@rules("X-46", "X-47")
def test_a_name_that_does_not_exist_is_absent_and_stays_subscribed(
    client: SotwScripted, publisher: Publisher
) -> None:
    (response,) = client.ask("eds", ["a", "b"])
    assert names(response) == ["a"]
    assert client.ack(response) == []
    publisher.publish({"p": upsert(eds=[endpoints("b")])})
    assert told(client.settle()) == [("eds", ["a", "b"])]


@rules("X-46")
def test_asking_for_more_that_does_not_exist_brings_nothing(client: SotwScripted) -> None:
    (response,) = client.ask("eds", ["a"])
    assert client.ack(response, ["a", "b"]) == []


@rules("X-50")
def test_the_names_of_a_request_replace_those_before_it(publisher: Publisher) -> None:
    publisher.publish({"p": upsert(eds=[endpoints("a"), endpoints("b"), endpoints("c")])})
    client = SotwScripted(publisher)
    (first,) = client.ask("eds", ["a", "b"])
    (second,) = client.ack(first, ["b", "c"])
    assert names(second) == ["b", "c"]
    client.ack(second)
    publisher.publish({"p": upsert(eds=[endpoints("a", 2)])})
    assert client.poll() == []


@rules("X-43+X-50")
def test_a_name_that_was_given_up_is_sent_when_it_is_asked_for_again(publisher: Publisher) -> None:
    publisher.publish({"p": upsert(eds=[endpoints("a"), endpoints("b")])})
    client = SotwScripted(publisher)
    (first,) = client.ask("eds", ["a", "b"])
    assert client.ack(first, ["a"]) == []
    assert told(client.ask("eds", ["a", "b"], nonce=first.nonce)) == [("eds", ["a", "b"])]


@rules("X-44")
def test_giving_names_up_loses_no_change_that_waits(publisher: Publisher) -> None:
    publisher.publish({"p": upsert(eds=[endpoints("a"), endpoints("b")])})
    client = SotwScripted(publisher)
    (first,) = client.ask("eds", ["a", "b"])
    publisher.publish({"p": upsert(eds=[endpoints("a", 2)])})
    assert client.poll() == []
    assert told(client.ack(first, ["a"])) == [("eds", ["a"])]


@rules("X-50")
def test_a_cluster_that_is_gone_is_absent_from_the_next_full_state(publisher: Publisher) -> None:
    publisher.publish({"p": upsert(lds=[listener("l"), listener("m")])})
    client = SotwScripted(publisher)
    client.sync("lds")
    publisher.publish({"p": remove(lds=["m"])})
    assert told(client.poll()) == [("lds", ["l"])]


@rules("X-50+X-105")
def test_a_removal_that_a_client_would_not_notice_is_not_sent(publisher: Publisher) -> None:
    publisher.publish({"p": upsert(eds=[endpoints("a"), endpoints("b")])})
    client = SotwScripted(publisher)
    client.sync("eds", ["a", "b"])
    publisher.publish({"p": remove(eds=["b"])})
    assert client.poll() == []
    publisher.publish({"p": upsert(eds=[endpoints("a", 2)])})
    assert told(client.poll()) == [("eds", ["a"])]


@pytest.mark.parametrize("asked", [["a", "b", "c"], ["x" * 9]])
def test_names_are_bounded(publisher: Publisher, asked: list[str]) -> None:
    publisher.publish({"p": upsert()})
    client = SotwScripted(publisher, limits=Limits(names=NameLimits(names=2, length=8)))
    with pytest.raises(TooMuch):
        client.send("eds", asked)


# Change and no change


@rules("X-108")
def test_what_does_not_concern_the_client_is_accepted_in_silence(
    client: SotwScripted, publisher: Publisher
) -> None:
    client.sync("eds", ["a"])
    publisher.publish({"p": upsert(eds=[endpoints("other")])})
    assert client.poll() == []
    assert client.stream.acknowledged() == publisher.generation


@rules("X-108")
def test_changes_that_cancel_out_are_not_sent(client: SotwScripted, publisher: Publisher) -> None:
    client.sync("cds")
    publisher.publish({"p": upsert(cds=[cluster("a", 2)])})
    publisher.publish({"p": upsert(cds=[cluster("a", 1)])})
    assert client.poll() == []


@rules("X-86")
def test_a_dropped_part_ends_the_stream(client: SotwScripted, publisher: Publisher) -> None:
    client.sync("cds")
    publisher.drop("p")
    with pytest.raises(Reconnect):
        client.poll()


def test_a_client_that_asked_for_nothing_has_accepted_nothing(client: SotwScripted) -> None:
    assert client.poll() == []
    assert client.stream.acknowledged() == NEVER


def test_streams_that_stand_at_one_state_share_its_bytes(publisher: Publisher) -> None:
    publisher.publish({"p": upsert(cds=[cluster("a")]), "q": PartChange()})
    clients = [SotwScripted(publisher, ("p", "q")) for _ in range(5)]
    for client in clients:
        client.sync("cds")
    publisher.publish({"q": upsert(cds=[cluster("b")])})
    assert [told(client.settle()) for client in clients] == [[("cds", ["a", "b"])]] * 5
    assert publisher.states.made == 2
