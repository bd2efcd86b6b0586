"""The state-of-the-world stream over time: reconnects, order, make before break (X-60 to X-86)."""

from tests.xds.resources import cluster, endpoints, listener, remove, route, static_cluster, upsert
from tests.xds.rules import rules
from tests.xds.sotw_scripted import Response, SotwScripted, names, told
from xds.limits import Limits
from xds.publisher import PartChange, Publisher
from xds.types import CDS, LDS, RDS

GRACE = Limits().grace


def whole(version: int = 1, *, clusters: tuple[str, ...] = ("a",)) -> PartChange:
    """A small configuration whose every resource has `version`."""
    return upsert(
        cds=[cluster(name, version) for name in clusters],
        eds=[endpoints(name, version) for name in clusters],
        lds=[listener("l", version)],
        rds=[route("80", version)],
    )


def synced(publisher: Publisher, names: tuple[str, ...] = ("a",)) -> SotwScripted:
    """A client that has accepted everything."""
    client = SotwScripted(publisher)
    client.sync("cds", [])
    client.sync("eds", names)
    client.sync("lds", [])
    client.sync("rds", ["80"])
    assert client.stream.acknowledged() == publisher.generation
    return client


def _all(publisher: Publisher) -> list[Response]:
    """All that a client is sent."""
    client = SotwScripted(publisher)
    return [*client.sync("cds", []), *client.sync("lds", []), *client.sync("rds", ["80"])]


# Reconnect


@rules("X-60+X-62+X-63")
def test_a_client_that_returns_to_an_equal_server_is_sent_nothing() -> None:
    first, second = Publisher(), Publisher()
    for publisher in (first, second):
        publisher.publish({"p": whole()})
    client = SotwScripted(first)
    held = {
        kind: client.sync(kind, asked)[-1].version_info
        for kind, asked in {"cds": [], "eds": ["a"], "lds": [], "rds": ["80"]}.items()
    }
    again = SotwScripted(second)
    for kind, asked in {"cds": [], "eds": ["a"], "lds": [], "rds": ["80"]}.items():
        assert again.ask(kind, asked, version=held[kind]) == []
    assert again.stream.acknowledged() == second.generation
    second.publish({"p": upsert(rds=[route("80", 2)])})
    assert told(again.poll()) == [("rds", ["80"])]


@rules("X-60")
def test_a_client_that_returns_with_another_version_is_sent_all(publisher: Publisher) -> None:
    publisher.publish({"p": whole()})
    assert told(SotwScripted(publisher).ask("cds", version="1")) == [("cds", ["a"])]


@rules("X-66")
def test_what_a_client_may_no_longer_have_is_not_in_its_state(publisher: Publisher) -> None:
    publisher.publish({"p": whole(), "private": upsert(lds=[listener("private")])})
    (both,) = SotwScripted(publisher, ["p", "private"]).ask("lds")
    (answer,) = SotwScripted(publisher, ["p"]).ask("lds", version=both.version_info)
    assert (names(both), names(answer)) == (["l", "private"], ["l"])


@rules("X-62")
def test_the_version_does_not_depend_on_the_order_or_the_parts(publisher: Publisher) -> None:
    publisher.publish({"p": upsert(cds=[cluster("a"), cluster("b")]), "q": PartChange()})
    publisher.publish(
        {"r": upsert(cds=[cluster("b")]), "s": upsert(cds=[cluster("a")]), "q": PartChange()}
    )
    (one,) = SotwScripted(publisher, ("p",)).ask("cds")
    (two,) = SotwScripted(publisher, ("r", "s")).ask("cds")
    assert one.version_info == two.version_info
    assert list(one.resources) == list(two.resources)


@rules("X-02+X-64")
def test_endpoints_asked_for_before_clusters_are_sent_even_if_equal(publisher: Publisher) -> None:
    publisher.publish({"p": whole()})
    (response,) = SotwScripted(publisher).ask("eds", ["a"])
    again = SotwScripted(publisher)
    assert told(again.ask("eds", ["a"], version=response.version_info)) == [("eds", ["a"])]


@rules("X-61")
def test_a_cluster_that_is_sent_again_brings_its_equal_endpoints(publisher: Publisher) -> None:
    publisher.publish({"p": whole()})
    (held,) = SotwScripted(publisher).ask("eds", ["a"])
    again = SotwScripted(publisher)
    again.sync("cds")
    assert told(again.ask("eds", ["a"], version=held.version_info)) == [("eds", ["a"])]


