"""The authority in a Secret: one writer, one root, and nothing lost that somebody still holds."""

import asyncio
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from ca.authority import new_intermediate, new_root, pem
from ca.errors import AuthorityError, NotYet
from ca.files import files_of
from ca.report_lease import LASTS
from ca.reports import Lack, Report, Said
from ca.rotation import Phase, Rotation, begin
from heddle.authority_secret import GIVEN, ROOT_FILE, ROOTS, SECRET, ClusterPlace, SecretPlace
from heddle.ca_steps import Care, made, progress, step, step_back
from heddle.cluster_objects import Raw
from sources.resource import CONFIG_MAPS, LEASES, PODS, SECRETS
from tests.fakes.clock import FakeClock
from tests.fakes.cluster import FakeCluster

DOMAIN = "cluster.local"
SYSTEM = "heddle-system"
OURS, THEIRS = SECRETS.one(SECRET, SYSTEM), SECRETS.one(GIVEN, SYSTEM)
WITNESS = CONFIG_MAPS.one(ROOTS, SYSTEM)
CARE = Care(pause=timedelta(0))


class World:
    """A cluster, and replicas that share its Secret."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.api = FakeCluster()

    def place(self, pod: str = "", *, leads: bool = False) -> SecretPlace:
        where = ClusterPlace(namespace=SYSTEM, pod=pod)
        place = SecretPlace(self.api, where, self.clock.now)
        place._leads = leads
        return place

    async def started(self) -> Rotation:
        return await self.place().load_or_create(DOMAIN)

    async def put(self, path: str, **body: object) -> None:
        collection, _, name = path.rpartition("/")
        await self.api.create(collection, {"metadata": {"name": name}, **body})

    async def witness(self, rotation: Rotation) -> None:
        await self.put(WITNESS, data={ROOT_FILE: pem(rotation.roots).decode()})

    async def newest(self) -> Rotation | None:
        return await self.place().newest(self.clock.now())


@pytest.fixture
def world(clock: FakeClock) -> World:
    return World(clock)


def encoded(files: Mapping[str, bytes]) -> dict[str, str]:
    return {name: b64encode(body).decode() for name, body in files.items()}


def rotation(now: datetime) -> Rotation:
    return Rotation(current=new_intermediate(new_root(now, DOMAIN), now, DOMAIN))


async def test_replicas_that_start_at_once_agree_on_one_root(world: World) -> None:
    started = await asyncio.gather(*(world.started() for _ in range(5)))
    assert len({each.name for each in started}) == 1
    assert world.api.writes == [("create", OURS)]


async def test_it_has_the_files_of_a_folder(world: World) -> None:
    """By Istio's names, so that whoever knows them finds what he looks for."""
    found = await world.started()
    data = world.api.objects[OURS]["data"]
    assert isinstance(data, dict)
    assert {*data} == {
        "root-cert.pem",
        "ca-cert.pem",
        "ca-key.pem",
        "cert-chain.pem",
        "root-key.pem",
        "rotation.json",
    }
    assert b64decode(data["root-cert.pem"]) == pem(found.roots)


async def test_replicas_do_not_hold_the_roots_key(world: World) -> None:
    assert (await world.started()).current.root_signer is None


async def test_what_nobody_changes_is_read_once(world: World) -> None:
    place = world.place()
    found = await place.load_or_create(DOMAIN)
    assert await place.newest(world.clock.now()) is found


