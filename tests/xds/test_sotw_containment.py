"""What a state-of-the-world stream does about a rejection: the good stay, the culprit is left out
or stands there as it was.
"""

import pytest

from tests.xds.rejecting import record
from tests.xds.resources import cluster, endpoints, listener, remove, static_cluster, upsert
from tests.xds.rules import rules
from tests.xds.sotw_scripted import Response, SotwScripted, names, told
from xds.limits import Limits
from xds.publisher import Publisher
from xds.quarantine import Quarantine
from xds.sotw_exchange import SotwExchange
from xds.types import CDS, EDS

HINT = "Error adding/updating cluster(s) {}: no such thing"


def exchange(client: SotwScripted, type_url: str = CDS) -> SotwExchange:
    return next(e for e in client.stream.exchanges() if e.type_url == type_url)


def quarantined(client: SotwScripted) -> list[str]:
    return [each.name for e in client.stream.exchanges() for each in e.quarantined]


def version(response: Response, name: str) -> bytes:
    return next(
        entry.value
        for entry, found in zip(response.resources, names(response), strict=True)
        if found == name
    )


@pytest.fixture
def many(publisher: Publisher) -> SotwScripted:
    """A client that is to have the clusters a to h."""
    publisher.publish({"p": upsert(cds=[static_cluster(name) for name in "abcdefgh"])})
    return SotwScripted(publisher)


@rules("X-23", "X-50")
def test_a_named_culprit_is_left_out(many: SotwScripted, publisher: Publisher) -> None:
    (first,) = many.ask("cds")
    (second,) = many.nack(first, HINT.format("c"))
    assert names(second) == list("abdefgh")
    assert many.ack(second) == []
    assert quarantined(many) == ["c"]
    assert many.later(3600) == []
    publisher.publish({"p": upsert(cds=[static_cluster("z")])})
    assert [names(each) for each in many.settle()] == [list("abdefghz")]


@rules("X-23")
def test_one_culprit_is_found_in_few_responses(many: SotwScripted) -> None:
    pending = many.ask("cds")
    sends = 0
    while pending:
        response = pending.pop()
        sends += 1
        pending += many.nack(response) if "f" in names(response) else many.ack(response)
        last = response
    assert names(last) == list("abcdegh")
    assert sends <= 1 + 4
    assert quarantined(many) == ["f"]


@rules("X-23", "X-50")
def test_what_was_accepted_last_stands_in_for_what_is_rejected(
    many: SotwScripted, publisher: Publisher
) -> None:
    (first,) = many.sync("cds")
    publisher.publish({"p": upsert(cds=[cluster("c", 2), cluster("d", 2)])})
    (changed,) = many.poll()
    (third,) = many.nack(changed, HINT.format("c"))
    assert names(third) == list("abcdefgh")
    assert version(third, "c") == version(first, "c")
    assert version(third, "d") == version(changed, "d")
    many.ack(third)
    assert exchange(many).rejected
    publisher.publish({"p": upsert(cds=[cluster("c", 3)])})
    many.settle()
    assert quarantined(many) == []
    assert many.stream.acknowledged() == publisher.generation


@rules("X-23")
def test_a_culprit_alone_costs_nothing(many: SotwScripted, publisher: Publisher) -> None:
    many.sync("cds")
    publisher.publish({"p": upsert(cds=[cluster("c", 2)])})
    (changed,) = many.poll()
    assert many.nack(changed) == []
    assert quarantined(many) == ["c"]
    publisher.publish({"p": upsert(lds=[listener("l")])})
    assert many.poll() == []


@rules("X-23")
def test_what_is_sent_while_it_searches_is_suspected_too(
    many: SotwScripted, publisher: Publisher
) -> None:
    many.sync("cds")
    publisher.publish({"p": upsert(cds=[cluster(n, 2) for n in "ab"])})
    (both,) = many.poll()
    publisher.publish({"p": upsert(cds=[cluster("z", 2)])})
    (three,) = many.poll()
    assert many.nack(both) == []  # one at a time from now on
    pending = many.nack(three)
    publisher.publish({"p": upsert(cds=[cluster("y", 2)])})
    bad = {"b", "y"}
    while pending:
        response = pending.pop()
        text = version(response, "b") if "b" in names(response) else b""
        rejects = "y" in names(response) or text == cluster("b", 2).message_bytes
        pending += many.nack(response) if rejects else many.ack(response)
        last = response
    assert set(quarantined(many)) == bad
    assert names(last) == list("abcdefghz")


@rules("X-23")
def test_a_search_is_paced(many: SotwScripted, publisher: Publisher) -> None:
    client = SotwScripted(publisher, limits=Limits(trials=1, trial_interval=10))
    (first,) = client.ask("cds")
    (half,) = client.nack(first)
    assert client.nack(half) == []
    assert client.stream.next_wakeup() == client.now + 10
    assert [names(each) for each in client.later(10)] == [["a", "b"]]


