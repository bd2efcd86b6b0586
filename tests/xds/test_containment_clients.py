"""What a rejection on one stream means for the next one of the client, and for others."""

import pytest

from tests.xds.rejecting import HINT, exchange, quarantined, record, respond
from tests.xds.resources import (
    cluster,
    endpoints,
    listener,
    remove,
    static_cluster,
    upsert,
)
from tests.xds.rules import rules
from tests.xds.scripted import Scripted, told
from xds.publisher import Publisher
from xds.quarantine import Quarantine, Record
from xds.types import CDS, EDS


def rejecting(publisher: Publisher, known: Record, name: str = "c") -> Scripted:
    """A client that does not take that cluster, and says so."""
    client = Scripted(publisher, record=known)
    (first,) = client.ask("cds")
    client.settle(client.nack(first, HINT.format(name)))
    return client


@rules("X-23", "X-60")
def test_a_rejection_is_remembered_when_the_client_comes_back(
    many: Scripted, publisher: Publisher
) -> None:
    quarantine = Quarantine()
    rejecting(publisher, record(quarantine, "n")).stream.close()
    client = Scripted(publisher, record=record(quarantine, "n"))
    held = {name: static_cluster(name).version for name in "abdefgh"} | {"c": "old"}
    assert client.ask("cds", held=held) == []
    assert quarantined(client) == ["c"]
    assert exchange(client, CDS).rejected
    publisher.publish({"p": upsert(cds=[cluster("c", 2)])})
    assert told(client.settle()) == [("cds", ["c"], [])]


@pytest.mark.parametrize(("node", "release"), [("other", "1"), ("n", "2")], ids=["node", "release"])
def test_another_node_or_release_is_sent_it(
    many: Scripted, publisher: Publisher, node: str, release: str
) -> None:
    quarantine = Quarantine()
    rejecting(publisher, record(quarantine, "n", who="a"))
    client = Scripted(publisher, record=record(quarantine, node, release=release, who="a"))
    assert told(client.sync("cds")) == [("cds", list("abcdefgh"), [])]


def test_two_principals_spare_everybody_of_their_release(
    many: Scripted, publisher: Publisher
) -> None:
    quarantine = Quarantine()
    for node, who in (("n1", "a"), ("n2", "b")):
        rejecting(publisher, record(quarantine, node, who=who))
    client = Scripted(publisher, record=record(quarantine, "n3", who="c"))
    assert told(client.sync("cds")) == [("cds", list("abdefgh"), [])]
    (kept,) = exchange(client, CDS).quarantined
    assert kept.everyone
    publisher.publish({"p": upsert(cds=[cluster("c", 2)])})
    assert told(client.settle()) == [("cds", ["c"], [])]


def test_many_clients_of_one_principal_block_nothing(many: Scripted, publisher: Publisher) -> None:
    quarantine = Quarantine()
    for node in ("n1", "n2", "n3"):
        rejecting(publisher, record(quarantine, node, who="a"))
    client = Scripted(publisher, record=record(quarantine, "n4", who="b"))
    assert told(client.sync("cds")) == [("cds", list("abcdefgh"), [])]


@pytest.mark.parametrize("when", ["before", "between", "reconnect"])
def test_what_one_client_has_accepted_is_kept_from_nobody_else(
    many: Scripted, publisher: Publisher, when: str
) -> None:
    quarantine = Quarantine()
    good = record(quarantine, "good", who="g")
    if when == "before":
        Scripted(publisher, record=good).sync("cds")
    rejecting(publisher, record(quarantine, "n1", who="a"))
    if when == "between":
        Scripted(publisher, record=good).sync("cds")
    if when == "reconnect":
        Scripted(publisher, record=good).ask("cds", held={"c": static_cluster("c").version})
    rejecting(publisher, record(quarantine, "n2", who="b"))
    client = Scripted(publisher, record=record(quarantine, "n3", who="c"))
    assert told(client.sync("cds")) == [("cds", list("abcdefgh"), [])]


