"""A replica follows the Secret of its authority: what it holds is not lost, and one writes."""

from datetime import timedelta

import pytest
import structlog

from ca.rotation import Phase
from heddle.authority_keeper import AuthorityKeeper
from heddle.authority_secret import SecretPlace
from heddle.ca_steps import progress, step
from heddle.issued import IssuedCertificates
from heddle.secret_holders import SecretHolders
from heddle.trust import Trust
from sources.resource import LEASES
from tests.fakes.clock import FakeClock
from tests.heddle.holding import State, client, clients
from tests.heddle.test_authority_secret import CARE, DOMAIN, OURS, SYSTEM, World


class Replica:
    """One of a cluster's; its proxies are those that it was given."""

    def __init__(self, world: World, name: str, place: SecretPlace, trust: Trust) -> None:
        self.world = world
        self.trust = trust
        self.state = State()
        self.keeper = AuthorityKeeper(
            place,
            trust,
            world.clock.now,
            SecretHolders(
                clients(client(1, name, self.state)),
                lambda: [f"shop/{name}"],
                generation=lambda: 0,
                wall=world.clock,
            ),
            IssuedCertificates(),
            replica=name,
            serves=lambda: True,
            exists=lambda pod: True,
            roots=lambda: trust.rotation.name if place.writes else "",
        )


async def replica(world: World, name: str, *, leads: bool = False) -> Replica:
    place = world.place(name, leads=leads)
    return Replica(world, name, place, Trust(await place.load_or_create(DOMAIN)))


@pytest.fixture
def world(clock: FakeClock) -> World:
    return World(clock)


async def test_what_is_lost_is_told_of_by_all_and_put_back_by_who_leads(world: World) -> None:
    one, two = await replica(world, "one", leads=True), await replica(world, "two")
    held = one.trust.rotation
    await two.keeper.look()
    await world.api.delete(OURS)
    await two.keeper.look()
    assert "there is no authority any more" in two.keeper.problem
    assert (two.trust.rotation, OURS in world.api.objects) == (held, False)
    with structlog.testing.capture_logs() as log:
        await one.keeper.look()
    assert "certificate authority was lost and is put back" in [line["event"] for line in log]
    for each in (one, two):
        await each.keeper.look()
        assert (each.trust.rotation, each.keeper.problem) == (held, "")
    assert (await world.newest()) == held


async def test_a_broken_one_leaves_the_last_good_one_in_force(world: World) -> None:
    one = await replica(world, "one", leads=True)
    held = one.trust.rotation
    world.api.objects[OURS].update(data={"ca-cert.pem": "&"})
    meta = world.api.objects[OURS]["metadata"]
    assert isinstance(meta, dict)
    meta["resourceVersion"] = "broken"
    await one.keeper.look()
    assert "ca-cert.pem is not base64" in one.keeper.problem
    assert one.trust.rotation == held
    assert world.api.objects[OURS]["data"] == {"ca-cert.pem": "&"}


async def test_the_intermediate_is_renewed_by_who_leads(world: World) -> None:
    one, two = await replica(world, "one", leads=True), await replica(world, "two")
    before = one.trust.signer
    world.clock.advance(timedelta(days=250).total_seconds())
    for _ in range(2):
        await two.keeper.look()
    assert two.trust.signer == before
    for each in (one, one, two):
        await each.keeper.look()
    assert one.trust.signer == two.trust.signer != before


async def test_a_rotation_waits_for_the_proxies_of_all_replicas(world: World) -> None:
    one, two = await replica(world, "one", leads=True), await replica(world, "two")
    place, now = world.place(), world.clock.now()
    async with one.keeper.heard(), two.keeper.heard():
        for phase in (Phase.TRUSTING, Phase.SWITCHED, Phase.STABLE):
            for each in (one, two):
                await each.keeper.look()
            assert (await step(place, now, CARE)).phase is phase
            two.state.settled = False
            for each in (one, two):
                await each.keeper.look()
            late = (await progress(place, now)).late
            if phase is not Phase.STABLE:
                assert late.pods == {"shop/two": "has not acknowledged it"}
            two.state.settled = True
        assert one.trust.signer == two.trust.signer


async def test_a_step_waits_for_a_leader(world: World) -> None:
    """Nobody else writes the roots where pods read them from files."""
    one = await replica(world, "one")
    async with one.keeper.heard():
        await one.keeper.look()
        late = (await progress(world.place(), world.clock.now())).late
    assert (late.replicas, late.pods) == ({}, {})
    assert "are not in the ConfigMaps" in late.roots


async def test_a_replica_that_has_died_is_forgotten_with_its_lease(world: World) -> None:
    one, two = await replica(world, "one"), await replica(world, "two")
    async with two.keeper.heard():
        await two.keeper.look()
    world.clock.advance(60)  # and there is no pod of its name
    async with one.keeper.heard():
        await one.keeper.look()
    assert {path for path in world.api.objects if "/leases/" in path} == {
        LEASES.one("heddle-replica-one", SYSTEM)
    }