@pytest.mark.parametrize("cert_manager", [False, True], ids=["istio", "cert-manager"])
async def test_one_that_is_plugged_in_is_taken_and_never_written_to(
    world: World, cert_manager: bool
) -> None:
    given = rotation(world.clock.now())
    files = files_of(given)
    names = ("ca-cert.pem", "ca-key.pem", "root-cert.pem")
    theirs = ("tls.crt", "tls.key", "ca.crt")
    data = dict(zip(theirs if cert_manager else names, (files[n] for n in names), strict=True))
    chain = {} if cert_manager else {"cert-chain.pem": files["cert-chain.pem"]}
    path = OURS if cert_manager else THEIRS
    await world.put(path, type="Opaque", data=encoded(data | chain))
    assert (await world.started()).current == given.current
    with pytest.raises(AuthorityError, match="was not made by Heddle"):
        await step(world.place(), world.clock.now(), CARE)
    with pytest.raises(AuthorityError, match="there is an authority already"):
        await made(world.place(), world.clock.now(), DOMAIN, None)
    place = world.place(leads=True)
    assert await place.newest(world.clock.now()) is not None
    await world.api.delete(path)
    assert not await place.restore(given, world.clock.now())
    assert world.api.writes == [("create", path), ("delete", path)]


async def test_our_own_goes_before_one_that_is_plugged_in_later(world: World) -> None:
    """Else replicas that start later would sign by another root than those that run."""
    ours = await world.started()
    await world.put(THEIRS, type="Opaque", data=encoded(files_of(rotation(world.clock.now()))))
    assert await world.started() == ours


async def test_a_replica_that_starts_makes_no_second_root_beside_what_is_trusted(
    world: World,
) -> None:
    first = await world.started()
    await world.witness(first)
    await world.api.delete(OURS)
    with pytest.raises(AuthorityError, match=r"it is gone\..*delete the ConfigMap"):
        await world.place()._begun(world.clock.now(), DOMAIN)
    assert OURS not in world.api.objects


async def test_a_replica_that_starts_takes_no_root_that_the_mesh_does_not_trust(
    world: World,
) -> None:
    await world.witness(rotation(world.clock.now()))
    await world.put(OURS, type="Opaque", data=encoded(files_of(rotation(world.clock.now()))))
    with pytest.raises(AuthorityError, match="its root is not in ConfigMap"):
        await world.place()._begun(world.clock.now(), DOMAIN)


async def test_what_is_lost_is_put_back_by_who_leads_as_it_was(world: World) -> None:
    place = world.place(leads=True)
    held = await place.load_or_create(DOMAIN)
    await world.api.delete(OURS)
    assert await place.newest(world.clock.now()) is None
    assert place.writes
    assert await place.restore(held, world.clock.now())
    assert await world.newest() == held


async def test_what_is_put_back_knows_that_the_new_one_may_have_signed(world: World) -> None:
    """Who leads may have missed the second step when the Secret was deleted."""
    held = await world.started()
    now = world.clock.now()
    trusting = begin(held, rotation(now).current, now)
    place = world.place(leads=True)
    await place.newest(now)
    await world.api.delete(OURS)
    assert await place.restore(trusting, now)
    found = await world.newest()
    assert found is not None
    assert found.returning


async def test_of_two_that_put_it_back_one_does(world: World) -> None:
    places = [world.place(leads=True) for _ in range(2)]
    held = [await place.load_or_create(DOMAIN) for place in places]
    await world.api.delete(OURS)
    done = await asyncio.gather(*(place.restore(held[0], world.clock.now()) for place in places))
    assert sorted(done) == [False, True]


async def test_a_change_is_made_of_what_was_there_and_not_of_what_was_read(world: World) -> None:
    """Another writer in between is not overwritten: the step is taken of what that one has left."""
    await world.started()
    now = world.clock.now()
    faster = [True]

    def somebody_else(verb: str, path: str) -> None:
        if verb == "replace" and faster:
            faster.clear()
            found = world.api.objects[OURS]
            meta = found["metadata"]
            assert isinstance(meta, dict)
            meta["resourceVersion"] = "changed"

    world.api.before = somebody_else
    seen: list[Phase] = []

    def change(found: Rotation, _: Said) -> Rotation:
        seen.append(found.phase)
        return begin(found, rotation(now).current, now)

    after = await world.place().edit(now, change)
    assert seen == [Phase.STABLE, Phase.STABLE]
    assert await world.newest() == after


