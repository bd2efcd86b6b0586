"""Make before break: what arrives first, what waits, and for how long (X-29, X-80 to X-86)."""

import pytest

from tests.xds.resources import cluster, endpoints, listener, remove, route, upsert, virtual_host
from tests.xds.rules import rules
from tests.xds.scripted import Scripted, names, told
from xds.limits import Limits
from xds.publisher import PartChange, Publisher
from xds.types import CDS, RDS, VHDS

GRACE = Limits().grace


@pytest.fixture
def client(publisher: Publisher) -> Scripted:
    """A client that holds cluster `a`, a listener, and routes to `a`."""
    publisher.publish(
        {
            "p": upsert(
                cds=[cluster("a")],
                eds=[endpoints("a")],
                lds=[listener("l")],
                rds=[route("80")],
                vhds=[virtual_host("80/x", "a")],
            )
        }
    )
    client = Scripted(publisher)
    for kind, subscribe in (
        ("cds", []),
        ("eds", ["a"]),
        ("lds", []),
        ("rds", ["80"]),
        ("vhds", []),
    ):
        client.sync(kind, subscribe)
    return client


@rules("X-29", "X-81")
def test_a_route_to_a_new_cluster_waits_until_the_cluster_is_warm(
    client: Scripted, publisher: Publisher
) -> None:
    publisher.publish(
        {"p": upsert(cds=[cluster("b")], eds=[endpoints("b")], vhds=[virtual_host("80/x", "b")])}
    )
    (clusters,) = client.poll()
    assert told([clusters]) == [("cds", ["b"], [])]
    (assignment,) = client.ask("eds", ["b"])  # warming needs the endpoints: they never wait
    assert told([assignment]) == [("eds", ["b"], [])]
    assert client.ack(assignment) == []
    assert told(client.ack(clusters)) == [("vhds", ["80/x"], [])]


@rules("X-29")
def test_one_cluster_that_never_warms_holds_routes_back_for_the_grace_period_only(
    client: Scripted, publisher: Publisher
) -> None:
    publisher.publish({"p": upsert(cds=[cluster("b")], rds=[route("80", 2)])})
    client.poll()
    assert client.stream.next_wakeup() == client.now + GRACE
    assert client.later(GRACE - 0.1) == []
    assert told(client.later(0.1)) == [("rds", ["80"], [])]


@rules("X-29")
def test_warming_clusters_do_not_hold_back_unrelated_types(
    client: Scripted, publisher: Publisher
) -> None:
    publisher.publish({"p": upsert(cds=[cluster("b")])})
    client.poll()
    publisher.publish({"p": upsert(eds=[endpoints("a", 2)])})
    assert told(client.poll()) == [("eds", ["a"], [])]


@rules("X-29", "X-130")
def test_a_booting_client_that_asks_for_listeners_gets_them(publisher: Publisher) -> None:
    publisher.publish({"p": upsert(cds=[cluster("a")], lds=[listener("l")], rds=[route("80")])})
    client = Scripted(publisher)
    client.ask("cds")  # never acknowledged here: a later chunk may still be warming
    assert told(client.ask("lds")) == [("lds", ["l"], [])]
    assert told(client.ask("rds", ["80"])) == [("rds", ["80"], [])]


@rules("X-130")
def test_clusters_flow_on_while_one_warms_up_to_the_window(
    client: Scripted, publisher: Publisher
) -> None:
    flying = []
    for version in range(2, 12):
        publisher.publish({"p": upsert(cds=[cluster("a", version)])})
        flying += [r for r in client.poll() if r.type_url == CDS]
    assert len(flying) == Limits().cluster_window
    assert client.stream.next_wakeup() is not None
    (newest,) = (r for r in client.ack(flying[0]) if r.type_url == CDS)
    assert newest.resources[0].version == cluster("a", 11).version


