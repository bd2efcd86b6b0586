"""The state-of-the-world stream: nodes, types, nonces, ACKs and NACKs (X-01 to X-30)."""

import pytest

from tests.xds.resources import (
    cluster,
    endpoints,
    listener,
    one_of_everything,
    upsert,
)
from tests.xds.rules import rules
from tests.xds.sotw_scripted import SotwScripted, names, told
from xds.containment import Quarantined
from xds.errors import BadRequest, Reconnect
from xds.limits import Limits
from xds.publisher import Publisher
from xds.standing import NEVER, Nack
from xds.types import CDS, VHDS


@pytest.fixture
def client(publisher: Publisher) -> SotwScripted:
    """A client of the part `p`, which holds one of everything."""
    publisher.publish({"p": one_of_everything()})
    return SotwScripted(publisher)


class Recorder:
    """An observer that remembers."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, object]] = []

    def sent(self, type_url: str, size: int) -> None:
        self.seen.append(("sent", size))

    def acked(self, type_url: str, seconds: float) -> None:
        self.seen.append(("acked", seconds))

    def rejected(self, nack: Nack) -> None:
        self.seen.append(("rejected", (nack.message, nack.names)))

    def quarantined(self, what: Quarantined) -> None:
        self.seen.append(("quarantined", what.name))

    def lifted(self, type_url: str, count: int) -> None:
        self.seen.append(("lifted", count))

    def stale(self, type_url: str) -> None:
        self.seen.append(("stale", type_url))


# The stream, the node, the type


@rules("X-01")
def test_later_requests_may_leave_the_node_out_or_repeat_it(client: SotwScripted) -> None:
    client.send("cds", node="n")
    client.send("lds", node="n")
    client.send("rds")
    assert told(client.poll()) == [("cds", ["a"]), ("lds", ["l"])]


@rules("X-02")
@pytest.mark.parametrize(
    ("kind", "asked"),
    [("eds", ["a"]), ("lds", []), ("rds", ["80"]), ("sds", ["s"]), ("cds", [])],
)
def test_the_first_request_may_be_of_any_type(
    client: SotwScripted, kind: str, asked: list[str]
) -> None:
    (response,) = client.ask(kind, asked)
    assert len(names(response)) == 1


@rules("X-04")
def test_another_node_in_mid_stream_ends_the_stream(client: SotwScripted) -> None:
    client.ask("cds")
    with pytest.raises(BadRequest):
        client.send("cds", node="somebody else")


@rules("X-05")
def test_a_request_without_a_type_is_refused(client: SotwScripted) -> None:
    with pytest.raises(BadRequest):
        client.send("")


@rules("X-06")
@pytest.mark.parametrize("type_url", ["type.googleapis.com/some.Ecds", VHDS])
def test_a_type_that_is_not_served_is_ignored(client: SotwScripted, type_url: str) -> None:
    assert client.ask(type_url, ["80/x"]) == []
    assert told(client.ask("cds")) == [("cds", ["a"])]


@rules("X-07")
def test_an_answer_to_one_type_leaves_the_others_alone(client: SotwScripted) -> None:
    (clusters,) = client.ask("cds")
    (listeners,) = client.ask("lds")
    client.nack(listeners)
    client.ack(clusters)
    states = {exchange.type_url: exchange for exchange in client.stream.exchanges()}
    assert states[CDS].settled
    assert states[CDS].nack is None
    assert states[listeners.type_url].nack is not None


@rules("X-09")
def test_two_streams_of_a_node_live_and_end_on_their_own(
    client: SotwScripted, publisher: Publisher
) -> None:
    other = SotwScripted(publisher)
    other.sync("cds")
    client.sync("cds")
    other.stream.close()
    other.stream.close()
    publisher.publish({"p": upsert(cds=[cluster("b")])})
    assert (client.woken, other.woken) == (1, 0)
    assert told(client.poll()) == [("cds", ["a", "b"])]


# Nonces, ACK, NACK


@rules("X-20")
def test_every_response_has_a_nonce_of_its_own(client: SotwScripted, publisher: Publisher) -> None:
    seen = client.sync("cds") + client.sync("lds") + client.sync("eds", ["a"])
    publisher.publish({"p": upsert(cds=[cluster("a", 2)])})
    seen += client.settle()
    nonces = [response.nonce for response in seen]
    assert "" not in nonces
    assert len(set(nonces)) == len(nonces) == 5


@rules("X-21")
def test_a_nack_is_what_has_an_error_whatever_its_version(client: SotwScripted) -> None:
    (response,) = client.ask("cds")
    client.send("cds", version=response.version_info, nonce=response.nonce, error="no")
    (state,) = client.stream.exchanges()
    assert state.rejected


@rules("X-21")
def test_an_ack_is_what_has_none_whatever_its_version(client: SotwScripted) -> None:
    (response,) = client.ask("cds")
    client.send("cds", version="something else", nonce=response.nonce)
    assert client.stream.exchanges()[0].settled


@rules("X-22")
def test_a_pure_ack_is_never_answered(client: SotwScripted) -> None:
    (response,) = client.ask("eds", ["a"])
    assert client.ack(response) == []
    assert client.ack(response) == []


@rules("X-23")
def test_what_was_rejected_is_sent_again_only_when_it_changes(
    client: SotwScripted, publisher: Publisher
) -> None:
    (response,) = client.ask("cds")
    assert client.nack(response) == []
    assert client.later(1000) == []
    publisher.publish({"p": upsert(lds=[listener("l", 2)])})
    assert client.poll() == []
    publisher.publish({"p": upsert(cds=[cluster("a", 2)])})
    assert told(client.poll()) == [("cds", ["a"])]


@rules("X-23")
def test_a_later_acceptance_mends_a_rejection(client: SotwScripted, publisher: Publisher) -> None:
    (response,) = client.ask("cds")
    client.nack(response)
    assert client.stream.acknowledged() == NEVER
    publisher.publish({"p": upsert(cds=[cluster("a", 2)])})
    client.settle()
    assert client.stream.acknowledged() == publisher.generation
    (state,) = client.stream.exchanges()
    assert state.nack is not None
    assert not state.rejected


@rules("X-26")
def test_names_with_a_stale_nonce_are_ignored(publisher: Publisher) -> None:
    observer = Recorder()
    publisher.publish({"p": upsert(eds=[endpoints("a"), endpoints("b")])})
    client = SotwScripted(publisher, observer=observer)
    (first,) = client.ask("eds", ["a"])
    client.ack(first)
    publisher.publish({"p": upsert(eds=[endpoints("a", 2)])})
    (second,) = client.poll()
    assert client.ask("eds", ["a", "b"], nonce=first.nonce) == []
    assert observer.seen[-1] == ("stale", first.type_url)
    assert told(client.ack(second, ["a", "b"])) == [("eds", ["a", "b"])]


@rules("X-26")
def test_an_older_answer_counts_but_its_names_do_not(publisher: Publisher) -> None:
    publisher.publish({"p": upsert(cds=[cluster("a"), cluster("b")])})
    client = SotwScripted(publisher)
    (first,) = client.ask("cds", ["a"])
    publisher.publish({"p": upsert(cds=[cluster("a", 2)])})
    (second,) = client.poll()
    assert client.ack(first, ["a", "b"]) == []
    assert client.stream.acknowledged() == 1
    assert told(client.ack(second, ["a", "b"])) == [("cds", ["a", "b"])]


@rules("X-26")
def test_the_newest_request_before_a_response_supersedes_those_before_it(
    publisher: Publisher,
) -> None:
    publisher.publish({"p": upsert(eds=[endpoints("a"), endpoints("b")])})
    client = SotwScripted(publisher)
    client.send("eds", ["a"])
    client.send("eds", ["b"])
    assert told(client.poll()) == [("eds", ["b"])]


@rules("X-27")
def test_the_answer_to_the_newest_response_settles_those_before_it(publisher: Publisher) -> None:
    publisher.publish({"p": upsert(cds=[cluster("a")])})
    client = SotwScripted(publisher)
    client.ask("cds")
    publisher.publish({"p": upsert(cds=[cluster("b")])})
    (newest,) = client.poll()
    client.ack(newest)
    assert client.stream.acknowledged() == publisher.generation
    assert not client.stream.exchanges()[0].in_flight


def test_a_client_that_does_not_answer_gets_one_response_of_each_other_type(
    client: SotwScripted, publisher: Publisher
) -> None:
    client.ask("lds")
    publisher.publish({"p": upsert(lds=[listener("m")])})
    assert client.poll() == []
    assert client.stream.next_wakeup() == client.now + Limits().ack_timeout
    with pytest.raises(Reconnect):
        client.later(Limits().ack_timeout)


def test_clusters_have_a_bounded_window(publisher: Publisher) -> None:
    publisher.publish({"p": upsert(cds=[cluster("a")])})
    client = SotwScripted(publisher, limits=Limits(cluster_window=2))
    client.ask("cds")
    publisher.publish({"p": upsert(cds=[cluster("a", 2)])})
    (second,) = client.poll()
    publisher.publish({"p": upsert(cds=[cluster("a", 3)])})
    publisher.publish({"p": upsert(cds=[cluster("a", 4)])})
    assert client.poll() == []
    (newest,) = client.ack(second)
    assert client.ack(newest) == []
    assert client.stream.acknowledged() == publisher.generation


@rules("X-28")
def test_a_nonce_of_another_stream_makes_an_initial_request(client: SotwScripted) -> None:
    assert told(client.ask("cds", nonce="7")) == [("cds", ["a"])]


@rules("X-30")
def test_the_error_of_a_nack_is_made_safe_to_print(publisher: Publisher) -> None:
    observer = Recorder()
    publisher.publish({"p": upsert(cds=[cluster("a")])})
    client = SotwScripted(publisher, observer=observer)
    (response,) = client.ask("cds")
    client.nack(response, "bad\n\x1b[31m" + "x" * 5000)
    kind, seen = observer.seen[-2]
    assert kind == "rejected"
    assert seen == (("bad  [31m" + "x" * 5000)[:1024], ("a",))


def test_the_observer_hears_of_sizes_and_times(publisher: Publisher) -> None:
    observer = Recorder()
    publisher.publish({"p": upsert(cds=[cluster("a")])})
    client = SotwScripted(publisher, observer=observer)
    (response,) = client.ask("cds")
    client.now += 2
    client.ack(response)
    assert observer.seen == [("sent", response.ByteSize()), ("acked", 2.0)]
