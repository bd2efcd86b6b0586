"""What replicas tell each other of edits, and what the leader makes of it."""

import asyncio
import json
from collections.abc import Mapping

import pytest

from crds.meta import Key
from heddle.liveness import Live, Rejected, Standing, Waiting
from heddle.status_board import PENDING_SECONDS, UNHEARD_SECONDS, Scope
from heddle.status_replicas import CONFIG_MAP, LOOK_SECONDS, SILENT_SECONDS, StatusReplicas
from heddle.status_report import MOST, Report, read, together, written
from tests.fakes.objects import FakeObjects
from tests.fakes.virtual_time import run_virtually
from tests.heddle.status_cluster import route, writing

KEY = Key("networking.istio.io", "VirtualService", "shop", "reviews")
PATH = f"/api/v1/namespaces/heddle-system/configmaps/{CONFIG_MAP}"
NO = Rejected(pods=("shop/a",), proxies=1, users=4, resource="80/x:80", words="no")
REPORT = Report(
    revision="canary", pods=3, taken={KEY: 2}, waiting={KEY: (2, 5)}, rejected={KEY: (2, NO)}
)
SLOW = Report(taken={KEY: 1}, waiting={KEY: (1, 2)})
DONE = Report(taken={KEY: 1})


class Board:
    """One replica's, that says what it is told to."""

    def __init__(self) -> None:
        self.says: Report | None = Report(pods=1)
        self.heard: Mapping[str, Report] = {}
        self.busy = True

    def bell(self) -> asyncio.Event:
        return asyncio.Event()

    def report(self) -> Report | None:
        return self.says

    def hear(self, others: Mapping[str, Report]) -> None:
        self.heard = others


def replica(board: Board, objects: FakeObjects, name: str) -> StatusReplicas:
    return StatusReplicas(board, objects, namespace="heddle-system", replica=name)


def entries(objects: FakeObjects) -> Mapping[str, str]:
    data = objects.objects[PATH].get("data", {})
    assert isinstance(data, Mapping)
    return data


def test_a_report_is_read_as_it_was_written() -> None:
    assert read(json.dumps(written(REPORT))) == REPORT


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "null",
        '{"revision": "", "pods": 1, "taken": {"a": 1}, "waiting": {}, "rejected": {}}',
    ],
)
def test_what_is_no_report_is_none(text: str) -> None:
    assert read(text) is None


def test_a_report_has_room_for_so_many_objects() -> None:
    many = {Key("g", "K", "n", str(number)): 1 for number in range(MOST + 9)}
    found = read(json.dumps(written(Report(taken=many))))
    assert found is not None
    assert len(found.taken) == MOST


@pytest.mark.parametrize(
    ("own", "others", "wanted"),
    [
        (Live(used=False), [DONE], Live(used=False)),
        (Live(used=True), [SLOW], Waiting(proxies=2)),
        (Waiting(proxies=1), [SLOW, SLOW], Waiting(proxies=5)),
        (Waiting(proxies=1), [Report(waiting={KEY: (7, 2)})], Waiting(proxies=1)),
        (Live(used=True), [Report(rejected={KEY: (1, NO)}), SLOW], NO),
        (Live(used=True), [Report(rejected={KEY: (7, NO)})], Live(used=True)),
        (
            NO,
            [Report(rejected={KEY: (1, NO)})],
            Rejected(pods=("shop/a",), proxies=2, users=8, resource="80/x:80", words="no"),
        ),
    ],
)
def test_the_worst_of_all_replicas_counts(
    own: Standing, others: list[Report], wanted: Standing
) -> None:
    assert together(own, KEY, 1, dict(enumerate_names(others))) == wanted


def enumerate_names(reports: list[Report]) -> list[tuple[str, Report]]:
    return [(f"r{number}", each) for number, each in enumerate(reports)]


def test_replicas_hear_each_other_within_a_moment() -> None:
    async def main() -> None:
        objects, one, two = FakeObjects(), Board(), Board()
        async with asyncio.TaskGroup() as group:
            first, second = replica(one, objects, "one"), replica(two, objects, "two")
            tasks = [
                group.create_task(work)
                for work in (first.report(), second.report(), first.listen())
            ]
            await asyncio.sleep(2.0)
            assert one.heard == {"two": Report(pods=1)}
            two.says = REPORT
            await asyncio.sleep(0.5)
            assert one.heard == {"two": REPORT}
            for task in tasks:
                task.cancel()
        assert not entries(objects)  # who ends takes its entry along

    run_virtually(main())


