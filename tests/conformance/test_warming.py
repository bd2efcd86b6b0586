"""Clusters and their endpoints: what waits for what."""

import pytest

from tests.conformance.conversation import accepted
from tests.conformance.resources import cluster, endpoints, static_cluster
from tests.conformance.world import World
from tests.xds.rules import rules
from xds.types import CDS, EDS, LDS, RDS, VHDS

pytestmark = pytest.mark.envoy


@rules("X-27")
async def test_several_responses_of_one_type_may_be_in_flight(live: World) -> None:
    sent = [live.tap.inject(EDS, ("a", live.endpoints("a", u))) for u in ("two", "one", "two")]
    await live.stream.answered(sent[-1])
    answers = [r.response_nonce for r in live.stream.requests if r.response_nonce in sent]
    assert answers == sent
    await live.answers("a.test", 200, "two")


@rules("X-29", "X-07")
async def test_only_clusters_are_acknowledged_late(live: World) -> None:
    live.tap.hold(lambda response: response.type_url == EDS)
    live.publish(cluster("b"), live.endpoints("b"))
    pushed = await live.stream.sent(CDS, "b")
    await live.stream.asked(EDS, "b")
    for kind in (EDS, LDS, RDS, VHDS):
        assert accepted(await live.tap.injected(kind))
    assert live.stream.answer(pushed.nonce) is None
    live.tap.release()
    await live.taken(CDS, "b")


@rules("X-130")
async def test_a_warming_cluster_withholds_the_answers_to_later_ones_which_take_effect(
    live: World,
) -> None:
    live.tap.hold(lambda response: response.type_url == EDS)
    live.publish(cluster("b"), live.endpoints("b"))
    await live.stream.asked(EDS, "b")
    later = live.tap.inject(CDS, ("c", static_cluster("c")))
    assert accepted(await live.tap.injected(LDS))
    assert "c" in await live.envoy.clusters()
    assert live.stream.answer(later) is None
    live.tap.release()
    assert accepted(await live.stream.answered(later))


@rules("X-46")
async def test_endpoints_that_do_not_exist_end_the_warming(live: World) -> None:
    live.publish(cluster("b"))
    answer = await live.stream.sent(EDS, "b")
    assert list(answer.removed_resources) == ["b"]
    await live.taken(CDS, "b")


@rules("X-46")
async def test_an_empty_answer_does_not_end_the_warming(live: World) -> None:
    live.tap.hold(lambda response: response.type_url == EDS)
    live.publish(cluster("b"))
    pushed = await live.stream.sent(CDS, "b")
    await live.stream.asked(EDS, "b")
    assert accepted(await live.tap.injected(EDS))
    assert accepted(await live.tap.injected(LDS))
    assert live.stream.answer(pushed.nonce) is None
    live.tap.release()
    await live.taken(CDS, "b")


@rules("X-47")
async def test_endpoints_that_come_later_are_taken_without_a_request(live: World) -> None:
    live.publish(cluster("b"))
    await live.taken(CDS, "b")
    live.publish(live.endpoints("b"))
    await live.taken(EDS, "b")
    assert await live.envoy.stat("cluster.b.membership_total") == 1
    assert len(live.stream.subscriptions(EDS, "b")) == 1


@rules("X-48")
async def test_endpoints_before_their_cluster_are_forgotten(live: World) -> None:
    assert accepted(await live.tap.injected(EDS, ("b", live.endpoints("b", "two"))))
    live.tap.hold(lambda response: response.type_url == EDS)
    live.publish(cluster("b"), live.endpoints("b"))
    pushed = await live.stream.sent(CDS, "b")
    await live.stream.asked(EDS, "b")
    assert accepted(await live.tap.injected(LDS))
    assert live.stream.answer(pushed.nonce) is None
    live.tap.release()
    await live.taken(CDS, "b")


@rules("X-83")
async def test_a_changed_cluster_is_not_asked_endpoints_for_and_gets_them(live: World) -> None:
    live.publish(cluster("a", 2))
    await live.taken(CDS, "a")
    await live.taken(EDS, "a")
    assert len(live.stream.subscriptions(EDS, "a")) == 1
    assert (await live.envoy.ask("a.test")).status == 200


@rules("X-84")
async def test_the_old_cluster_serves_while_the_new_one_warms(live: World) -> None:
    live.tap.hold(lambda response: response.type_url == EDS)
    live.publish(cluster("a", 2))
    pushed = await live.stream.sent(CDS, "a")
    assert accepted(await live.tap.injected(LDS))
    answers = [(await live.envoy.ask("a.test")).status for _ in range(50)]
    assert live.stream.answer(pushed.nonce) is None
    assert set(answers) == {200}
    live.tap.release()
    await live.taken(CDS, "a")
    await live.answers("a.test", 200, "one")


@rules("X-105")
async def test_no_endpoints_means_no_healthy_upstream(live: World) -> None:
    live.publish(endpoints("a", None))
    await live.taken(EDS, "a")
    await live.answers("a.test", 503, "no healthy upstream")


@rules("X-105")
async def test_removed_endpoints_and_routes_go_on_serving(live: World) -> None:
    for kind, name in ((EDS, "a"), (RDS, "r")):
        assert accepted(await live.tap.injected(kind, removed=(name,)))
    assert accepted(await live.tap.injected(LDS))
    assert (await live.envoy.ask("a.test")).status == 200


@rules("X-81", "X-105")
async def test_a_cluster_that_is_removed_while_routed_to_gives_503(live: World) -> None:
    assert accepted(await live.tap.injected(CDS, removed=("a",)))
    await live.answers("a.test", 503)