async def test_two_that_begin_a_rotation_at_once_begin_one(world: World) -> None:
    await world.started()
    now = world.clock.now()
    done = await asyncio.gather(
        step(world.place(), now, CARE), step(world.place(), now, CARE), return_exceptions=True
    )
    assert sorted(type(each).__name__ for each in done) == ["NotYet", "Rotation"]


async def test_what_users_have_put_beside_it_stays(world: World) -> None:
    await world.started()
    found = world.api.objects[OURS]
    found["data"] = {**encoded({"note": b"mine"}), **_mapping(found["data"])}
    await step(world.place(), world.clock.now(), CARE)
    assert "note" in _mapping(world.api.objects[OURS]["data"])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (None, "the Secret is empty"),
        ({"ca-cert.pem": "&"}, "ca-cert.pem is not base64"),
        ({"ca-cert.pem": 1}, "ca-cert.pem is not base64"),
        ({}, "ca-cert.pem, ca-key.pem, root-cert.pem missing"),
    ],
)
async def test_a_broken_one_is_refused_by_its_name(world: World, data: object, reason: str) -> None:
    await world.put(OURS, data=data)
    with pytest.raises(AuthorityError, match=f"Secret {SYSTEM}/{SECRET}: {reason}"):
        await world.newest()


@pytest.mark.parametrize("status", [0, 403, 500])
async def test_an_api_server_that_does_not_answer_is_no_missing_authority(
    world: World, status: int
) -> None:
    await world.started()
    world.api.fails = status
    with pytest.raises(AuthorityError, match=f"Secret {SYSTEM}/{SECRET}: the API server says"):
        await world.newest()
    with pytest.raises(AuthorityError, match="the API server says"):
        await step(world.place(), world.clock.now(), CARE)
    assert len(world.api.writes) == 1


async def test_it_is_made_once_by_hand(world: World) -> None:
    first = await made(world.place(), world.clock.now(), DOMAIN, None)
    with pytest.raises(AuthorityError, match="there is an authority already: rotate it"):
        await made(world.place(), world.clock.now(), DOMAIN, None)
    assert await world.started() == first


def _mapping(value: object) -> Raw:
    assert isinstance(value, Mapping)
    return value


async def say(world: World, replica: str, state: str, **lacking: Lack) -> None:
    async with world.place(replica).voice(replica) as voice:
        assert voice is not None
        roots = state if replica == "one" else ""  # it leads
        report = Report(
            replica=replica, state=state, taken=("shop/a",), lacking=lacking, roots=roots
        )
        await voice.say(report, urgent=True)


async def test_all_steps_are_taken_by_what_replicas_say(world: World) -> None:
    old = await world.started()
    now, place = world.clock.now(), world.place()
    state = old
    for phase in (Phase.TRUSTING, Phase.SWITCHED, Phase.STABLE):
        await say(world, "one", state.name)
        await say(world, "two", "older")
        if state.phase is not Phase.STABLE:
            with pytest.raises(NotYet, match="1 replicas do not serve this step yet: two"):
                await step(place, now, CARE)
        await say(world, "two", state.name, pod=Lack.UNTAKEN)
        if state.phase is not Phase.STABLE:
            with pytest.raises(NotYet, match=r"1 proxy does not have this step yet: pod"):
                await step(place, now, CARE)
        await say(world, "two", state.name)
        state = await step(place, now, CARE)
        assert state.phase is phase
    assert old.current.root not in state.roots


async def test_a_step_is_taken_back(world: World) -> None:
    old = await world.started()
    now, place = world.clock.now(), world.place()
    await step(place, now, CARE)
    back = await step_back(place, now, CARE)
    assert (back.phase, back.roots) == (Phase.STABLE, old.roots)