@rules("X-86")
def test_routes_wait_for_the_clusters_of_their_generation(
    client: Scripted, publisher: Publisher
) -> None:
    for version in range(2, 2 + Limits().cluster_window):
        publisher.publish({"p": upsert(cds=[cluster("a", version)])})
        client.poll()
    publisher.publish({"p": upsert(cds=[cluster("b")], vhds=[virtual_host("80/x", "b")])})
    assert [r for r in client.later(GRACE + 1) if r.type_url == VHDS] == []


@rules("X-83", "X-61")
def test_a_changed_cluster_is_followed_by_its_endpoints(
    client: Scripted, publisher: Publisher
) -> None:
    publisher.publish({"p": upsert(cds=[cluster("a", 2)])})
    assert told(client.poll()) == [("cds", ["a"], []), ("eds", ["a"], [])]


@rules("X-83")
def test_a_changed_cluster_is_followed_by_the_endpoints_under_their_service_name(
    publisher: Publisher,
) -> None:
    publisher.publish({"p": upsert(cds=[cluster("a", service="s")], eds=[endpoints("s")])})
    client = Scripted(publisher)
    client.sync("cds")
    client.sync("eds", ["s"])
    publisher.publish({"p": upsert(cds=[cluster("a", 2, service="s")])})
    assert told(client.poll()) == [("cds", ["a"], []), ("eds", ["s"], [])]


@rules("X-83")
def test_endpoints_of_a_new_cluster_are_sent_when_asked_for_and_not_twice(
    client: Scripted, publisher: Publisher
) -> None:
    publisher.publish({"p": upsert(cds=[cluster("b")], eds=[endpoints("b")])})
    assert told(client.poll()) == [("cds", ["b"], [])]
    assert told(client.ask("eds", ["b"])) == [("eds", ["b"], [])]


# Removals


@rules("X-81")
def test_a_cluster_goes_after_the_routes_that_let_go_of_it_are_acknowledged(
    client: Scripted, publisher: Publisher
) -> None:
    publisher.publish(
        {
            "p": PartChange(
                upserts={VHDS: [virtual_host("80/x", "b")], CDS: [cluster("b")]},
                removals={CDS: ["a"]},
            )
        }
    )
    (clusters,) = client.poll()
    (routes,) = client.ack(clusters)
    assert told([clusters, routes]) == [("cds", ["b"], []), ("vhds", ["80/x"], [])]
    assert client.poll() == []
    assert client.stream.acknowledged() == 1
    assert told(client.ack(routes)) == [("cds", [], ["a"])]


@rules("X-81")
def test_a_cluster_that_nothing_referred_to_goes_at_once(
    client: Scripted, publisher: Publisher
) -> None:
    publisher.publish({"p": remove(cds=["a"])})
    (removal,) = client.poll()
    assert told([removal]) == [("cds", [], ["a"])]
    assert client.stream.acknowledged() == 1
    assert client.ack(removal) == []
    assert client.stream.acknowledged() == 2


@rules("X-81")
def test_a_client_that_does_not_accept_its_routes_loses_the_cluster_after_the_grace_period(
    client: Scripted, publisher: Publisher
) -> None:
    publisher.publish({"p": PartChange(upserts={RDS: [route("80", 2)]}, removals={CDS: ["a"]})})
    client.poll()
    assert client.stream.next_wakeup() == client.now + GRACE
    assert client.later(GRACE - 0.1) == []
    assert told(client.later(0.1)) == [("cds", [], ["a"])]


@rules("X-81", "X-23")
def test_a_client_that_rejected_its_routes_keeps_the_clusters_of_the_old_ones(
    client: Scripted, publisher: Publisher
) -> None:
    publisher.publish({"p": PartChange(upserts={RDS: [route("80", 2)]}, removals={CDS: ["a"]})})
    (routes,) = client.poll()
    assert client.nack(routes) == []
    assert client.stream.next_wakeup() is None
    assert client.later(100 * GRACE) == []
    publisher.publish({"p": upsert(rds=[route("80", 3)])})
    pushed = [("rds", ["80"], []), ("vhds", ["80/x"], []), ("cds", [], ["a"])]
    assert told(client.settle()) == pushed  # the table again: it may have had no place for one


