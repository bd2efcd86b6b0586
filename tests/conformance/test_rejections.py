"""What Envoy rejects, and how much of the response it takes nevertheless."""

import pytest
from envoy.service.discovery.v3 import discovery_pb2

from tests.conformance.conversation import accepted
from tests.conformance.resources import (
    cluster,
    host,
    invalid_cluster,
    refused_cluster,
    static_cluster,
)
from tests.conformance.tap import entry
from tests.conformance.world import World
from tests.xds.rules import rules
from xds.types import CDS, EDS, LDS, VHDS

pytestmark = pytest.mark.envoy


@rules("X-100")
async def test_a_name_twice_rejects_the_whole_response(live: World) -> None:
    twice = ("c", static_cluster("c"))
    answer = await live.tap.injected(CDS, ("b", static_cluster("b")), twice, twice)
    assert "duplicate" in answer.error_detail.message
    assert not {"b", "c"} & await live.envoy.clusters()


@rules("X-100")
async def test_a_name_both_sent_and_removed_rejects_the_whole_response(live: World) -> None:
    both = ("c", static_cluster("c"))
    answer = await live.tap.injected(CDS, ("b", static_cluster("b")), both, removed=("c",))
    assert "duplicate" in answer.error_detail.message
    assert not {"b", "c"} & await live.envoy.clusters()


@rules("X-101")
async def test_another_type_inside_rejects_the_whole_response(live: World) -> None:
    wrong = ("c", live.endpoints("c"))
    answer = await live.tap.injected(CDS, ("b", static_cluster("b")), wrong)
    assert not accepted(answer)
    assert "b" not in await live.envoy.clusters()


@rules("X-102")
async def test_a_violated_constraint_rejects_the_whole_response(live: World) -> None:
    bad = ("c", invalid_cluster("c"))
    answer = await live.tap.injected(CDS, ("b", static_cluster("b")), bad)
    assert "connect_timeout" in answer.error_detail.message.lower().replace(
        "connecttimeout", "connect_timeout"
    )
    assert "b" not in await live.envoy.clusters()


@rules("X-103", "X-30")
async def test_a_cluster_that_cannot_be_made_is_named_and_the_others_are_taken(live: World) -> None:
    good = [(name, static_cluster(name)) for name in ("b", "d")]
    answer = await live.tap.injected(CDS, good[0], ("c", refused_cluster("c")), good[1])
    assert "Error adding/updating cluster(s) c:" in answer.error_detail.message
    assert await live.envoy.clusters() >= {"b", "d"}
    assert "c" not in await live.envoy.clusters()


@rules("X-103", "X-30")
async def test_a_listener_that_cannot_be_made_is_named_and_the_others_are_taken(
    live: World,
) -> None:
    taken = live.listener("copy", "r")
    taken.address.pipe.path = str(live.envoy.folder / "front")
    answer = await live.tap.injected(LDS, ("copy", taken), ("back", live.listener("back", "r")))
    assert "Error adding/updating listener(s) copy:" in answer.error_detail.message
    await live.answers("a.test", 200, at="back")


@rules("X-103")
async def test_after_a_rejection_envoy_does_not_list_what_it_took(live: World) -> None:
    """And asks endpoints for it: by that the server finds it, and removes it."""
    await live.tap.injected(CDS, ("b", cluster("b")), ("c", refused_cluster("c")))
    await live.stream.asked(EDS, "b")
    await live.envoy.eventually("b.test", lambda _: True)
    again = await live.tap.reconnected()
    clusters = await again.asked(CDS)
    assert set(clusters.initial_resource_versions) == {"a"}
    assert "b" in (await again.asked(EDS)).resource_names_subscribe
    removal = await again.sent(CDS, "b")
    assert list(removal.removed_resources) == ["b"]
    assert accepted(await again.answered(removal.nonce))
    assert "b" not in await live.envoy.clusters()


@rules("X-103")
async def test_what_is_sent_again_without_the_culprit_is_listed(live: World) -> None:
    good = ("b", static_cluster("b"))
    assert not accepted(await live.tap.injected(CDS, good, ("c", refused_cluster("c"))))
    assert accepted(await live.tap.injected(CDS, good))
    again = await live.tap.reconnected()
    assert "b" in (await again.asked(CDS)).initial_resource_versions


@rules("X-23")
async def test_a_rejected_response_is_not_sent_again(live: World) -> None:
    live.publish(refused_cluster("c"))
    pushed = await live.stream.sent(CDS, "c")
    assert not accepted(await live.stream.answered(pushed.nonce))
    live.publish(static_cluster("d"))
    await live.taken(CDS, "d")
    assert len([r for r in live.stream.responses if "c" in [e.name for e in r.resources]]) == 1


@rules("X-82")
async def test_a_route_to_no_cluster_is_accepted_and_gives_503(live: World) -> None:
    answer = await live.tap.injected(VHDS, ("r/b.test", host("r", "b.test", "nowhere")))
    assert accepted(answer)
    await live.answers("b.test", 503)


@rules("X-107")
async def test_a_resource_that_expires_vanishes_unless_it_is_refreshed(live: World) -> None:
    mortal = entry("b", static_cluster("b"))
    mortal.ttl.FromMilliseconds(300)
    assert accepted(await live.tap.injected(CDS, mortal))
    beat = discovery_pb2.Resource(name="b", version="i")
    beat.ttl.CopyFrom(mortal.ttl)
    assert accepted(await live.tap.injected(CDS, beat))
    assert "b" in await live.envoy.clusters()
    await live.envoy.without("b")


@rules("X-109")
async def test_a_response_may_have_more_than_four_megabytes(live: World) -> None:
    large = host("r", "large", "a", domains=["large.test"])
    large.routes[0].name = "x" * (5 << 20)
    assert accepted(await live.tap.injected(VHDS, ("r/large", large)))
    await live.answers("large.test", 200)