async def test_the_pod_says_whether_a_replica_lives_that_is_not_heard(world: World) -> None:
    """It may only be cut off from the API server: its proxies go on with what they have."""
    state = (await world.started()).name
    await world.put(PODS.one("one", SYSTEM), status={"phase": "Running"})
    await say(world, "one", state)
    world.clock.advance(LASTS.total_seconds() + 1)
    found = await progress(world.place(), world.clock.now())
    assert "nothing was heard of it since" in found.late.replicas["one"]
    world.api.objects[PODS.one("one", SYSTEM)]["status"] = {"phase": "Failed"}
    assert [r.replica for r in (await world.place().said(world.clock.now())).dead] == ["one"]
    await world.api.delete(PODS.one("one", SYSTEM))
    found = await progress(world.place(), world.clock.now())
    assert (found.late.replicas, found.late.pods) == ({}, {"shop/a": "is not connected"})
    await world.place().forget(found.said.dead)
    await world.place().forget(found.said.dead)
    assert (await world.place().said(world.clock.now())) == Said(
        living=[], dead=[], with_roots=True
    )


async def test_whoever_may_not_see_pods_takes_no_replica_for_dead(world: World) -> None:
    await say(world, "one", (await world.started()).name)
    world.clock.advance(LASTS.total_seconds() + 1)
    world.api.forbids = lambda verb, path: path.startswith(PODS.collection(SYSTEM))
    with pytest.raises(AuthorityError, match="403"):
        await world.place().said(world.clock.now())


async def test_a_replica_outside_of_the_cluster_dies_when_it_is_not_heard(world: World) -> None:
    async with world.place().voice("laptop") as voice:
        assert voice is not None
        await voice.say(Report(replica="laptop"), urgent=True)
    world.clock.advance(LASTS.total_seconds() + 1)
    said = await world.place().said(world.clock.now())
    assert [each.replica for each in said.dead] == ["laptop"]


async def test_a_former_life_is_known(world: World) -> None:
    await say(world, "one", "state")
    async with world.place("one").voice("one") as voice:
        assert voice is not None
        assert voice.former is not None
        assert voice.former.taken == ("shop/a",)


async def test_what_is_not_urgent_is_said_with_the_next_heartbeat(world: World) -> None:
    """A mesh in which nothing is rotated costs its API server a small write now and then."""
    async with world.place("one").voice("one") as voice:
        assert voice is not None
        first = Report(replica="one", state="a")
        await voice.say(first, urgent=True)
        await voice.say(first, urgent=True)
        await voice.say(replace(first, taken=("shop/b",)), urgent=False)
        assert len(world.api.writes) == 1
        await voice.say(replace(first, taken=("shop/b",)), urgent=True)
        assert len(world.api.writes) == 2
        world.clock.advance(10)
        await voice.say(replace(first, taken=("shop/b",)), urgent=False)
        assert len(world.api.writes) == 3


async def test_what_cannot_be_said_is_told_by_its_lease(world: World) -> None:
    async with world.place("one").voice("one") as voice:
        assert voice is not None
        world.api.fails = 403
        with pytest.raises(AuthorityError, match=f"Lease {SYSTEM}/heddle-replica-one"):
            await voice.say(Report(replica="one"), urgent=True)


@pytest.mark.parametrize("text", [None, 1, "&", b64encode(b"no gzip").decode()])
async def test_a_lease_that_nobody_can_read_is_waited_for(world: World, text: object) -> None:
    await world.started()
    await say(world, "one", "state")
    found = world.api.objects[LEASES.one("heddle-replica-one", SYSTEM)]
    _annotations(found)["heddle.io/report"] = text
    assert (await progress(world.place(), world.clock.now())).late.replicas == {
        "one": "it has not said anything yet"
    }


def _annotations(found: Raw) -> dict[str, object]:
    annotations = _mapping(found["metadata"])["annotations"]
    assert isinstance(annotations, dict)
    return annotations


async def test_a_replica_writes_by_itself_only_while_it_leads(world: World) -> None:
    place = world.place()
    async with asyncio.TaskGroup() as group:
        leading = group.create_task(place.lead())
        await asyncio.sleep(0)
        assert place.writes
        leading.cancel()
    assert not place.writes