@rules("X-81")
def test_a_removal_lapses_when_the_cluster_comes_back(
    client: Scripted, publisher: Publisher
) -> None:
    publisher.publish({"p": PartChange(upserts={RDS: [route("80", 2)]}, removals={CDS: ["a"]})})
    (routes,) = client.poll()
    publisher.publish({"p": upsert(cds=[cluster("a")])})
    assert told(client.settle(client.ack(routes))) == [("cds", ["a"], []), ("eds", ["a"], [])]
    assert client.later(GRACE) == []
    assert client.stream.acknowledged() == 3


@rules("X-81")
def test_each_removal_waits_for_its_own_generation(client: Scripted, publisher: Publisher) -> None:
    publisher.publish({"p": upsert(cds=[cluster("b"), cluster("c")])})
    client.settle()
    publisher.publish({"p": PartChange(upserts={RDS: [route("80", 2)]}, removals={CDS: ["b"]})})
    (first,) = client.poll()
    publisher.publish({"p": PartChange(upserts={RDS: [route("80", 3)]}, removals={CDS: ["c"]})})
    client.poll()
    second, removal = client.ack(first)
    assert told([second, removal]) == [("rds", ["80"], []), ("cds", [], ["b"])]
    assert told(client.ack(second)) == [("cds", [], ["c"])]


def test_many_waiting_removals_merge(client: Scripted, publisher: Publisher) -> None:
    added = [f"c{number}" for number in range(12)]
    publisher.publish({"p": upsert(cds=[cluster(name) for name in added])})
    client.settle()
    publisher.publish({"p": upsert(rds=[route("80", 2)])})
    client.poll()
    for number, name in enumerate(added):
        publisher.publish(
            {"p": PartChange(upserts={RDS: [route("80", 3 + number)]}, removals={CDS: [name]})}
        )
        assert client.later(0.1) == []
    (gone,) = client.later(GRACE)
    assert sorted(gone.removed_resources) == sorted(added)


def test_a_removal_waits_for_room_in_the_window(client: Scripted, publisher: Publisher) -> None:
    flying = []
    for version in range(2, 2 + Limits().cluster_window):
        publisher.publish({"p": upsert(cds=[cluster("b", version)])})
        flying += [r for r in client.poll() if r.type_url == CDS]
    publisher.publish({"p": remove(cds=["a"])})
    assert client.later(GRACE) == []
    assert told(client.ack(flying[0])) == [("cds", [], ["a"])]


@rules("X-81")
def test_a_young_stream_may_still_ask_for_routes_so_removals_wait(publisher: Publisher) -> None:
    publisher.publish({"p": upsert(cds=[cluster("a")])})
    client = Scripted(publisher)
    client.sync("cds")
    publisher.publish({"p": remove(cds=["a"])})
    assert client.poll() == []
    assert client.stream.next_wakeup() == client.now + GRACE
    assert told(client.later(GRACE)) == [("cds", [], ["a"])]


@rules("X-105")
def test_a_listener_goes_in_the_response_that_brings_its_successor(
    client: Scripted, publisher: Publisher
) -> None:
    publisher.publish(
        {
            "p": PartChange(
                upserts=upsert(lds=[listener("m")]).upserts, removals=remove(lds=["l"]).removals
            )
        }
    )
    assert told(client.poll()) == [("lds", ["m"], ["l"])]


# Virtual hosts


@rules("X-124")
def test_one_edit_sends_one_virtual_host(client: Scripted, publisher: Publisher) -> None:
    publisher.publish({"p": upsert(vhds=[virtual_host("80/y", "a")])})
    assert told(client.settle()) == [("vhds", ["80/y"], [])]
    publisher.publish({"p": remove(vhds=["80/y"])})
    assert told(client.settle()) == [("vhds", [], ["80/y"])]


