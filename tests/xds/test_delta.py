"""The delta stream: nodes, types, nonces, ACKs and NACKs (X-01 to X-30)."""

import pytest
from envoy.service.discovery.v3 import discovery_pb2

from tests.xds.resources import (
    cluster,
    listener,
    one_of_everything,
    upsert,
)
from tests.xds.rules import rules
from tests.xds.scripted import Scripted, names, told
from xds.containment import Quarantined
from xds.errors import BadRequest, TooMuch
from xds.limits import Limits, NameLimits
from xds.node import node_id
from xds.publisher import PartChange, Publisher
from xds.standing import Nack
from xds.types import CDS


@pytest.fixture
def client(publisher: Publisher) -> Scripted:
    """A client of the part `p`, which holds one of everything."""
    publisher.publish({"p": one_of_everything()})
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


def _request(type_url: str) -> discovery_pb2.DeltaDiscoveryRequest:
    return discovery_pb2.DeltaDiscoveryRequest(type_url=type_url)
