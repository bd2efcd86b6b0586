"""A client that comes back says what it holds, and is sent only what it lacks (X-60 to X-66)."""

from collections.abc import Mapping

import pytest

from tests.xds.resources import (
    cluster,
    endpoints,
    listener,
    remove,
    route,
    secret,
    upsert,
    virtual_host,
)
from tests.xds.rules import rules
from tests.xds.scripted import Scripted, told
from xds.limits import Limits
from xds.publisher import PartChange, Publisher
from xds.resource import Resource
from xds.types import CDS

GRACE = Limits().grace


@pytest.fixture(autouse=True)
def published(publisher: Publisher) -> None:
    publisher.publish(
        {
            "p": upsert(
                cds=[cluster("a"), cluster("b")],
                eds=[endpoints("a"), endpoints("b")],
                lds=[listener("l")],
                rds=[route("80")],
                vhds=[virtual_host("80/x", "a")],
                sds=[secret("s")],
            )
        }
    )


def held(*resources: Resource) -> Mapping[str, str]:
    return {entry.name: entry.version for entry in resources}


CLUSTERS = held(cluster("a"), cluster("b"))
ENDPOINTS = held(endpoints("a"), endpoints("b"))


@rules("X-60")
def test_nothing_is_sent_to_a_client_that_holds_everything(publisher: Publisher) -> None:
    client = Scripted(publisher)
    assert client.ask("cds", held=CLUSTERS) == []
    assert client.ask("eds", ["a", "b"], held=ENDPOINTS) == []
    assert client.ask("lds", held=held(listener("l"))) == []
    assert client.ask("rds", ["80"], held=held(route("80"))) == []
    assert client.ask("vhds", held=held(virtual_host("80/x", "a"))) == []
    assert client.ask("sds", ["s"], held=held(secret("s"))) == []
    assert client.stream.acknowledged() == publisher.generation
    assert client.later(GRACE) == []


@rules("X-60")
def test_what_differs_is_sent_and_what_is_unknown_removed(publisher: Publisher) -> None:
    client = Scripted(publisher)
    assert told(client.ask("lds", held=held(listener("l", 0), listener("gone")))) == [
        ("lds", ["l"], ["gone"])
    ]


@rules("X-60")
def test_names_that_a_client_holds_and_does_not_want_are_removed(publisher: Publisher) -> None:
    client = Scripted(publisher)
    client.send("cds")
    assert told(client.ask("sds", ["s"], held=held(secret("s"), secret("t"))))[1:] == [
        ("sds", [], ["t"])
    ]


@rules("X-63", "X-46")
def test_endpoints_that_are_no_more_are_answered(publisher: Publisher) -> None:
    client = Scripted(publisher)
    client.ask("cds", held=CLUSTERS)
    again = {**ENDPOINTS, "old": "1"}
    assert told(client.ask("eds", ["a", "b", "old"], held=again)) == [("eds", [], ["old"])]


@rules("X-61")
def test_a_cluster_that_is_sent_brings_its_endpoints_though_they_are_equal(
    publisher: Publisher,
) -> None:
    client = Scripted(publisher)
    stale = {**CLUSTERS, "a": "old"}
    assert told(client.ask("cds", held=stale)) == [("cds", ["a"], [])]
    assert told(client.ask("eds", ["a", "b"], held=ENDPOINTS)) == [("eds", ["a"], [])]


@rules("X-61")
def test_the_same_when_both_requests_are_read_before_the_first_answer(
    publisher: Publisher,
) -> None:
    client = Scripted(publisher)
    client.send("cds", held={**CLUSTERS, "a": "old"})
    client.send("eds", ["a", "b"], held=ENDPOINTS)
    assert told(client.poll()) == [("cds", ["a"], []), ("eds", ["a"], [])]


@rules("X-02", "X-64")
def test_a_client_that_asks_for_endpoints_first_is_warming_and_gets_all_answers(
    publisher: Publisher,
) -> None:
    client = Scripted(publisher)
    assert told(client.ask("eds", ["a", "b", "old"], held=ENDPOINTS)) == [
        ("eds", ["a", "b"], ["old"])
    ]


@rules("X-60", "X-81")
def test_an_unknown_cluster_goes_once_the_routes_are_known_to_be_new(
    publisher: Publisher,
) -> None:
    client = Scripted(publisher)
    assert client.ask("cds", held={**CLUSTERS, "gone": "1"}) == []
    assert client.ask("eds", ["a", "b"], held=ENDPOINTS) == []
    assert client.ask("lds", held=held(listener("l"))) == []
    (routes,) = client.ask("rds", ["80"], held=held(route("80", 0)))
    (table,) = client.ask("vhds", held={"80/x": "old"})
    assert client.ack(routes) == []
    assert told(client.ack(table)) == [("cds", [], ["gone"])]


@rules("X-60", "X-81")
def test_an_unknown_cluster_of_a_client_without_routes_goes_after_the_grace_period(
    publisher: Publisher,
) -> None:
    client = Scripted(publisher)
    assert client.ask("cds", held={**CLUSTERS, "gone": "1"}) == []
    assert told(client.later(GRACE)) == [("cds", [], ["gone"])]


@rules("X-60")
def test_orphans_of_a_rejected_response_are_swept(publisher: Publisher) -> None:
    client = Scripted(publisher)
    client.ask("cds", held=CLUSTERS)
    client.ask("eds", ["a", "b", "orphan"], held=ENDPOINTS)
    assert [r for r in told(client.later(GRACE)) if r[0] == "cds"] == [("cds", [], ["orphan"])]