@rules("X-123")
def test_virtual_hosts_of_other_route_configurations_are_not_sent(
    client: Scripted, publisher: Publisher
) -> None:
    publisher.publish({"p": upsert(vhds=[virtual_host("90/y", "a")])})
    assert client.poll() == []


@rules("X-123")
def test_a_new_route_configuration_is_followed_by_its_whole_table(
    client: Scripted, publisher: Publisher
) -> None:
    publisher.publish({"p": upsert(rds=[route("90")], vhds=[virtual_host("90/y", "a")])})
    assert client.poll() == []
    assert told(client.settle(client.ask("rds", ["90"]))) == [
        ("rds", ["90"], []),
        ("vhds", ["90/y"], []),
    ]


@rules("X-123", "X-47")
def test_a_route_configuration_that_appears_later_brings_its_table_too(
    client: Scripted, publisher: Publisher
) -> None:
    client.sync("rds", ["90"])
    publisher.publish({"p": upsert(vhds=[virtual_host("90/y", "a")])})
    assert client.poll() == []
    publisher.publish({"p": upsert(rds=[route("90")])})
    assert told(client.settle()) == [("rds", ["90"], []), ("vhds", ["90/y"], [])]


@rules("X-123", "X-43")
def test_a_route_configuration_that_is_asked_for_again_brings_its_table_again(
    client: Scripted,
) -> None:
    assert told(client.settle(client.ask("rds", ["80"]))) == [
        ("rds", ["80"], []),
        ("vhds", ["80/x"], []),
    ]


@rules("X-126")
def test_an_update_of_a_route_configuration_leaves_its_table_alone(
    client: Scripted, publisher: Publisher
) -> None:
    publisher.publish({"p": upsert(rds=[route("80", 2)])})
    assert told(client.settle()) == [("rds", ["80"], [])]


@rules("X-123")
def test_a_route_configuration_that_is_given_up_takes_its_table_along(
    client: Scripted, publisher: Publisher
) -> None:
    client.ask("rds", [], ["80"])
    publisher.publish({"p": upsert(vhds=[virtual_host("80/x", "a", 2)])})
    assert client.poll() == []
    assert told(client.settle(client.ask("rds", ["80"]))) == [
        ("rds", ["80"], []),
        ("vhds", ["80/x"], []),
    ]


@rules("X-129")
def test_a_domain_moves_in_one_unsplit_response() -> None:
    publisher = Publisher(chunk_bytes=10)
    publisher.publish(
        {"p": upsert(rds=[route("80")], vhds=[virtual_host(f"80/{n}") for n in "abc"])}
    )
    client = Scripted(publisher)
    client.sync("rds", ["80"])
    assert [names(r) for r in client.sync("vhds")] == [["80/a"], ["80/b"], ["80/c"]]
    publisher.publish(
        {
            "p": PartChange(
                upserts={VHDS: [virtual_host("80/b", version=2), virtual_host("80/d")]},
                removals={VHDS: ["80/a"]},
            )
        }
    )
    assert told(client.poll()) == [("vhds", ["80/b", "80/d"], ["80/a"])]


def test_a_client_that_names_its_virtual_hosts_gets_those(publisher: Publisher) -> None:
    publisher.publish(
        {"p": upsert(rds=[route("80")], vhds=[virtual_host("80/x"), virtual_host("80/y")])}
    )
    client = Scripted(publisher)
    client.sync("rds", ["80"])
    assert told(client.sync("vhds", ["80/x"])) == [("vhds", ["80/x"], [])]
    publisher.publish({"p": upsert(vhds=[virtual_host("80/x", "b"), virtual_host("80/y", "b")])})
    assert told(client.settle()) == [("vhds", ["80/x"], [])]