def test_who_was_spared_is_sent_it_once_somebody_turns_out_to_run_it(
    many: Scripted, publisher: Publisher
) -> None:
    quarantine = Quarantine()
    for node, who in (("n1", "a"), ("n2", "b")):
        rejecting(publisher, record(quarantine, node, who=who))
    spared = Scripted(publisher, record=record(quarantine, "n3", who="c"))
    spared.sync("cds")
    other = Scripted(publisher, record=record(quarantine, "n4", who="d"))
    other.ask("cds", held={"c": static_cluster("c").version})
    assert spared.woken
    assert told(spared.settle()) == [("cds", ["c"], [])]
    assert quarantined(spared) == []


def test_a_stream_does_not_run_what_is_under_way_or_looked_into(
    many: Scripted, publisher: Publisher
) -> None:
    known = record(Quarantine(), "n")
    client = Scripted(publisher, record=known)
    content = ("c", static_cluster("c").version)
    assert not known.runs(CDS, content)
    (first,) = client.ask("cds")
    assert not known.runs(CDS, content)
    (half,) = client.nack(first)
    assert not known.runs(CDS, content)
    client.settle([half])
    assert known.runs(CDS, content)
    assert not known.runs(CDS, ("c", "other"))
    assert not known.runs(CDS, ("nowhere", "1"))
    publisher.publish({"p": upsert(cds=[cluster("c", 2)])})
    assert not known.runs(CDS, ("c", cluster("c", 2).version))


@rules("X-103", "X-60")
def test_what_may_run_unlisted_is_removed_when_the_client_comes_back(
    publisher: Publisher,
) -> None:
    """Envoy took the good listener of a rejected response, and does not list it."""
    publisher.publish({"p": upsert(lds=[listener("a"), listener("b"), listener("c")])})
    quarantine = Quarantine()
    client = Scripted(publisher, record=record(quarantine, "n"))
    (all_of_it,) = client.ask("lds")
    client.nack(all_of_it, "Error adding/updating listener(s) b: no")
    client.stream.close()
    publisher.publish({"p": remove(lds=["a"])})
    again = Scripted(publisher, record=record(quarantine, "n"))
    (answer,) = again.ask("lds")
    assert list(answer.removed_resources) == ["a"]
    again.settle([answer])
    once_more = Scripted(publisher, record=record(quarantine, "n"))
    assert told(once_more.sync("lds"))[0][2] == []


class Watching:
    """An observer that counts what is kept."""

    def __init__(self) -> None:
        self.kept = 0

    def sent(self, type_url: str, size: int) -> None: ...

    def acked(self, type_url: str, seconds: float) -> None: ...

    def rejected(self, nack: object) -> None: ...

    def stale(self, type_url: str) -> None: ...

    def quarantined(self, what: object) -> None:
        self.kept += 1

    def lifted(self, type_url: str, count: int) -> None:
        self.kept -= count


def test_an_observer_can_count_what_is_kept(many: Scripted, publisher: Publisher) -> None:
    watching = Watching()
    client = Scripted(publisher, observer=watching)
    respond(client, client.ask("cds"), {"c", "g"})
    assert watching.kept == 2
    publisher.publish({"p": upsert(cds=[cluster("c", 2)])})
    client.settle()
    assert watching.kept == 1
    client.stream.close()
    client.stream.close()
    assert watching.kept == 0


def test_endpoints_for_which_nobody_is_asked_do_not_matter(publisher: Publisher) -> None:
    publisher.publish({"p": upsert(eds=[endpoints("a"), endpoints("b")])})
    client = Scripted(publisher)
    (both,) = client.ask("eds", ["a", "b"])
    client.send("eds", unsubscribe=["a"], nonce=both.nonce, error="no")
    assert told(client.settle()) == [("eds", ["b"], [])]
    assert exchange(client, EDS).settled