@rules("X-60+X-81")
def test_routes_of_a_client_that_returns_wait_for_clusters_that_it_lacks(
    publisher: Publisher,
) -> None:
    publisher.publish({"p": whole(clusters=("a", "b"))})
    client = SotwScripted(publisher)
    client.send("cds", [], version="old")
    client.send("rds", ["80"], version="old")
    (clusters,) = client.poll()
    assert names(clusters) == ["a", "b"]
    assert told(client.ack(clusters)) == [("rds", ["80"])]


@rules("X-60+X-81")
def test_a_server_that_knows_what_a_client_holds_keeps_clusters_for_its_routes(
    publisher: Publisher,
) -> None:
    publisher.publish({"p": whole(clusters=("a", "b"))})
    held = {response.type_url: response.version_info for response in _all(publisher)}
    publisher.publish(
        {
            "p": PartChange(
                upserts=upsert(cds=[cluster("c")], rds=[route("80", 2)]).upserts,
                removals=remove(cds=["b"]).removals,
            )
        }
    )
    client = SotwScripted(publisher)
    client.send("cds", [], version=held[CDS])
    client.send("lds", [], version=held[LDS])
    client.send("rds", ["80"], version=held[RDS])
    (clusters,) = client.poll()
    assert names(clusters) == ["a", "b", "c"]
    (routes,) = client.ack(clusters)
    assert told(client.ack(routes)) == [("cds", ["a", "c"])]


@rules("X-60")
def test_what_a_client_no_longer_wants_is_no_reason_to_send(publisher: Publisher) -> None:
    publisher.publish({"p": whole(clusters=("a", "b"))})
    (held,) = SotwScripted(publisher).ask("rds", ["80", "81"])
    assert SotwScripted(publisher).ask("rds", ["80"], version=held.version_info) == []


# Order


@rules("X-80")
def test_a_push_goes_in_order(publisher: Publisher) -> None:
    publisher.publish({"p": whole()})
    client = synced(publisher)
    publisher.publish({"p": whole(2)})
    (clusters, load) = client.poll()
    assert told([clusters, load]) == [("cds", ["a"]), ("eds", ["a"])]
    client.ack(load)
    assert told(client.ack(clusters)) == [("lds", ["l"]), ("rds", ["80"])]


@rules("X-83")
def test_a_changed_cluster_is_followed_by_its_endpoints(publisher: Publisher) -> None:
    publisher.publish({"p": whole()})
    client = synced(publisher)
    publisher.publish({"p": upsert(cds=[cluster("a", 2)])})
    assert told(client.settle()) == [("cds", ["a"]), ("eds", ["a"])]


@rules("X-83")
def test_a_cluster_without_endpoints_of_its_own_is_followed_by_none(publisher: Publisher) -> None:
    publisher.publish({"p": whole()})
    client = synced(publisher)
    publisher.publish({"p": upsert(cds=[static_cluster("s")])})
    assert told(client.settle()) == [("cds", ["a", "s"])]


@rules("X-81+X-29")
def test_routes_wait_while_added_clusters_warm(publisher: Publisher) -> None:
    publisher.publish({"p": whole()})
    client = synced(publisher)
    publisher.publish({"p": upsert(cds=[cluster("b")], eds=[endpoints("b")], rds=[route("80", 2)])})
    (clusters,) = client.poll()
    assert names(clusters) == ["a", "b"]
    (load,) = client.ask("eds", ["a", "b"])
    assert client.ack(load) == []
    assert told(client.ack(clusters)) == [("rds", ["80"])]


@rules("X-81+X-29")
def test_routes_wait_for_warming_clusters_only_so_long(publisher: Publisher) -> None:
    publisher.publish({"p": whole()})
    client = synced(publisher)
    publisher.publish({"p": upsert(cds=[cluster("b")], rds=[route("80", 2)])})
    assert told(client.poll()) == [("cds", ["a", "b"])]
    assert client.stream.next_wakeup() == client.now + GRACE
    assert told(client.later(GRACE)) == [("rds", ["80"])]


@rules("X-81")
def test_a_cluster_goes_after_the_routes_that_named_it(publisher: Publisher) -> None:
    publisher.publish({"p": whole(clusters=("a", "b"))})
    client = synced(publisher, ("a", "b"))
    publisher.publish(
        {
            "p": PartChange(
                upserts=upsert(cds=[cluster("c")], rds=[route("80", 2)]).upserts,
                removals=remove(cds=["b"], eds=["b"]).removals,
            )
        }
    )
    (clusters,) = client.poll()
    assert names(clusters) == ["a", "b", "c"]
    (routes,) = client.ack(clusters)
    assert client.stream.acknowledged() < publisher.generation
    (rest,) = client.ack(routes)
    assert told([rest]) == [("cds", ["a", "c"])]
    assert client.stream.acknowledged() < publisher.generation
    client.ack(rest)
    assert client.stream.acknowledged() == publisher.generation