@rules("X-23")
def test_a_response_that_brings_nothing_and_is_rejected_is_not_sent_again(
    many: SotwScripted, publisher: Publisher
) -> None:
    many.sync("cds")
    publisher.publish({"p": remove(cds=["c"])})
    many.poll()
    (without,) = many.later(Limits().grace)
    assert many.nack(without) == []
    assert exchange(many).rejected
    assert many.later(3600) == []


@rules("X-81")
def test_removed_clusters_wait_for_the_search(many: SotwScripted, publisher: Publisher) -> None:
    many.sync("cds")
    publisher.publish({"p": upsert(cds=[cluster(n, 2) for n in "ab"])})
    publisher.publish({"p": remove(cds=["h"])})
    (both,) = many.poll()
    (half,) = many.nack(both)
    assert "h" in names(half)
    assert many.later(Limits().grace) == []
    assert names(many.settle([half])[-1]) == list("abcdefg")
    assert quarantined(many) == ["b"]


@rules("X-60")
def test_a_rejection_is_remembered_when_the_client_comes_back(
    many: SotwScripted, publisher: Publisher
) -> None:
    many.sync("cds")
    quarantine = Quarantine()
    client = SotwScripted(publisher, record=record(quarantine, "n"))
    client.sync("cds")
    publisher.publish({"p": upsert(cds=[cluster("c", 2), cluster("d", 2)])})
    (changed,) = client.poll()
    (mended,) = client.nack(changed, HINT.format("c"))
    client.ack(mended)
    client.stream.close()
    again = SotwScripted(publisher, record=record(quarantine, "n"))
    assert again.ask("cds", version=mended.version_info) == []
    assert quarantined(again) == ["c"]


@rules("X-60")
def test_so_it_is_by_a_server_that_has_not_sent_that(
    many: SotwScripted, publisher: Publisher
) -> None:
    quarantine = Quarantine()
    client = SotwScripted(publisher, record=record(quarantine, "n"))
    (first,) = client.ask("cds")
    (rest,) = client.nack(first, HINT.format("c"))
    client.ack(rest)
    publisher.states = type(publisher.states)()
    again = SotwScripted(publisher, record=record(quarantine, "n"))
    assert again.ask("cds", version=rest.version_info) == []


def test_two_principals_spare_everybody_until_somebody_runs_it(
    many: SotwScripted, publisher: Publisher
) -> None:
    quarantine = Quarantine()
    for node, who in (("n1", "a"), ("n2", "b")):
        client = SotwScripted(publisher, record=record(quarantine, node, who=who))
        (first,) = client.ask("cds")
        client.settle(client.nack(first, HINT.format("c")))
    spared = SotwScripted(publisher, record=record(quarantine, "n3", who="c"))
    assert [names(each) for each in spared.sync("cds")] == [list("abdefgh")]
    quarantine.accept("1", CDS, ("c", static_cluster("c").version))
    assert spared.woken
    assert [names(each) for each in spared.settle()] == [list("abcdefgh")]


@pytest.mark.parametrize("when", ["before", "between"])
def test_what_one_client_has_accepted_is_kept_from_nobody_else(
    many: SotwScripted, publisher: Publisher, when: str
) -> None:
    quarantine = Quarantine()
    good = SotwScripted(publisher, record=record(quarantine, "good", who="g"))
    if when == "before":
        good.sync("cds")
    for node, who in (("n1", "a"), ("n2", "b")):
        client = SotwScripted(publisher, record=record(quarantine, node, who=who))
        (first,) = client.ask("cds")
        client.settle(client.nack(first, HINT.format("c")))
        if when == "between":
            good.sync("cds")
    last = SotwScripted(publisher, record=record(quarantine, "n3", who="c"))
    assert [names(each) for each in last.sync("cds")] == [list("abcdefgh")]


def test_what_the_client_gave_up_does_not_stand_in(publisher: Publisher) -> None:
    publisher.publish({"p": upsert(eds=[endpoints("a"), endpoints("b")])})
    client = SotwScripted(publisher)
    client.sync("eds", ["a", "b"])
    client.ask("eds", ["a"], nonce=exchange(client, EDS).nonce)
    publisher.publish({"p": upsert(eds=[endpoints("a", 2), endpoints("b", 2)])})
    (changed,) = client.poll()
    assert told([changed]) == [("eds", ["a"])]
    client.nack(changed)
    (both,) = client.ask("eds", ["a", "b"], nonce=changed.nonce)
    assert names(both) == ["a", "b"]
    assert version(both, "a") == endpoints("a").message_bytes
