"""What a delta stream does about a rejection: the good go on, the culprit waits for its change."""

from tests.xds.rejecting import HINT, exchange, quarantined, respond
from tests.xds.resources import (
    cluster,
    endpoints,
    listener,
    raw,
    remove,
    route,
    secret,
    static_cluster,
    upsert,
    virtual_host,
)
from tests.xds.rules import rules
from tests.xds.scripted import Scripted, names, told
from xds.exchange import WITHHELD
from xds.limits import Limits
from xds.publisher import PartChange, Publisher
from xds.types import CDS, LDS, SDS


@rules("X-103", "X-23")
def test_one_culprit_is_left_out_and_the_others_are_accepted(
    many: Scripted, publisher: Publisher
) -> None:
    sent = respond(many, many.ask("cds"), {"c"})
    assert sent[1:] == [list("abcd"), list("ab"), ["c"], list("defgh")] or len(sent) <= 5
    assert quarantined(many) == ["c"]
    assert many.later(3600) == []
    publisher.publish({"p": upsert(cds=[static_cluster("z")])})
    assert told(many.settle()) == [("cds", ["z"], [])]


@rules("X-103", "X-30")
def test_a_named_culprit_costs_one_more_response(many: Scripted) -> None:
    (first,) = many.ask("cds")
    (second,) = many.nack(first, HINT.format("c"))
    assert names(second) == list("abdefgh")
    assert many.ack(second) == []
    assert quarantined(many) == ["c"]


@rules("X-23")
def test_what_is_mended_is_sent_and_nothing_else(many: Scripted, publisher: Publisher) -> None:
    (first,) = many.ask("cds")
    many.settle(many.nack(first, HINT.format("c")))
    publisher.publish({"p": upsert(cds=[cluster("c", 2)])})
    assert told(many.settle()) == [("cds", ["c"], [])]
    assert quarantined(many) == []
    assert exchange(many, CDS).settled
    assert many.stream.acknowledged() == publisher.generation


@rules("X-23")
def test_content_that_was_rejected_once_is_not_sent_when_it_comes_back(
    many: Scripted, publisher: Publisher
) -> None:
    (first,) = many.ask("cds")
    many.settle(many.nack(first, HINT.format("c")))
    for again in (cluster("c", 2), static_cluster("c")):
        publisher.publish({"p": upsert(cds=[again])})
        many.settle()
    assert quarantined(many) == ["c"]
    publisher.publish({"p": upsert(cds=[cluster("c", 2)])})
    many.settle()
    assert quarantined(many) == []
    assert many.stream.acknowledged() == publisher.generation


@rules("X-23")
def test_what_is_removed_is_kept_no_longer(many: Scripted, publisher: Publisher) -> None:
    (first,) = many.ask("cds")
    many.settle(many.nack(first, HINT.format("c")))
    publisher.publish({"p": remove(cds=["c"])})
    many.poll()
    many.later(Limits().grace)
    assert quarantined(many) == []


@rules("X-23")
def test_what_changes_while_it_is_looked_into_goes_with_other_changes(
    many: Scripted, publisher: Publisher
) -> None:
    (first,) = many.ask("cds")
    publisher.publish({"p": upsert(cds=[cluster("c", 2)])})
    (changed,) = many.poll()
    sent = respond(many, [changed, *many.nack(first)], set())
    assert sent == [["c"], list("abdefgh")]
    assert quarantined(many) == []
    assert many.stream.acknowledged() == publisher.generation


def test_other_clients_do_not_wait(many: Scripted, publisher: Publisher) -> None:
    other = Scripted(publisher)
    (first,) = many.ask("cds")
    many.nack(first)
    assert told(other.sync("cds")) == [("cds", list("abcdefgh"), [])]
    assert other.stream.acknowledged() == publisher.generation


def test_other_types_do_not_wait(publisher: Publisher) -> None:
    publisher.publish({"p": upsert(cds=[static_cluster("a")], lds=[listener("l")])})
    client = Scripted(publisher)
    (clusters,) = client.ask("cds")
    client.nack(clusters)
    assert told(client.ask("lds")) == [("lds", ["l"], [])]


def test_a_route_to_a_cluster_that_was_rejected_is_sent(publisher: Publisher) -> None:
    """The client answers 503 for it, as for any cluster that is not there (X-82)."""
    publisher.publish({"p": upsert(rds=[route("80")], vhds=[virtual_host("80/x")])})
    client = Scripted(publisher)
    for kind, subscribe in (("cds", []), ("rds", ["80"]), ("vhds", [])):
        client.sync(kind, subscribe)
    publisher.publish({"p": upsert(cds=[cluster("v2")], vhds=[virtual_host("80/x", "v2")])})
    (clusters,) = client.poll()
    assert told(client.nack(clusters)) == [("vhds", ["80/x"], [])]


def test_routes_wait_for_good_clusters_of_a_rejected_response_for_one_grace_period(
    publisher: Publisher,
) -> None:
    publisher.publish({"p": upsert(rds=[route("80")], vhds=[virtual_host("80/x")])})
    client = Scripted(publisher)
    for kind, subscribe in (("cds", []), ("rds", ["80"]), ("vhds", [])):
        client.sync(kind, subscribe)
    new = [cluster(name) for name in "abcd"]
    publisher.publish({"p": upsert(cds=new, vhds=[virtual_host("80/x", "a")])})
    (clusters,) = client.poll()
    client.later(1)
    assert told(client.nack(clusters)) == [("cds", ["a", "b"], [])]
    assert client.stream.next_wakeup() == client.now + Limits().grace
    assert client.later(Limits().grace - 0.1) == []
    assert told(client.later(0.1)) == [("vhds", ["80/x"], [])]


