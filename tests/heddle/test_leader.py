"""Who leads, with many replicas, outages and clocks that differ: never two, and soon again one."""

import asyncio
import random  # noqa: TID251 - seeded
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import pytest
from prometheus_client import CollectorRegistry

from heddle.election import Election, Terms
from heddle.leader import LEASE, Leader, LeaderMetrics
from tests.fakes.objects import FakeObjects
from tests.fakes.virtual_time import run_virtually

PATH = "/apis/coordination.k8s.io/v1/namespaces/heddle-system/leases/heddle-leader"
TERMS = Terms()


class Replicas:
    """Replicas on one Lease, and which of them do the leader's work."""

    def __init__(self) -> None:
        self.objects = FakeObjects()
        self.working: list[str] = []
        self.most = 0
        """The most that ever worked at a time."""
        self.terms: list[tuple[str, float]] = []
        """Who began to work, and when."""
        self._chance = random.Random(7)

    def leader(self, name: str, api: FakeObjects | None = None, ahead: float = 0.0) -> Leader:
        return Leader(
            api or self.objects,
            namespace="heddle-system",
            identity=name,
            wall=lambda: 1_700_000_000.0 + ahead + now(),
            chance=self._chance.random,
        )

    async def run(self, name: str, leader: Leader) -> None:
        await leader.run([lambda: self._work(name)])

    async def _work(self, name: str) -> None:
        self.working.append(name)
        self.terms.append((name, now()))
        self.most = max(self.most, len(self.working))
        try:
            await asyncio.sleep(1e9)
        finally:
            self.working.remove(name)

    async def until_working(self, name: str) -> float:
        """When it worked."""
        await until(lambda: name in self.working)
        return now()

    def spec(self) -> Mapping[str, object]:
        found = self.objects.objects[PATH]["spec"]
        assert isinstance(found, Mapping)
        return found


def now() -> float:
    return asyncio.get_running_loop().time()


async def until(holds: Callable[[], bool]) -> None:
    while not holds():  # noqa: ASYNC110 - the time is virtual
        await asyncio.sleep(0.1)


@asynccontextmanager
async def replicas(*names: str) -> AsyncIterator[tuple[Replicas, dict[str, asyncio.Task[None]]]]:
    all_of_them = Replicas()
    async with asyncio.TaskGroup() as group:
        tasks = {
            name: group.create_task(all_of_them.run(name, all_of_them.leader(name)))
            for name in names
        }
        yield all_of_them, tasks
        for task in tasks.values():
            task.cancel()
    assert all_of_them.most <= 1
    assert not all_of_them.working


def test_one_of_many_leads_and_stays() -> None:
    async def main() -> None:
        async with replicas("a", "b", "c") as (found, _):
            await asyncio.sleep(600.0)
            assert len(found.terms) == 1
            assert found.spec()["holderIdentity"] == found.terms[0][0]
            assert found.spec()["leaseTransitions"] == 0

    run_virtually(main())


def test_who_ends_lets_go_and_the_next_leads_at_its_next_try() -> None:
    async def main() -> None:
        async with replicas("a", "b") as (found, tasks):
            await asyncio.sleep(60.0)
            [(first, _)] = found.terms
            other = "b" if first == "a" else "a"
            ended = now()
            tasks[first].cancel()
            took = await found.until_working(other) - ended
            assert took <= TERMS.retry * (1 + TERMS.jitter) + 0.2
            assert found.spec()["leaseTransitions"] == 1

    run_virtually(main())


def test_the_lease_of_a_killed_one_is_taken_when_it_is_over() -> None:
    async def main() -> None:
        found = Replicas()
        dead = Election("dead", TERMS)
        dead.saw(None, now())
        claim = dead.claim(now(), 0.0)
        assert claim is not None
        await found.objects.create(
            PATH.rpartition("/")[0], {"metadata": {"name": "heddle-leader"}, **claim}
        )
        async with asyncio.TaskGroup() as group:
            task = group.create_task(found.run("a", found.leader("a")))
            took = await found.until_working("a")
            task.cancel()
        assert TERMS.lease <= took <= TERMS.lease + TERMS.retry * (1 + TERMS.jitter) + 0.2

    run_virtually(main())


@pytest.mark.parametrize("fault", ["down", "hangs"])
def test_who_cannot_renew_stops_before_another_may_begin(fault: str) -> None:
    """Cut off from the API server, which the other one still reaches."""

    async def main() -> None:
        found = Replicas()
        cut_off = FakeObjects()
        cut_off.objects = found.objects.objects
        async with asyncio.TaskGroup() as group:
            first = group.create_task(found.run("a", found.leader("a", cut_off)))
            await found.until_working("a")
            second = group.create_task(found.run("b", found.leader("b")))
            await asyncio.sleep(60.0)
            setattr(cut_off, fault, True)
            cut = now()
            await until(lambda: "a" not in found.working)
            stopped = now()
            began = await found.until_working("b")
            setattr(cut_off, fault, False)
            await asyncio.sleep(60.0)
            assert found.working == ["b"]
            first.cancel()
            second.cancel()
        assert stopped - cut <= TERMS.renew + 0.2
        assert began - stopped >= TERMS.lease - TERMS.renew - TERMS.retry
        assert found.most == 1

    run_virtually(main())


def test_an_api_server_that_is_away_for_a_moment_changes_nothing() -> None:
    async def main() -> None:
        async with replicas("a", "b") as (found, _):
            await asyncio.sleep(60.0)
            found.objects.down = True
            await asyncio.sleep(5.0)
            found.objects.down = False
            await asyncio.sleep(120.0)
            assert len(found.terms) == 1

    run_virtually(main())


