"""What Envoy asks for, when, and in which form."""

import asyncio

import pytest

from tests.conformance.conversation import PATIENCE, Request, accepted
from tests.conformance.resources import change, cluster, routes
from tests.conformance.world import World, serving
from tests.xds.rules import rules
from xds.publisher import Publisher
from xds.types import CDS, EDS, LDS, RDS, VHDS, short_name

pytestmark = pytest.mark.envoy


@rules("X-01")
async def test_the_first_request_names_the_node_and_no_later_one_another(live: World) -> None:
    """Envoy 1.37 names it every time, though told not to."""
    await live.stream.asked(VHDS)
    first, *later = [request.node.id for request in live.stream.requests]
    assert first == "n"
    assert set(later) <= {"", "n"}


@rules("X-40")
async def test_clusters_and_listeners_are_asked_for_without_names(live: World) -> None:
    for kind in (CDS, LDS):
        first = live.stream.subscriptions(kind)[0]
        assert not first.resource_names_subscribe


@rules("X-63", "X-28")
async def test_a_reconnect_asks_for_all_types_before_it_is_answered(live: World) -> None:
    live.tap.hold(lambda _: True)
    again = await live.tap.reconnected()
    await again.asked(VHDS)
    assert again.order()[:4] == ["cds", "eds", "lds", "rds"]
    assert not again.responses
    assert not any(request.response_nonce for request in again.requests)


@rules("X-127")
async def test_a_reconnect_says_what_envoy_holds(live: World) -> None:
    again = await live.tap.reconnected()
    await again.asked(VHDS)
    held = {short_name(r.type_url): set(r.initial_resource_versions) for r in again.requests}
    assert held == {
        "cds": {"a"},
        "eds": {"a"},
        "lds": {"front"},
        "rds": {"r"},
        "vhds": {"r/a.test", "r/*"},
    }


@rules("X-60", "X-126")
async def test_a_reconnect_brings_no_resource_that_did_not_change(live: World) -> None:
    again = await live.tap.reconnected()
    await again.asked(VHDS)
    live.publish(live.endpoints("a", "two"))
    await live.taken(EDS, "a")
    assert [(r.type_url, len(r.resources)) for r in again.responses] == [(EDS, 1)]
    await live.answers("a.test", 200, "two")


@rules("X-60", "X-62")
async def test_another_replica_brings_nothing_that_is_the_same(live: World) -> None:
    """Its generations are others, for it published all at once."""
    replica, path = Publisher(), live.envoy.folder / "replica"
    replica.publish({"p": change(*live.first(), cluster("b"))})
    replica.publish({"p": change(removed=[cluster("b")])})
    async with serving(replica, path):

        def switch() -> None:
            live.tap.target = path

        again = await live.tap.reconnected(meanwhile=switch)
        await again.asked(VHDS)
        replica.publish({"p": change(live.endpoints("a", "two"))})
        await live.taken(EDS, "a")
        assert [(r.type_url, len(r.resources)) for r in again.responses] == [(EDS, 1)]
        await live.answers("a.test", 200, "two")


@rules("X-60")
async def test_a_reconnect_brings_what_changed_and_takes_what_went(live: World) -> None:
    live.publish(cluster("b"), live.endpoints("b"))
    await live.taken(CDS, "b")

    def changed() -> None:
        live.publish(routes("r", header="2"), removed=[cluster("b"), live.endpoints("b")])

    again = await live.tap.reconnected(meanwhile=changed)
    removal = await again.sent(CDS, "b")
    assert list(removal.removed_resources) == ["b"]
    await live.taken(CDS, "b")
    await live.taken(RDS, "r")
    assert "b" not in await live.envoy.clusters()


@rules("X-61")
async def test_a_cluster_that_a_reconnect_brings_waits_for_its_endpoints(live: World) -> None:
    """The version of the endpoints is the same, and Envoy still waits for them."""
    live.tap.hold(lambda response: response.type_url == EDS)
    again = await live.tap.reconnected(meanwhile=lambda: live.publish(cluster("a", 2)))
    clusters = await again.sent(CDS, "a")
    await _listeners_answered(live)
    assert again.answer(clusters.nonce) is None
    live.tap.release()
    await live.taken(CDS, "a")
    await live.taken(EDS, "a")


@rules("X-61")
async def test_a_cluster_without_its_endpoints_falls_back_on_what_envoy_held(fresh: World) -> None:
    fresh.publish(*fresh.first()[2:], cluster("a", fetch_timeout_ms=200), fresh.endpoints("a"))
    await fresh.answers("a.test", 200)
    fresh.tap.hold(lambda response: response.type_url == EDS)
    fresh.publish(cluster("a", 2, fetch_timeout_ms=200))
    await fresh.taken(CDS, "a")
    async with asyncio.timeout(PATIENCE):
        while await fresh.envoy.stat("cluster.a.assignment_use_cached") != 1:
            pass
    assert (await fresh.envoy.ask("a.test")).status == 200


@rules("X-02", "X-64")
async def test_while_a_cluster_warms_a_reconnect_asks_for_endpoints_only(live: World) -> None:
    live.tap.hold(lambda response: response.type_url == EDS)
    live.publish(cluster("b"), live.endpoints("b"))
    await live.stream.asked(EDS, "b")
    again = await live.tap.reconnected()
    first = await again.until(lambda: again.requests[0] if again.requests else None)
    assert (first.type_url, first.node.id) == (EDS, "n")
    await again.asked(VHDS)
    assert "cds" not in again.order()
    live.tap.release()
    await again.asked(CDS)
    await live.taken(EDS, "b")
    assert "b" in await live.envoy.clusters()


@rules("X-64")
async def test_an_answer_of_absence_ends_the_warming_of_a_reconnect(live: World) -> None:
    live.tap.hold(lambda response: response.type_url == EDS)
    live.publish(cluster("b"), live.endpoints("b"))
    await live.stream.asked(EDS, "b")
    again = await live.tap.reconnected(
        meanwhile=lambda: live.publish(removed=[cluster("b"), live.endpoints("b")])
    )
    await again.asked(VHDS)
    assert "cds" not in again.order()
    live.tap.release()
    asked = await again.asked(CDS)
    assert not asked.response_nonce
    await live.taken(CDS, "b")
    assert "b" not in await live.envoy.clusters()


@rules("X-43")
async def test_a_cluster_that_comes_back_is_asked_endpoints_for_again(live: World) -> None:
    live.publish(cluster("b"), live.endpoints("b"))
    await live.taken(CDS, "b")
    live.publish(removed=[cluster("b")])
    await live.stream.until(
        lambda: next((r for r in live.stream.requests if "b" in r.resource_names_unsubscribe), None)
    )
    live.publish(cluster("b"))
    await live.stream.until(
        lambda: live.stream.subscriptions(EDS, "b") if _twice(live, "b") else None
    )
    await live.taken(CDS, "b")
    assert await live.envoy.stat("cluster.b.membership_total") == 1


def _twice(live: World, name: str) -> bool:
    return len(live.stream.subscriptions(EDS, name)) == 2


async def _listeners_answered(live: World) -> Request:
    """A round trip on the stream: what Envoy had to say before it has been heard."""
    answer = await live.tap.injected(LDS)
    assert accepted(answer)
    return answer
