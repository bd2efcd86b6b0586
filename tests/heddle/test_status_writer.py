"""What is written of statuses, when, and how often: in virtual time, to objects in memory."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime

from heddle.status_board import Scope, StatusBoard
from heddle.status_writer import BURST, PER_SECOND
from tests.fakes.virtual_time import run_virtually
from tests.heddle.status_cluster import ROUTES, START, Cluster, now, route, service, writing


def at(seconds: float) -> str:
    return datetime.fromtimestamp(START + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_an_object_gets_its_conditions_once() -> None:
    async def main() -> None:
        async with writing() as cluster:
            await cluster.apply(route())
            await asyncio.sleep(100.0)
            assert len(cluster.writes) == 1
            assert cluster.status()["observedGeneration"] == 1
            said = {
                kind: cluster.condition(kind) for kind in ("Accepted", "ResolvedRefs", "Programmed")
            }
            assert {kind: each["status"] for kind, each in said.items()} == {
                "Accepted": "True",
                "ResolvedRefs": "True",
                "Programmed": "True",
            }
            assert {each["observedGeneration"] for each in said.values()} == {1}
            assert not cluster.events()

    run_virtually(main())


def test_it_is_there_within_half_a_second() -> None:
    async def main() -> None:
        async with writing() as cluster:
            await asyncio.sleep(10.0)
            await cluster.apply(route())
            await asyncio.sleep(0.5)
            assert cluster.status()["observedGeneration"] == 1

    run_virtually(main())


def test_a_new_generation_moves_the_generation_and_no_time() -> None:
    async def main() -> None:
        async with writing() as cluster:
            await cluster.apply(route())
            await asyncio.sleep(10.0)
            first = cluster.condition("Programmed")["lastTransitionTime"]
            await cluster.apply(route(timeout="2s"))
            await asyncio.sleep(10.0)
            assert cluster.condition("Programmed")["observedGeneration"] == 2
            assert cluster.condition("Programmed")["lastTransitionTime"] == first
            assert len(cluster.writes) == 2

    run_virtually(main())


def test_a_transition_is_dated_and_makes_one_event() -> None:
    async def main() -> None:
        async with writing() as cluster:
            await cluster.apply(route())
            await asyncio.sleep(10.0)
            await cluster.apply(route(host="nowhere"))
            asked = at(now())
            await asyncio.sleep(10.0)
            refs = cluster.condition("ResolvedRefs")
            assert (refs["status"], refs["reason"]) == ("False", "RefNotFound")
            assert str(refs["lastTransitionTime"]) >= asked
            [event] = cluster.events()
            assert (event["type"], event["reason"], event["action"]) == (
                "Warning",
                "RefNotFound",
                "ResolvedRefs",
            )
            assert event["note"] == refs["message"]
            regarding = event["regarding"]
            assert isinstance(regarding, Mapping)
            assert (regarding["kind"], regarding["name"]) == ("VirtualService", "reviews")
            for _ in range(3):  # it comes and goes: the status says so, the event was told
                await cluster.apply(route())
                await asyncio.sleep(2.0)
                await cluster.apply(route(host="nowhere"))
                await asyncio.sleep(2.0)
            assert len(cluster.events()) == 1
            assert cluster.counted("heddle_status_events_total", "held back") == 3

    run_virtually(main())


def test_validation_messages_have_istios_shape() -> None:
    async def main() -> None:
        async with writing() as cluster:
            await cluster.apply(route(host="nowhere"))
            await asyncio.sleep(1.0)
            assert cluster.status()["validationMessages"] == [
                {
                    "type": {"code": "IST0101", "name": "ReferencedResourceNotFound"},
                    "level": "ERROR",
                    "documentationUrl": "https://istio.io/latest/docs/reference/config/analysis/"
                    "ist0101/",
                }
            ]

    run_virtually(main())


def test_fields_and_conditions_of_others_are_kept() -> None:
    async def main() -> None:
        async with writing() as cluster:
            theirs = {"type": "Synced", "status": "True"}
            await cluster.apply(
                {**route(), "status": {"weights": 3, "conditions": [theirs, {"type": "Accepted"}]}}
            )
            await asyncio.sleep(1.0)
            assert cluster.status()["weights"] == 3
            assert cluster.condition("Synced") == theirs
            assert cluster.condition("Accepted")["status"] == "True"

    run_virtually(main())


def test_a_status_that_somebody_else_wrote_over_is_mended() -> None:
    async def main() -> None:
        async with writing() as cluster:
            await cluster.apply(route())
            await asyncio.sleep(1.0)
            path = f"{ROUTES}/reviews"
            wrong = {"conditions": [{"type": "Programmed", "status": "False"}]}
            cluster.tell(
                cluster.objects.put(path, {**cluster.objects.objects[path], "status": wrong})
            )
            await asyncio.sleep(1.0)
            assert cluster.condition("Programmed")["status"] == "True"

    run_virtually(main())


def test_a_write_that_meets_a_newer_version_is_made_again_from_that() -> None:
    """Somebody edits the object while its status is on the way."""

    async def main() -> None:
        async with writing() as cluster:
            await cluster.apply(route())
            path = f"{ROUTES}/reviews"
            newer = cluster.objects.put(path, {**cluster.objects.objects[path], "x": 1})
            await asyncio.sleep(0.3)
            assert cluster.counted("heddle_status_writes_total", "conflict") == 1
            cluster.tell(newer)
            await asyncio.sleep(2.0)
            assert cluster.counted("heddle_status_writes_total", "written") == 1
            assert cluster.objects.objects[path]["x"] == 1

    run_virtually(main())


def test_an_api_server_that_is_away_is_asked_less_and_less_and_nothing_is_given_up() -> None:
    async def main() -> None:
        async with writing() as cluster:
            cluster.objects.down = True
            await cluster.apply(route())
            await asyncio.sleep(60.0)
            failed = cluster.counted("heddle_status_writes_total", "failed")
            assert 4 <= failed <= 9
            assert cluster.registry.get_sample_value("heddle_status_queue") == 1.0
            cluster.objects.down = False
            await asyncio.sleep(65.0)
            assert cluster.status()["observedGeneration"] == 1
            assert cluster.registry.get_sample_value("heddle_status_queue") == 0.0

    run_virtually(main())


def test_an_object_that_goes_while_it_is_due_is_forgotten() -> None:
    async def main() -> None:
        async with writing() as cluster:
            cluster.objects.down = True
            await cluster.apply(route())
            await asyncio.sleep(5.0)
            cluster.delete("reviews")
            cluster.objects.down = False
            await asyncio.sleep(120.0)
            assert not cluster.writes
            assert cluster.registry.get_sample_value("heddle_status_queue") == 0.0

    run_virtually(main())


def test_many_at_once_are_spread_over_time() -> None:
    async def main() -> None:
        async with writing() as cluster:
            count = BURST + 100
            await cluster.apply(*(route(f"r{number}") for number in range(count)))
            await asyncio.sleep(60.0)
            assert len(cluster.writes) == count
            for first in cluster.writes:
                within = [each for each in cluster.writes if first <= each < first + 1.0]
                assert len(within) <= BURST + PER_SECOND
            assert cluster.writes[-1] - cluster.writes[0] <= 100 / PER_SECOND + 1.0

    run_virtually(main())


def test_two_leaders_at_a_time_do_not_fight() -> None:
    async def main() -> None:
        async with writing() as cluster:
            other = Cluster()
            other.objects, other.plane = cluster.objects, cluster.plane
            other.board = StatusBoard(cluster.plane, [], now)
            other.tell(service())
            async with asyncio.TaskGroup() as group:
                task = group.create_task(other.writer().keep())
                await cluster.apply(route(host="nowhere"))
                await asyncio.sleep(600.0)
                assert len(cluster.writes) + len(other.writes) <= 2
                task.cancel()

    run_virtually(main())


def test_an_object_that_names_our_revision_is_of_who_leads_that() -> None:
    async def main() -> None:
        async with writing(Scope.REVISION) as cluster:
            await cluster.apply(route(), route("ours", revision="canary"))
            await asyncio.sleep(60.0)
            assert cluster.status("ours")["observedGeneration"] == 1
            assert not cluster.status()
            async with asyncio.TaskGroup() as group:
                task = group.create_task(cluster.writer(Scope.MESH).keep())
                await asyncio.sleep(60.0)
                assert cluster.status()["observedGeneration"] == 1
                task.cancel()
            assert len(cluster.writes) == 2

    run_virtually(main())


def test_an_object_that_changes_hands_is_written_by_the_new_ones_only() -> None:
    """While its status is still due: the API server was away."""

    async def main() -> None:
        async with writing() as cluster:
            cluster.objects.down = True
            await cluster.apply(route())
            await asyncio.sleep(5.0)
            assert cluster.registry.get_sample_value("heddle_status_queue") == 1.0
            await cluster.apply(route(revision="canary"))
            cluster.objects.down = False
            await asyncio.sleep(120.0)
            assert not cluster.writes
            assert cluster.registry.get_sample_value("heddle_status_queue") == 0.0
            async with asyncio.TaskGroup() as group:
                task = group.create_task(cluster.writer(Scope.REVISION).keep())
                await asyncio.sleep(5.0)
                assert cluster.status()["observedGeneration"] == 2
                await cluster.apply(route())
                task.cancel()
            await asyncio.sleep(5.0)
            assert cluster.status()["observedGeneration"] == 3

    run_virtually(main())


def test_who_leads_no_longer_has_nothing_to_write() -> None:
    async def main() -> None:
        async with writing() as cluster:
            cluster.objects.down = True
            await cluster.apply(route())
            await asyncio.sleep(5.0)
        assert cluster.registry.get_sample_value("heddle_status_queue") == 0.0

    run_virtually(main())


def test_a_new_leader_writes_only_what_is_not_there() -> None:
    async def main() -> None:
        async with writing() as cluster:
            await cluster.apply(route(), route("other"))
            await asyncio.sleep(5.0)
            assert len(cluster.writes) == 2
            async with asyncio.TaskGroup() as group:
                task = group.create_task(cluster.writer().keep())
                await asyncio.sleep(60.0)
                assert len(cluster.writes) == 2
                task.cancel()

    run_virtually(main())


def test_a_status_is_no_edit() -> None:
    """What we write comes back from the source, and changes nothing that proxies are sent."""

    async def main() -> None:
        async with writing() as cluster:
            await cluster.apply(route())
            mesh = cluster.plane.engine.mesh
            await asyncio.sleep(5.0)
            assert cluster.writes
            assert cluster.plane.engine.mesh.virtual_services is mesh.virtual_services
            assert not cluster.plane.problems()

    run_virtually(main())


def test_an_event_that_cannot_be_posted_is_counted_and_holds_nothing_up() -> None:
    async def main() -> None:
        async with writing() as cluster:
            cluster.refuses_events = True
            await cluster.apply(route(host="nowhere"))
            await asyncio.sleep(5.0)
            assert cluster.condition("ResolvedRefs")["status"] == "False"
            assert cluster.counted("heddle_status_events_total", "failed") == 1

    run_virtually(main())