def test_after_a_long_outage_one_leads_again() -> None:
    async def main() -> None:
        async with replicas("a", "b") as (found, _):
            await asyncio.sleep(60.0)
            found.objects.down = True
            await asyncio.sleep(60.0)
            assert not found.working
            found.objects.down = False
            await asyncio.sleep(10.0)
            assert len(found.working) == 1

    run_virtually(main())


def test_a_renewal_whose_answer_is_lost_is_no_loss() -> None:
    """The holder reads the Lease again and finds itself."""

    async def main() -> None:
        async with replicas("a") as (found, _):
            await asyncio.sleep(60.0)
            found.objects.deaf = True
            await asyncio.sleep(5.0)
            found.objects.deaf = False
            await asyncio.sleep(60.0)
            assert len(found.terms) == 1
            assert found.spec()["leaseTransitions"] == 0

    run_virtually(main())


def test_a_deleted_lease_is_made_again() -> None:
    async def main() -> None:
        async with replicas("a", "b") as (found, _):
            await asyncio.sleep(60.0)
            found.objects.objects.clear()
            await asyncio.sleep(20.0)
            assert len(found.working) == 1
            assert found.spec()["holderIdentity"] == found.working[0]

    run_virtually(main())


def test_who_sees_another_hold_the_lease_stops_at_once() -> None:
    """Somebody edited the Lease, or a renewal was lost for long."""

    async def main() -> None:
        async with replicas("a") as (found, _):
            await asyncio.sleep(60.0)
            stolen = await found.objects.get(PATH)
            await found.objects.replace(
                PATH, {**stolen, "spec": {**found.spec(), "holderIdentity": "thief"}}
            )
            await asyncio.sleep(2 * TERMS.retry + 0.2)
            assert not found.working
            await asyncio.sleep(20.0)
            assert found.working == ["a"]  # the thief never renews

    run_virtually(main())


def test_walls_that_differ_by_hours_do_not_matter() -> None:
    async def main() -> None:
        found = Replicas()
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(
                    found.run(str(hours), found.leader(str(hours), ahead=hours * 3600.0))
                )
                for hours in (0, 5, 500_000)
            ]
            await asyncio.sleep(300.0)
            assert len(found.terms) == 1
            for task in tasks:
                task.cancel()

    run_virtually(main())


def test_a_clock_that_runs_a_third_too_fast_takes_nothing_from_a_holder_that_cannot_renew() -> None:
    """The candidate's 15 s are 10.5 real ones, the holder's 10 s are 10."""
    holder, candidate = Election("a", TERMS), Election("b", TERMS)
    holder.saw(None, 0.0)
    lease = holder.claim(0.0, 0.0)
    assert lease is not None
    holder.held(lease, 0.0)
    for tenth in range(200):
        real = tenth / 10
        candidate.saw(lease, real * 1.42)
        taken = candidate.claim(real * 1.42, 0.0)
        assert not (taken and holder.leads(real))
    assert taken is not None


def test_what_a_work_raises_ends_all_and_lets_go() -> None:
    async def main() -> None:
        found = Replicas()

        async def broken() -> None:
            raise ValueError("a bug")

        with pytest.raises(ExceptionGroup, match="unhandled"):
            await found.leader("a").run([lambda: found._work("a"), broken])
        assert not found.working
        assert "holderIdentity" not in found.spec()

    run_virtually(main())


def test_letting_go_waits_for_no_api_server() -> None:
    async def main() -> None:
        async with replicas("a") as (found, tasks):
            await asyncio.sleep(60.0)
            found.objects.hangs = True
            ended = now()
            tasks["a"].cancel()
            await asyncio.wait(list(tasks.values()))
            assert now() - ended <= 2.1

    run_virtually(main())


def test_cancelled_in_a_renewal_it_still_lets_go() -> None:
    async def main() -> None:
        async with replicas("a") as (found, tasks):
            await asyncio.sleep(60.0)
            found.objects.seconds = 0.5
            asked = len(found.objects.requests)
            await until(lambda: len(found.objects.requests) > asked)
            tasks["a"].cancel()
            await asyncio.wait(list(tasks.values()))
            assert "holderIdentity" not in found.spec()

    run_virtually(main())


def test_fields_of_others_in_the_lease_are_kept() -> None:
    async def main() -> None:
        async with replicas("a") as (found, _):
            await asyncio.sleep(20.0)
            lease = await found.objects.get(PATH)
            metadata = lease["metadata"]
            assert isinstance(metadata, Mapping)
            theirs = {**lease, "metadata": {**metadata, "labels": {"team": "mesh"}}}
            await found.objects.replace(PATH, theirs)
            await asyncio.sleep(20.0)
            kept = found.objects.objects[PATH]["metadata"]
            assert isinstance(kept, Mapping)
            assert kept["labels"] == {"team": "mesh"}
            assert len(found.terms) == 1

    run_virtually(main())


def test_the_gauge_says_who_leads() -> None:
    async def main() -> None:
        registry = CollectorRegistry()
        leader = Leader(
            FakeObjects(),
            namespace="heddle-system",
            identity="a",
            wall=lambda: 0.0,
            chance=lambda: 0.5,
            metrics=LeaderMetrics(registry),
        )
        async with asyncio.TaskGroup() as group:
            task = group.create_task(leader.run([]))
            await asyncio.sleep(5.0)
            assert registry.get_sample_value("heddle_leader", {"lease": LEASE}) == 1.0
            task.cancel()
        assert registry.get_sample_value("heddle_leader", {"lease": LEASE}) == 0.0

    run_virtually(main())