@rules("X-81")
def test_a_cluster_that_nothing_names_goes_at_once(publisher: Publisher) -> None:
    publisher.publish({"p": whole(clusters=("a", "b"))})
    client = synced(publisher, ("a", "b"))
    publisher.publish({"p": remove(cds=["b"])})
    (rest,) = client.poll()
    assert told([rest]) == [("cds", ["a"])]
    assert client.stream.acknowledged() < publisher.generation
    client.ack(rest)
    assert client.stream.acknowledged() == publisher.generation


@rules("X-81")
def test_a_cluster_goes_when_the_routes_are_not_accepted_in_time(publisher: Publisher) -> None:
    publisher.publish({"p": whole(clusters=("a", "b"))})
    client = synced(publisher, ("a", "b"))
    publisher.publish({"p": upsert(rds=[route("80", 2)])})
    client.poll()
    publisher.publish({"p": remove(cds=["b"])})
    assert client.poll() == []
    assert client.stream.next_wakeup() == client.now + GRACE
    assert told(client.later(GRACE)) == [("cds", ["a"])]


@rules("X-81", "X-23")
def test_a_client_that_rejected_its_routes_keeps_the_clusters_of_the_old_ones(
    publisher: Publisher,
) -> None:
    publisher.publish({"p": whole(clusters=("a", "b"))})
    client = synced(publisher, ("a", "b"))
    publisher.publish({"p": upsert(rds=[route("80", 2)])})
    (routes,) = client.poll()
    publisher.publish({"p": remove(cds=["b"])})
    client.nack(routes)
    assert client.later(100 * GRACE) == []
    publisher.publish({"p": upsert(rds=[route("80", 3)])})
    assert told(client.settle()) == [("rds", ["80"]), ("cds", ["a"])]


@rules("X-81")
def test_a_cluster_that_comes_back_is_not_removed(publisher: Publisher) -> None:
    publisher.publish({"p": whole(clusters=("a", "b"))})
    client = synced(publisher, ("a", "b"))
    publisher.publish({"p": upsert(rds=[route("80", 2)])})
    (routes,) = client.poll()
    publisher.publish({"p": remove(cds=["b"])})
    assert client.poll() == []
    publisher.publish({"p": upsert(cds=[cluster("b")])})
    assert client.ack(routes) == []
    assert client.later(GRACE) == []
    assert client.stream.acknowledged() == publisher.generation


@rules("X-81")
def test_a_removal_waits_for_room_among_the_unanswered_clusters(publisher: Publisher) -> None:
    publisher.publish({"p": whole(clusters=("a", "b"))})
    client = SotwScripted(publisher, limits=Limits(cluster_window=1))
    for kind, asked in {"cds": [], "eds": ["a", "b"], "lds": [], "rds": ["80"]}.items():
        client.sync(kind, asked)
    publisher.publish({"p": upsert(rds=[route("80", 2)])})
    (routes,) = client.poll()
    publisher.publish(
        {
            "p": PartChange(
                upserts=upsert(cds=[cluster("c")]).upserts, removals=remove(cds=["b"]).removals
            )
        }
    )
    (clusters,) = client.poll()
    assert names(clusters) == ["a", "b", "c"]
    assert client.ack(routes) == []
    assert told(client.ack(clusters)) == [("cds", ["a", "c"])]


@rules("X-81")
def test_right_after_a_reconnect_unseen_routes_may_still_name_a_cluster(
    publisher: Publisher,
) -> None:
    publisher.publish({"p": whole(clusters=("a", "b"))})
    client = SotwScripted(publisher)
    client.sync("cds", [])
    publisher.publish({"p": remove(cds=["b"])})
    assert client.poll() == []
    assert told(client.later(GRACE)) == [("cds", ["a"])]


@rules("X-80")
def test_routes_do_not_overtake_endpoints_that_wait(publisher: Publisher) -> None:
    publisher.publish({"p": whole()})
    client = synced(publisher)
    publisher.publish({"p": upsert(eds=[endpoints("a", 2)])})
    (load,) = client.poll()
    publisher.publish({"p": upsert(eds=[endpoints("a", 3)], rds=[route("80", 2)])})
    assert client.poll() == []
    assert told(client.ack(load)) == [("eds", ["a"]), ("rds", ["80"])]