def test_endpoints_of_what_was_rejected_are_answered_as_absent(publisher: Publisher) -> None:
    publisher.publish({"p": upsert(cds=[cluster("a")], eds=[endpoints("a"), endpoints("b")])})
    client = Scripted(publisher)
    client.sync("cds")
    (both,) = client.ask("eds", ["a", "b"])
    client.settle(client.nack(both, 'cluster_name: "a"'))
    assert quarantined(client) == ["a"]
    assert told(client.ask("eds", ["a"])) == [("eds", [], ["a"])]


@rules("X-61")
def test_clusters_that_are_sent_again_bring_their_endpoints(publisher: Publisher) -> None:
    publisher.publish(
        {"p": upsert(cds=[cluster(n) for n in "ab"], eds=[endpoints(n) for n in "ab"])}
    )
    client = Scripted(publisher)
    client.sync("cds")
    client.sync("eds", ["a", "b"])
    publisher.publish({"p": upsert(cds=[cluster(n, 2) for n in "ab"])})
    clusters, assignments = client.poll()
    client.ack(assignments)
    sent = client.nack(clusters, HINT.format("b"))
    assert told(sent) == [("cds", ["a"], []), ("eds", ["a"], [])]


@rules("X-129")
def test_removals_of_a_rejected_response_are_sent_again(publisher: Publisher) -> None:
    publisher.publish({"p": upsert(lds=[listener("a")])})
    client = Scripted(publisher)
    client.sync("lds")
    publisher.publish({"p": PartChange(upserts={LDS: [listener("b")]}, removals={LDS: ["a"]})})
    (both,) = client.poll()
    assert told(client.nack(both)) == [("lds", [], ["a"])]
    assert quarantined(client) == ["b"]


def test_removals_go_on_while_the_search_has_to_wait(publisher: Publisher) -> None:
    publisher.publish({"p": upsert(lds=[listener("a")])})
    client = Scripted(publisher, limits=Limits(trials=1, trial_interval=10))
    client.sync("lds")
    publisher.publish(
        {"p": PartChange(upserts={LDS: [listener(n) for n in "bcde"]}, removals={LDS: ["a"]})}
    )
    (all_of_it,) = client.poll()
    (half,) = client.nack(all_of_it)
    assert told([half]) == [("lds", ["b", "c"], ["a"])]
    assert told(client.nack(half)) == [("lds", [], ["a"])]
    assert client.stream.next_wakeup() == client.now + 10


@rules("X-23")
def test_a_removal_alone_that_is_rejected_is_not_sent_again(publisher: Publisher) -> None:
    publisher.publish({"p": upsert(lds=[listener("a"), listener("b")])})
    client = Scripted(publisher)
    client.sync("cds")
    client.sync("lds")
    publisher.publish({"p": remove(lds=["a"])})
    (removal,) = client.poll()
    assert client.nack(removal) == []
    assert client.later(3600) == []
    assert exchange(client, LDS).rejected
    publisher.publish({"p": upsert(lds=[listener("b", 2)])})
    client.settle()
    assert not exchange(client, LDS).rejected


@rules("X-23")
def test_a_client_that_rejects_everything_is_sent_little(publisher: Publisher) -> None:
    limits = Limits(trials=4, trial_interval=10)
    publisher.publish({"p": upsert(cds=[static_cluster(f"c{n}") for n in range(64)])})
    client = Scripted(publisher, limits=limits)
    sends = 0
    pending = client.ask("cds")
    while pending:
        sends += 1
        pending += client.nack(pending.pop())
    assert sends == 1 + 4
    for _ in range(10):
        woken = client.stream.next_wakeup()
        assert woken is not None
        (trial,) = client.later(woken - client.now)
        assert client.nack(trial) == []


def test_chunks_are_searched_one_after_the_other() -> None:
    publisher = Publisher(chunk_bytes=2000)
    publisher.publish({"p": upsert(rds=[raw("rds", f"r{n}", 900) for n in range(4)])})
    client = Scripted(publisher)
    chunks = client.ask("rds", [f"r{n}" for n in range(4)])
    assert [names(each) for each in chunks] == [["r0", "r1"], ["r2", "r3"]]
    sent = respond(client, chunks, {"r1", "r2"})
    assert set(quarantined(client)) == {"r1", "r2"}
    assert ["r0"] in sent
    assert ["r3"] in sent


@rules("X-104", "X-30")
def test_what_is_said_of_a_secret_is_withheld(publisher: Publisher) -> None:
    publisher.publish({"p": upsert(sds=[secret("s"), secret("t")])})
    client = Scripted(publisher)
    (both,) = client.ask("sds", ["s", "t"])
    respond(client, client.nack(both, "s: PRIVATE KEY"), {"s"})
    (kept,) = exchange(client, SDS).quarantined
    assert (kept.name, kept.message) == ("s", WITHHELD)
