"""The delta stream: nodes, types, nonces, ACKs, NACKs, and what is answered (X-01 to X-47)."""

import pytest
from envoy.service.discovery.v3 import discovery_pb2

from tests.xds.resources import (
    cluster,
    endpoints,
    listener,
    raw,
    remove,
    route,
    secret,
    upsert,
    virtual_host,
)
from tests.xds.rules import rules
from tests.xds.scripted import Scripted, names, told
from xds.containment import Quarantined
from xds.errors import BadRequest, Reconnect, TooMuch
from xds.exchange import Nack
from xds.limits import Limits, NameLimits
from xds.node import node_id
from xds.publisher import PartChange, Publisher
from xds.types import CDS, LDS, PUSH_ORDER, short_name


@pytest.fixture
def client(publisher: Publisher) -> Scripted:
    """A client of the part `p`, which holds one of everything."""
    publisher.publish(
        {
            "p": upsert(
                cds=[cluster("a")],
                eds=[endpoints("a")],
                lds=[listener("l")],
                rds=[route("80")],
                vhds=[virtual_host("80/x", "a")],
                sds=[secret("s")],
            )
        }
    )
    return Scripted(publisher)


class Recorder:
    """An observer that remembers."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, object]] = []

    def sent(self, type_url: str, size: int) -> None:
        self.seen.append(("sent", size))

    def acked(self, type_url: str, seconds: float) -> None:
        self.seen.append(("acked", seconds))

    def rejected(self, nack: Nack) -> None:
        self.seen.append(("rejected", nack.message))

    def quarantined(self, what: Quarantined) -> None:
        self.seen.append(("quarantined", what.name))

    def lifted(self, type_url: str, count: int) -> None:
        self.seen.append(("lifted", count))

    def stale(self, type_url: str) -> None:
        self.seen.append(("stale", type_url))


# The stream, the node, the type


@rules("X-01")
def test_later_requests_may_leave_the_node_out_or_repeat_it(client: Scripted) -> None:
    client.send("cds", node="n")
    client.send("lds", node="n")
    client.send("rds")
    assert [r[0] for r in told(client.poll())] == ["cds", "lds"]


@rules("X-02")
@pytest.mark.parametrize(
    ("kind", "subscribe"),
    [("eds", ["a"]), ("lds", []), ("rds", ["80"]), ("sds", ["s"]), ("cds", [])],
)
def test_the_first_request_may_be_of_any_type(
    client: Scripted, kind: str, subscribe: list[str]
) -> None:
    (response,) = client.ask(kind, subscribe)
    assert len(names(response)) == 1


@rules("X-03")
def test_a_first_request_without_a_node_is_refused() -> None:
    with pytest.raises(BadRequest):
        node_id(_request(CDS))


def test_the_node_id_is_that_of_the_first_request() -> None:
    request = _request(CDS)
    request.node.id = "me"
    assert node_id(request) == "me"


@rules("X-04")
def test_another_node_in_mid_stream_ends_the_stream(client: Scripted) -> None:
    client.ask("cds")
    with pytest.raises(BadRequest):
        client.send("cds", node="somebody else")


@rules("X-05")
def test_a_request_without_a_type_is_refused(client: Scripted) -> None:
    with pytest.raises(BadRequest):
        client.send("")


@rules("X-06")
def test_names_of_an_unknown_type_do_not_exist_and_the_stream_goes_on(client: Scripted) -> None:
    (response,) = client.ask("type.googleapis.com/some.Ecds", ["b", "a"])
    assert told([response]) == [("other", [], ["a", "b"])]
    assert response.nonce
    assert client.ask(response.type_url, nonce=response.nonce) == []
    assert client.ask("type.googleapis.com/some.Rtds") == []
    assert told(client.ask("cds")) == [("cds", ["a"], [])]


@rules("X-106", "X-06")
def test_what_a_client_holds_of_an_unknown_type_is_not_removed(client: Scripted) -> None:
    ecds = "type.googleapis.com/some.Ecds"
    assert told(client.ask(ecds, ["a", "b"], held={"a": "1"})) == [("other", [], ["b"])]
    assert client.ask("type.googleapis.com/some.Rtds", ["a"], held={"a": "1"}) == []


def test_questions_about_unknown_types_are_bounded(publisher: Publisher) -> None:
    publisher.publish({"p": PartChange()})
    client = Scripted(publisher, limits=Limits(unknown_types=2, names=NameLimits(names=2)))
    for kind in ("x/1", "x/2", "x/3", "x/1"):
        client.send(kind, [f"of {kind}"])
    assert told(client.poll()) == [("other", [], ["of x/1"]), ("other", [], ["of x/2"])]
    client.send("x/1", ["a", "b"])
    with pytest.raises(TooMuch):
        client.send("x/1", ["c"])


@rules("X-07")
def test_types_do_not_disturb_each_other(client: Scripted) -> None:
    (clusters,) = client.ask("cds")
    (assignment,) = client.ask("eds", ["a"])
    client.send("eds", nonce=clusters.nonce)  # another type's nonce acknowledges nothing
    states = {state.type_url: state for state in client.stream.exchanges()}
    assert len(states[CDS].in_flight) == 1
    client.send("eds", nonce=assignment.nonce)
    assert len(states[CDS].in_flight) == 1


# Nonces, ACKs and NACKs


@rules("X-20")
def test_nonces_are_unique_and_never_empty(client: Scripted, publisher: Publisher) -> None:
    seen = [response.nonce for kind in ("cds", "lds") for response in client.sync(kind)]
    for version in range(2, 30):
        publisher.publish({"p": upsert(lds=[listener("l", version)])})
        seen += [response.nonce for response in client.settle()]
    assert all(seen)
    assert len(set(seen)) == len(seen) == 30


@rules("X-21", "X-30")
def test_an_error_detail_is_a_nack_and_its_text_is_made_safe(publisher: Publisher) -> None:
    publisher.publish({"p": upsert(cds=[cluster("a")])})
    recorder = Recorder()
    client = Scripted(publisher, observer=recorder)
    (response,) = client.ask("cds")
    client.now += 2
    client.nack(response, "bad \x1b[31m\nline\u202e" + "x" * 5000)
    (state,) = client.stream.exchanges()
    assert state.nack is not None
    assert state.nack.message.startswith("bad  [31m line xxx")
    assert len(state.nack.message) == 1024
    assert (state.nack.names, state.nack.at, state.nack.generation) == (("a",), 1002.0, 1)
    assert [kind for kind, _ in recorder.seen] == ["sent", "rejected", "quarantined"]


def test_an_observer_hears_of_acks_and_stale_nonces(publisher: Publisher) -> None:
    publisher.publish({"p": upsert(cds=[cluster("a")])})
    recorder = Recorder()
    client = Scripted(publisher, observer=recorder)
    (response,) = client.ask("cds")
    client.now += 2
    client.ack(response)
    client.ack(response)
    assert recorder.seen[1:] == [("acked", 2.0), ("stale", CDS)]


@rules("X-22")
def test_a_pure_ack_is_never_answered(client: Scripted) -> None:
    for kind, subscribe in (("cds", []), ("eds", ["a"]), ("lds", []), ("rds", ["80"])):
        for response in client.ask(kind, subscribe):
            assert client.ack(response) == []
    assert client.poll() == []


@rules("X-23")
def test_rejected_content_is_not_sent_again_until_it_changes(
    client: Scripted, publisher: Publisher
) -> None:
    client.sync("cds")
    (response,) = client.ask("lds")
    assert client.nack(response) == []
    assert client.later(3600) == []
    publisher.publish({"p": upsert(lds=[listener("other")])})
    assert told(client.settle()) == [("lds", ["other"], [])]
    publisher.publish({"p": upsert(lds=[listener("l", 2)])})
    assert told(client.settle()) == [("lds", ["l"], [])]


@rules("X-23")
def test_a_nack_of_one_type_stops_no_other(client: Scripted, publisher: Publisher) -> None:
    client.nack(client.ask("cds")[0])
    assert told(client.ask("lds")) == [("lds", ["l"], [])]


@rules("X-24")
def test_a_stale_nonce_does_not_void_a_subscription(client: Scripted) -> None:
    client.sync("eds", ["a"])
    assert told(client.ask("eds", ["nowhere"], nonce="stale")) == [("eds", [], ["nowhere"])]


@rules("X-25")
@pytest.mark.parametrize("error", [None, "rejected"])
def test_an_answer_may_carry_a_subscription(client: Scripted, error: str | None) -> None:
    (response,) = client.ask("eds", ["nowhere"])
    (more,) = client.ask("eds", ["a"], nonce=response.nonce, error=error)
    assert told([more]) == [("eds", ["a"], [])]


@rules("X-27")
def test_several_responses_are_acknowledged_one_by_one(publisher: Publisher) -> None:
    publisher.publish({"p": upsert(cds=[cluster("a")])})
    client = Scripted(publisher)
    flying = client.ask("cds")
    for version in (2, 3):
        publisher.publish({"p": upsert(cds=[cluster("a", version)])})
        flying += client.poll()
    acknowledged = []
    for response in flying:
        client.ack(response)
        acknowledged.append(client.stream.acknowledged())
    assert acknowledged == [1, 2, 3]


@rules("X-28")
def test_a_nonce_of_another_stream_in_a_first_request_means_nothing(client: Scripted) -> None:
    assert told(client.ask("cds", nonce="77")) == [("cds", ["a"], [])]


# Subscriptions


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


# Pushing


@rules("X-80")
def test_one_push_goes_in_the_order_of_types(client: Scripted, publisher: Publisher) -> None:
    for kind, subscribe in _EVERYTHING:
        client.sync(kind, subscribe)
    publisher.publish({"p": _everything(2)})
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
    publisher.publish({"p": _everything(1)})
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


def _everything(version: int) -> PartChange:
    return upsert(
        cds=[cluster("a", version)],
        eds=[endpoints("a", version)],
        lds=[listener("l", version)],
        rds=[route("80", version)],
        vhds=[virtual_host("80/x", "a", version)],
        sds=[secret("s", version)],
    )


def _request(type_url: str) -> discovery_pb2.DeltaDiscoveryRequest:
    return discovery_pb2.DeltaDiscoveryRequest(type_url=type_url)
