"""What becomes of the good part of a push that Envoy rejects."""

from collections.abc import Callable

import pytest
from envoy.config.cluster.v3.cluster_pb2 import Cluster

from tests.conformance.conversation import accepted, carried
from tests.conformance.resources import (
    host,
    invalid_cluster,
    refused_cluster,
    static_cluster,
)
from tests.conformance.world import World
from tests.xds.rules import rules
from xds.types import CDS, VHDS

pytestmark = pytest.mark.envoy


@rules("X-103", "X-23")
@pytest.mark.parametrize("bad", [refused_cluster, invalid_cluster])
async def test_what_is_good_of_a_rejected_push_is_taken_and_listed(
    live: World, bad: Callable[[str], Cluster]
) -> None:
    live.publish(static_cluster("b"), bad("c"), static_cluster("d"))
    pushed = await live.stream.sent(CDS, "c")
    assert not accepted(await live.stream.answered(pushed.nonce))
    live.publish(static_cluster("e"))
    await live.taken(CDS, "e")
    assert await live.envoy.clusters() >= {"b", "d", "e"}
    again = await live.tap.reconnected()
    held = set((await again.asked(CDS)).initial_resource_versions)
    assert held == {"a", "b", "d", "e"}


@rules("X-129", "X-23")
async def test_one_of_sixteen_is_found_in_four_more_sends(live: World) -> None:
    """Envoy does not name it, and takes no virtual host of a response that it rejects. One more
    response brings those that were suspected with it, and a last one tries the culprit beside them:
    it might have been rejected for a domain that one of them gives up.
    """
    domains = [f"{number:02}.test" for number in range(16)]
    hosts = {domain: host("r", domain, "a") for domain in domains}
    hosts["06.test"].routes[0].match.safe_regex.regex = "(unbalanced"
    live.publish(*hosts.values())
    clients = live.server.clients
    while not (kept := clients.snapshot()[0].types[VHDS].quarantined):
        await clients.changed(clients.revision)
    assert [(each.name, "unbalanced" in each.message) for each in kept] == [("r/06.test", True)]
    for domain in domains:
        await live.answers(domain, 404 if domain == "06.test" else 200)
    sent = live.stream.responses[live.stream.mark :]
    assert len([r for r in sent if "r/06.test" in carried(r)]) <= 1 + 4
    assert len([r for r in sent if r.type_url == VHDS]) <= 1 + 4 + 1 + 1


@rules("X-129", "X-128")
async def test_a_good_virtual_host_beside_a_bad_one_is_served(live: World) -> None:
    live.publish(host("r", "b.test", "a"), host("r", "copy", "a", domains=["a.test"]))
    await live.answers("b.test", 200)
    assert (await live.envoy.ask("a.test")).status == 200