def test_who_leads_twice_listens_once() -> None:
    """And goes on when it leads in one thing no longer."""

    async def main() -> None:
        objects, one, two = FakeObjects(), Board(), Board()
        listening = replica(one, objects, "one")
        async with asyncio.TaskGroup() as group:
            first, second, other = (
                group.create_task(work)
                for work in (
                    listening.listen(),
                    listening.listen(),
                    replica(two, objects, "two").report(),
                )
            )
            await asyncio.sleep(2.0)
            before = len(objects.requests)
            await asyncio.sleep(4.0 * LOOK_SECONDS)
            assert len(objects.requests) - before <= 4
            first.cancel()
            two.says = REPORT
            await asyncio.sleep(0.5)
            assert one.heard == {"two": REPORT}
            second.cancel()
            other.cancel()

    run_virtually(main())


def test_nothing_is_told_before_all_was_read() -> None:
    async def main() -> None:
        objects, board = FakeObjects(), Board()
        board.says = None
        async with asyncio.TaskGroup() as group:
            task = group.create_task(replica(board, objects, "one").report())
            await asyncio.sleep(20.0)
            assert PATH not in objects.objects
            task.cancel()

    run_virtually(main())


def test_a_killed_replica_is_forgotten_and_its_entry_removed() -> None:
    async def main() -> None:
        objects, one = FakeObjects(), Board()
        await objects.create(
            PATH.rpartition("/")[0],
            {"metadata": {"name": CONFIG_MAP}, "data": {"dead": json.dumps(written(REPORT))}},
        )
        async with asyncio.TaskGroup() as group:
            task = group.create_task(replica(one, objects, "one").listen())
            await asyncio.sleep(SILENT_SECONDS - 1)
            assert one.heard == {"dead": REPORT}
            await asyncio.sleep(3.0)
            assert not one.heard
            assert not entries(objects)
            task.cancel()

    run_virtually(main())


def test_an_api_server_that_is_away_stops_nothing() -> None:
    async def main() -> None:
        objects, one, two = FakeObjects(), Board(), Board()
        objects.down = True
        async with asyncio.TaskGroup() as group:
            first, second = replica(one, objects, "one"), replica(two, objects, "two")
            tasks = [group.create_task(work) for work in (first.listen(), second.report())]
            await asyncio.sleep(5.0)
            objects.down = False
            await asyncio.sleep(2.0)
            assert one.heard == {"two": Report(pods=1)}
            for task in tasks:
                task.cancel()

    run_virtually(main())


def test_an_edit_is_live_once_it_is_on_all_replicas() -> None:
    async def main() -> None:
        async with writing() as cluster:
            cluster.board.hear({"other": Report()})
            await asyncio.sleep(10.0)
            await cluster.apply(route())
            cluster.board.hear({"other": SLOW})
            await asyncio.sleep(PENDING_SECONDS + 0.5)
            programmed = cluster.condition("Programmed")
            assert (programmed["status"], programmed["reason"]) == ("False", "Pending")
            cluster.board.hear({"other": DONE})
            await asyncio.sleep(0.5)
            assert cluster.condition("Programmed")["status"] == "True"

    run_virtually(main())


def test_a_replica_that_does_not_tell_of_an_edit_has_it_after_a_while() -> None:
    """It has started since, and so has it from its first list."""

    async def main() -> None:
        async with writing() as cluster:
            cluster.board.hear({"other": Report()})
            await asyncio.sleep(10.0)
            await cluster.apply(route())
            await asyncio.sleep(UNHEARD_SECONDS - 1.0)
            assert not cluster.status()
            await asyncio.sleep(2.0)
            assert cluster.condition("Programmed")["status"] == "True"

    run_virtually(main())


def test_replicas_of_another_revision_do_not_read_what_names_ours() -> None:
    async def main() -> None:
        async with writing(Scope.REVISION) as cluster:
            theirs = Report(revision="stable", waiting={KEY: (1, 2)})
            cluster.board.hear({"theirs": theirs, "like": Report(revision="canary")})
            await asyncio.sleep(10.0)
            await cluster.apply(route(revision="canary"))
            cluster.board.hear(
                {"theirs": theirs, "like": Report(revision="canary", taken={KEY: 1})}
            )
            await asyncio.sleep(1.0)
            assert cluster.condition("Programmed")["status"] == "True"
            await cluster.apply(route(revision="canary", timeout="2s"))
            cluster.board.hear(
                {"like": Report(revision="canary", taken={KEY: 2}, waiting={KEY: (2, 1)})}
            )
            await asyncio.sleep(PENDING_SECONDS + 0.5)
            assert cluster.condition("Programmed")["reason"] == "Pending"

    run_virtually(main())
