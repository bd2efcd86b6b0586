"""Roots are where pods read them, before anything is signed by the new one, and nowhere else."""

from collections.abc import Collection
from datetime import datetime
from urllib.parse import quote

import pytest

from ca.authority import new_intermediate, new_root, pem
from ca.reports import Report, Said, waiting
from ca.rotation import Rotation, begin
from heddle.authority_secret import ROOT_FILE, ROOTS
from heddle.root_config_maps import BUNDLE, RootConfigMaps
from heddle.trust import Trust
from sources.resource import CONFIG_MAPS
from tests.fakes.clock import FakeClock
from tests.fakes.cluster import FakeCluster

DOMAIN = "cluster.local"
BETA = "/apis/certificates.k8s.io/v1beta1"


def rotation(now: datetime) -> Rotation:
    return Rotation(current=new_intermediate(new_root(now, DOMAIN), now, DOMAIN))


class World:
    """A cluster, and who leads in it."""

    def __init__(self, clock: FakeClock) -> None:
        self.api = FakeCluster()
        self.trust = Trust(rotation(clock.now()))
        self.namespaces: Collection[str] | None = {"shop", "heddle-system"}
        self.maps = RootConfigMaps(self.api, self.trust, lambda: self.namespaces)

    def text(self, namespace: str) -> object:
        found = self.api.objects[CONFIG_MAPS.one(ROOTS, namespace)]["data"]
        assert isinstance(found, dict)
        return found[ROOT_FILE]

    @property
    def roots(self) -> str:
        return pem(self.trust.roots).decode()

    def written(self) -> set[str]:
        return {path.split("/")[4] for path in self.api.objects if path.endswith(ROOTS)}


@pytest.fixture
def world(clock: FakeClock) -> World:
    return World(clock)


async def test_they_are_in_each_namespace_that_needs_them_and_written_once(world: World) -> None:
    await world.maps.mend()
    await world.maps.mend()
    assert world.text("shop") == world.text("heddle-system") == world.roots
    assert len(world.api.writes) == 2
    assert world.maps.state == world.trust.rotation.name


async def test_what_somebody_has_changed_is_mended(world: World) -> None:
    await world.maps.mend()
    world.api.objects[CONFIG_MAPS.one(ROOTS, "shop")]["data"] = {ROOT_FILE: "x", "mine": "y"}
    await world.api.delete(CONFIG_MAPS.one(ROOTS, "heddle-system"))
    await world.maps.mend()
    assert world.text("shop") == world.text("heddle-system") == world.roots


async def test_they_are_removed_where_nobody_needs_them_if_they_are_ours(world: World) -> None:
    world.namespaces = {"shop", "heddle-system", "theirs"}
    await world.maps.mend()
    meta = world.api.objects[CONFIG_MAPS.one(ROOTS, "theirs")]["metadata"]
    assert isinstance(meta, dict)
    meta["labels"] = {"app.kubernetes.io/managed-by": "somebody"}
    world.namespaces = {"heddle-system"}
    await world.maps.mend()
    assert world.written() == {"heddle-system", "theirs"}


async def test_nothing_is_removed_as_long_as_nobody_knows_what_is_needed(world: World) -> None:
    await world.maps.mend()
    world.namespaces = None
    await world.maps.mend()
    assert world.written() == {"shop", "heddle-system"}


async def test_a_step_waits_until_all_of_them_have_both_roots(
    world: World, clock: FakeClock
) -> None:
    await world.maps.mend()
    now = clock.now()
    trusting = begin(world.trust.rotation, rotation(now).current, now)
    await world.trust.adopt(trusting)
    world.api.forbids = lambda verb, path: verb == "apply" and "/shop/" in path
    await world.maps.mend()
    assert "1 namespaces without them: shop" in world.maps.problem
    report = Report(replica="one", state=trusting.name, roots=world.maps.state)
    said = Said(living=[report], with_roots=True)
    assert "are not in the ConfigMaps" in waiting(said, trusting.name, now).roots
    world.api.forbids = lambda verb, path: False
    await world.maps.mend()
    assert world.text("shop") == world.roots
    assert world.roots.count("BEGIN") == 2
    said = Said(living=[Report(replica="one", roots=world.maps.state)], with_roots=True)
    assert waiting(said, trusting.name, now).roots == ""


async def test_what_was_written_before_does_not_count_for_the_next_step(
    world: World, clock: FakeClock
) -> None:
    await world.maps.mend()
    now = clock.now()
    await world.trust.adopt(begin(world.trust.rotation, rotation(now).current, now))
    assert world.maps.state != world.trust.rotation.name
    world.api.fails = 500
    await world.maps.mend()
    assert world.maps.state == ""


async def test_a_namespace_that_has_gone_holds_nobody_up(world: World) -> None:
    def gone(verb: str, path: str) -> None:
        world.api.fails = 404 if verb == "apply" and "/shop/" in path else None

    world.api.before = gone
    await world.maps.mend()
    assert world.maps.state == world.trust.rotation.name


async def serve_bundles(world: World) -> None:
    body = {
        "metadata": {"name": "v1beta1"},
        "resources": [{"name": "clustertrustbundles", "kind": "ClusterTrustBundle"}],
    }
    await world.api.create("/apis/certificates.k8s.io", body)


async def test_where_the_api_server_has_trust_bundles_there_is_one(world: World) -> None:
    await serve_bundles(world)
    for _ in range(2):
        await world.maps.mend()
    spec = {"signerName": "heddle.io/workload", "trustBundle": world.roots}
    assert world.api.objects[f"{BETA}/clustertrustbundles/{quote(BUNDLE)}"]["spec"] == spec
    assert BUNDLE == "heddle.io:workload:roots"
    assert len(world.api.writes) == 1 + 3


async def test_who_may_not_write_trust_bundles_writes_the_rest(world: World) -> None:
    await serve_bundles(world)
    world.api.forbids = lambda verb, path: "clustertrustbundles" in path
    await world.maps.mend()
    assert world.maps.state == world.trust.rotation.name