def test_clusters_that_come_back_before_the_sweep_stay(publisher: Publisher) -> None:
    client = Scripted(publisher)
    client.ask("cds", held={**CLUSTERS, "gone": "1"})
    publisher.publish({"p": upsert(cds=[cluster("gone")])})
    assert told(client.later(GRACE)) == [("cds", ["gone"], [])]


def test_unknown_clusters_do_not_go_with_removals_of_an_older_generation(
    publisher: Publisher,
) -> None:
    client = Scripted(publisher)
    client.sync("cds")
    client.sync("rds", ["80"])
    client.later(GRACE)
    change = PartChange(upserts=upsert(rds=[route("80", 2)]).upserts, removals={CDS: ["b"]})
    publisher.publish({"p": change})
    assert told(client.poll()) == [("rds", ["80"], [])]  # and is not acknowledged
    publisher.publish({"p": upsert(eds=[endpoints("z")])})
    assert client.later(1) == []
    client.settle(client.ask("eds", ["a", "orphan"]))
    assert told(client.later(GRACE - 1)) == [("cds", [], ["b"])]
    assert told(client.later(1)) == [("cds", [], ["orphan"])]


@rules("X-66")
def test_what_a_client_may_no_longer_have_is_removed(publisher: Publisher) -> None:
    publisher.publish({"other": upsert(lds=[listener("private")])})
    client = Scripted(publisher)
    assert told(client.ask("lds", held=held(listener("l"), listener("private")))) == [
        ("lds", [], ["private"])
    ]


@rules("X-127", "X-123")
@pytest.mark.parametrize("order", [("rds", "vhds"), ("vhds", "rds")])
def test_a_held_table_is_not_sent_again_whatever_the_order_of_requests(
    publisher: Publisher, order: tuple[str, str]
) -> None:
    publisher.publish({"p": upsert(vhds=[virtual_host("80/y", "a")])})
    client = Scripted(publisher)
    requests = {
        "rds": (["80"], held(route("80", 0))),
        "vhds": ([], {**held(virtual_host("80/x", "a")), "80/gone": "1"}),
    }
    for kind in order:
        subscribe, holds = requests[kind]
        client.send(kind, subscribe, held=holds)
    assert told(client.poll()) == [("rds", ["80"], []), ("vhds", ["80/y"], ["80/gone"])]


@rules("X-123")
def test_a_route_configuration_that_the_client_has_lost_brings_its_table(
    publisher: Publisher,
) -> None:
    publisher.publish({"p": upsert(rds=[route("90")], vhds=[virtual_host("90/y", "a")])})
    client = Scripted(publisher)
    client.send("rds", ["80", "90"], held=held(route("80")))
    client.send("vhds", held=held(virtual_host("80/x", "a"), virtual_host("90/y", "a")))
    assert told(client.poll()) == [("rds", ["90"], []), ("vhds", ["90/y"], [])]


@rules("X-29")
def test_routes_wait_for_clusters_that_a_reconnect_brings(publisher: Publisher) -> None:
    client = Scripted(publisher)
    (clusters,) = client.ask("cds", held=held(cluster("a")))
    assert client.ask("rds", ["80"], held=held(route("80", 0))) == []
    assert told(client.ack(clusters)) == [("rds", ["80"], [])]


@rules("X-62", "X-60")
def test_another_replica_with_the_same_content_sends_nothing() -> None:
    replicas = [Publisher(), Publisher()]
    for replica in replicas:
        replica.publish({"other": upsert(lds=[listener("x")])} if replica is replicas[1] else {})
        replica.publish({"p": upsert(cds=[cluster("a")], eds=[endpoints("a")])})
    first = Scripted(replicas[0])
    holds = {r.resources[0].name: r.resources[0].version for r in first.sync("cds")}
    second = Scripted(replicas[1])
    assert second.ask("cds", held=holds) == []


@rules("X-60", "X-81")
def test_a_cluster_that_vanishes_before_its_change_is_sent_is_not_removed_ahead_of_its_routes(
    publisher: Publisher,
) -> None:
    client = Scripted(publisher)
    client.send("cds", held={**CLUSTERS, "a": "old"})
    publisher.publish({"p": remove(cds=["a"])})
    assert client.poll() == []
    assert told(client.later(GRACE)) == [("cds", [], ["a"])]


@rules("X-61", "X-46")
def test_endpoints_that_vanish_while_their_cluster_waits_for_them_are_answered(
    publisher: Publisher,
) -> None:
    client = Scripted(publisher)
    client.sync("cds")
    (assignment,) = client.ask("eds", ["a"])
    publisher.publish({"p": upsert(cds=[cluster("a", 2)])})
    client.poll()
    publisher.publish({"p": remove(eds=["a"])})
    assert told(client.ack(assignment)) == [("eds", [], ["a"])]


@rules("X-100", "X-109")
def test_removals_go_with_the_first_of_several_responses() -> None:
    publisher = Publisher(chunk_bytes=10)
    publisher.publish({"p": upsert(sds=[secret("a"), secret("b")])})
    client = Scripted(publisher)
    assert told(client.ask("sds", ["a", "b"], held={"gone": "1"})) == [
        ("sds", ["a"], ["gone"]),
        ("sds", ["b"], []),
    ]
