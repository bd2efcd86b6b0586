"""A replica follows the folder of its authority, and goes nowhere where its proxies cannot."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
import structlog
from prometheus_client import CollectorRegistry

from ca.authority import Authority, new_intermediate, new_root, renewed
from ca.errors import AuthorityError
from ca.files import files_of
from ca.report_files import Reporter, reports
from ca.reports import Issued, Lack, Report
from ca.rotation import Phase, Rotation, begin, forward, replaced
from ca.storage import create, edit, load, load_or_create
from heddle.authority_keeper import AuthorityKeeper
from heddle.authority_metrics import AuthorityMetrics
from heddle.authority_place import FolderPlace
from heddle.issued import IssuedCertificates
from heddle.local.folders import write_volume
from heddle.secret_holders import SecretHolders
from heddle.trust import Trust
from tests.fakes.clock import FakeClock
from tests.heddle.holding import State, client, clients
from xds.status import Clients

DOMAIN = "cluster.local"


class World:
    """A folder, and a replica that follows it. Its only proxy has what `state` says."""

    def __init__(self, folder: Path, clock: FakeClock, rotation: Rotation) -> None:
        self.folder, self.clock = folder, clock
        self.trust = Trust(rotation)
        self.state = State()
        self.clients: Clients = clients(client(1, "web", self.state))
        self.serves = True
        self.pods = ["shop/web"]
        self.metrics = AuthorityMetrics()
        self.issued = IssuedCertificates()
        self.adopted: list[Rotation] = []
        self.trust.follow(self._follow)
        self.keeper = self.made()

    async def _follow(self) -> None:
        self.adopted.append(self.trust.rotation)

    def made(self) -> AuthorityKeeper:
        holders = SecretHolders(
            self.clients, lambda: self.pods, generation=lambda: 0, wall=self.clock
        )
        return AuthorityKeeper(
            FolderPlace(self.folder),
            self.trust,
            self.clock.now,
            holders,
            self.issued,
            replica="one",
            serves=lambda: self.serves,
            exists=lambda pod: pod in self.pods,
            metrics=self.metrics,
        )


def authority(clock: FakeClock) -> Authority:
    return new_intermediate(new_root(clock.now(), DOMAIN), clock.now(), DOMAIN)


@pytest.fixture
def world(tmp_path: Path, clock: FakeClock) -> World:
    """Its folder was made by us."""
    return World(tmp_path, clock, load_or_create(tmp_path, clock.now(), DOMAIN))


@pytest.fixture
def mounted(tmp_path: Path, clock: FakeClock) -> World:
    """Its folder is a mounted Secret."""
    rotation = Rotation(current=authority(clock))
    write_volume(tmp_path, files_of(rotation))
    return World(tmp_path, clock, rotation)


async def test_nothing_new_is_nothing_to_do(world: World) -> None:
    await world.keeper.look()
    await world.keeper.look()
    assert world.adopted == []


async def test_each_step_is_taken_at_once_where_heddle_ca_takes_them(
    world: World, clock: FakeClock
) -> None:
    """Who took it has asked all replicas."""
    new = authority(clock)
    world.state.settled = False
    edit(world.folder, clock.now(), lambda found: begin(found, new, clock.now()))
    await world.keeper.look()
    edit(world.folder, clock.now(), lambda found: forward(found, (), clock.now()))
    await world.keeper.look()
    edit(world.folder, clock.now(), lambda found: forward(found, (), clock.now()))
    await world.keeper.look()
    assert [(step.phase, len(step.roots)) for step in world.adopted] == [
        (Phase.TRUSTING, 2),
        (Phase.SWITCHED, 2),
        (Phase.STABLE, 1),
    ]
    assert world.trust.signer == new


async def test_a_step_that_was_missed_is_made_up_for_as_far_as_the_proxies_have_come(
    world: World, clock: FakeClock
) -> None:
    new = authority(clock)
    edit(world.folder, clock.now(), lambda found: begin(found, new, clock.now()))
    await world.keeper.look()
    world.state.settled = False
    for _ in range(2):
        edit(world.folder, clock.now(), lambda found: forward(found, (), clock.now()))
    await world.keeper.look()
    assert world.trust.signer != new
    world.state.settled = True
    for _ in range(3):
        await world.keeper.look()
    assert (world.trust.signer, len(world.trust.roots)) == (new, 1)


async def test_a_mounted_root_is_exchanged_in_three_steps(mounted: World, clock: FakeClock) -> None:
    old, new = mounted.trust.signer, authority(clock)
    mounted.state.settled = False
    for step in (
        Rotation(current=old, more=(new.root,)),
        Rotation(current=new, more=(old.root,)),
        Rotation(current=new),
    ):
        write_volume(mounted.folder, files_of(step))
        await mounted.keeper.look()
    assert (mounted.trust.signer, len(mounted.trust.roots)) == (old, 2)
    mounted.state.settled = True
    for _ in range(3):
        await mounted.keeper.look()
    assert (mounted.trust.signer, mounted.trust.roots) == (new, (new.root,))


async def test_another_root_is_not_taken_and_the_log_says_what_to_do(
    mounted: World, clock: FakeClock
) -> None:
    old = mounted.trust.rotation
    write_volume(mounted.folder, files_of(Rotation(current=authority(clock))))
    with structlog.testing.capture_logs() as log:
        await mounted.keeper.look()
        await mounted.keeper.look()
    assert mounted.trust.rotation == old
    assert "Put the old and the new root into root-cert.pem first" in mounted.keeper.problem
    assert [line["log_level"] for line in log] == ["error"]
    write_volume(mounted.folder, files_of(old))
    with structlog.testing.capture_logs() as log:
        await mounted.keeper.look()
    assert mounted.keeper.problem == ""
    assert [line["event"] for line in log] == ["certificate authority taken"]


async def test_a_new_intermediate_of_the_root_signs_at_once(
    mounted: World, clock: FakeClock
) -> None:
    mounted.state.settled = False
    signer = mounted.trust.signer
    root = Authority(signer=signer.signer, chain=signer.chain, root_signer=signer.root_signer)
    newer = renewed(root, clock.now())
    write_volume(mounted.folder, files_of(Rotation(current=newer)))
    await mounted.keeper.look()
    assert mounted.trust.signer == newer


@pytest.mark.parametrize("files", [{}, {"ca-cert.pem": b"x"}], ids=["empty", "broken"])
async def test_a_broken_folder_leaves_the_last_good_authority(
    mounted: World, files: dict[str, bytes]
) -> None:
    old = mounted.trust.rotation
    write_volume(mounted.folder, files)
    await mounted.keeper.look()
    assert mounted.trust.rotation == old
    assert str(mounted.folder) in mounted.keeper.problem


async def test_a_file_that_is_written_in_two_goes_is_taken_when_it_is_whole(
    tmp_path: Path, clock: FakeClock
) -> None:
    """A plain folder, without a link: between two writes it is broken."""
    first = Rotation(current=authority(clock))
    for name, body in files_of(first).items():
        (tmp_path / name).write_bytes(body)
    world = World(tmp_path, clock, first)
    newer = replaced(first, renewed(first.current, clock.now()))
    for name, body in files_of(newer).items():
        (tmp_path / name).write_bytes(body)
        await world.keeper.look()
    assert world.trust.signer == newer.current
    assert world.keeper.problem == ""


async def test_the_intermediate_is_renewed_in_time_by_one_of_the_replicas(
    world: World, clock: FakeClock
) -> None:
    before = world.trust.signer
    clock.advance(timedelta(days=250).total_seconds())
    for _ in range(2):
        await world.keeper.look()
    after = world.trust.signer
    assert after.root == before.root
    assert after.not_after > before.not_after
    assert load(world.folder, clock.now()) == world.trust.rotation
    for _ in range(2):
        await world.keeper.look()
    assert world.trust.signer == after


async def test_without_the_roots_key_the_log_says_that_the_intermediate_ends(
    world: World, clock: FakeClock
) -> None:
    (world.folder / "current" / "root-key.pem").unlink()
    clock.advance(timedelta(days=250).total_seconds())
    await world.keeper.look()
    assert "make the intermediate where it is kept" in world.keeper.problem


async def test_a_root_that_ends_soon_is_told_of_once(world: World, clock: FakeClock) -> None:
    ended = world.trust.signer.root.not_valid_after_utc
    with structlog.testing.capture_logs() as log:
        while clock.now() < ended - timedelta(days=100):
            clock.advance(timedelta(days=90).total_seconds())
            await world.keeper.look()
    assert [line["event"] for line in log].count("the root ends soon: rotate it") == 1


async def told(world: World) -> Report:
    """What the replica says after a look."""
    world.keeper = world.made()
    async with world.keeper.heard():
        await world.keeper.look()
        (found,) = reports(world.folder).living
        return found


async def test_it_tells_who_has_a_step_and_who_has_not(world: World, clock: FakeClock) -> None:
    edit(world.folder, clock.now(), lambda found: begin(found, authority(clock), clock.now()))
    report = await told(world)
    assert (report.state, report.taken) == (world.trust.rotation.name, ("shop/web",))
    world.state.settled = False
    assert (await told(world)).lacking == {"shop/web": Lack.UNTAKEN}


async def test_it_says_nothing_before_it_knows_its_pods(world: World) -> None:
    world.serves = False
    report = await told(world)
    assert (report.state, report.problem) == ("", "it has not read its configuration yet")


async def test_it_takes_over_the_pods_of_a_replica_that_has_ended(world: World) -> None:
    """Nobody else would miss them."""
    world.pods.append("shop/api")
    with Reporter(world.folder, "dead") as dead:
        dead.say(Report(replica="dead", taken=("shop/api", "shop/deleted")))
    world.clock.advance(60)
    keeper = world.made()
    world.clock.advance(60)
    async with keeper.heard():
        await keeper.look()
        said = reports(world.folder)
    assert [each.lacking for each in said.living] == [{"shop/api": Lack.AWAY}]
    assert said.dead == []


async def test_it_goes_on_waiting_for_the_pods_of_its_own_former_life(world: World) -> None:
    """Also while it has not read its configuration yet."""
    world.pods.append("shop/api")
    with Reporter(world.folder, "one") as former:
        former.say(Report(replica="one", state="older", taken=("shop/api",)))
    world.clock.advance(60)
    world.serves = False
    assert (await told(world)).taken == ("shop/api",)
    world.serves = True
    world.clock.advance(60)
    assert (await told(world)).lacking == {"shop/api": Lack.AWAY}


async def test_it_tells_who_keeps_a_key_of_his_own_as_long_as_the_pod_is_there(
    world: World, clock: FakeClock
) -> None:
    until = clock.now() + timedelta(hours=1)
    world.issued.add("shop/web", Issued(state="older", at=clock.now(), until=until))
    assert (await told(world)).issued.keys() == {"shop/web"}
    world.pods.clear()
    assert (await told(world)).issued == {}


async def test_a_mounted_root_waits_for_who_keeps_his_own_key(
    mounted: World, clock: FakeClock
) -> None:
    old, new = mounted.trust.rotation, authority(clock)
    until = clock.now() + timedelta(hours=1)
    mounted.issued.add("shop/web", Issued(state=old.name, at=clock.now(), until=until))
    write_volume(mounted.folder, files_of(Rotation(current=new, more=(old.current.root,))))
    for _ in range(3):
        await mounted.keeper.look()
    assert mounted.trust.signer == old.signer
    clock.advance(3600)
    await mounted.keeper.look()
    assert mounted.trust.signer == new


async def test_a_folder_that_cannot_be_written_to_is_told_of(world: World) -> None:
    async with world.keeper.heard():
        shutil.rmtree(world.folder / "replicas")
        for _ in range(2):
            await world.keeper.look()
    assert "cannot tell how far this replica is" in world.keeper.problem


async def test_metrics_say_how_it_stands(mounted: World, clock: FakeClock) -> None:
    registry = CollectorRegistry()
    mounted.metrics = AuthorityMetrics(registry)
    mounted.keeper = mounted.made()
    mounted.state.settled = False
    await mounted.keeper.look()
    signer = mounted.trust.signer
    assert registry.get_sample_value("heddle_ca_proxies_lacking") == 1
    assert registry.get_sample_value("heddle_ca_folder_refused") == 0
    until = signer.root.not_valid_after_utc.timestamp()
    assert registry.get_sample_value("heddle_ca_root_expiry_seconds") == until
    assert registry.get_sample_value("heddle_ca_issuer_expiry_seconds") == (
        signer.not_after.timestamp()
    )
    write_volume(mounted.folder, files_of(Rotation(current=authority(clock))))
    await mounted.keeper.look()
    assert registry.get_sample_value("heddle_ca_folder_refused") == 1


async def test_a_folder_that_has_one_already_is_left_alone(world: World, clock: FakeClock) -> None:
    with pytest.raises(AuthorityError):
        create(world.folder, Rotation(current=authority(clock)), clock.now())
    await world.keeper.look()
    assert world.adopted == []
