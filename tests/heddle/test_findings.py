"""What analyzers say of a live mesh: beside its pushes, not too often, and in the statuses."""

import asyncio
from collections.abc import Collection, Mapping

from structlog.testing import capture_logs

from analysis import istio_codes
from analysis.message import finding
from crds.kinds import Object
from crds.meta import Key
from heddle.control_plane import ControlPlane
from heddle.findings import REST_SECONDS, ByObject, Findings, aside, findings
from heddle.status_board import StatusBoard
from mesh.mesh import EMPTY_MESH, Mesh
from sources.events import Synced
from tests.fakes.virtual_time import run_virtually
from tests.heddle.events import applied
from tests.heddle.status_cluster import Cluster, now, route, service

KEY = Key("networking.istio.io", "VirtualService", "shop", "reviews")
FOUND = finding(istio_codes.VIRTUAL_SERVICE_INEFFECTIVE_MATCH, KEY, "spec.http[1]", "x")
LABELS = """
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled, istio.io/rev: canary}}
"""
TWICE = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: twice, namespace: shop}
spec:
  hosts: [reviews]
  http:
  - match: [{uri: {exact: /a}}]
    route: [{destination: {host: reviews}}]
"""


class Looks:
    """Counts looks, each of which takes some time."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.times: list[float] = []
        self.seconds = seconds
        self.found: ByObject = {}
        self.fails = False

    async def __call__(
        self, mesh: Mesh, objects: Mapping[Key, Object], unknown: Collection[str]
    ) -> ByObject:
        self.times.append(now())
        await asyncio.sleep(self.seconds)
        if self.fails:
            raise ZeroDivisionError
        return self.found


async def kept(plane: ControlPlane, look: Looks, told: list[ByObject], seconds: float) -> None:
    """Two leaderships for so long; a service changes every second."""
    each = Findings(plane, told.append, now, look=look)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(each.keep()) for _ in range(2)]
        for count in range(int(seconds)):
            await asyncio.sleep(1.0)
            plane.apply(applied(SERVICE.format(count)))
        for task in tasks:
            task.cancel()


SERVICE = """
apiVersion: v1
kind: Service
metadata: {{name: s, namespace: shop, labels: {{count: "{}"}}}}
"""


def test_it_looks_at_once_and_then_now_and_then() -> None:
    async def main() -> None:
        plane, look, told = ControlPlane(quiet=True), Looks(), list[ByObject]()
        plane.apply([Synced()])
        await kept(plane, look, told, 4 * REST_SECONDS - 1.0)
        assert look.times == [0.0, 5.0, 10.0, 15.0]

    run_virtually(main())


def test_what_takes_long_is_done_less_often() -> None:
    async def main() -> None:
        plane, look = ControlPlane(quiet=True), Looks(2.0)
        plane.apply([Synced()])
        await kept(plane, look, [], 100.0)
        assert look.times == [0.0, 42.0, 84.0]

    run_virtually(main())


def test_nothing_is_judged_before_all_is_known_nor_again_if_nothing_happens() -> None:
    async def main() -> None:
        plane, look, told = ControlPlane(quiet=True), Looks(), list[ByObject]()
        each = Findings(plane, told.append, now, look=look)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(each.keep())
            await asyncio.sleep(20.0)
            plane.apply(applied(TWICE))
            await asyncio.sleep(1.0)
            assert look.times == []
            plane.apply([Synced()])
            await asyncio.sleep(100.0)
            assert look.times == [21.0]
            task.cancel()

    run_virtually(main())


def test_an_analyzer_that_fails_keeps_no_status_back() -> None:
    async def main() -> None:
        plane, look, told = ControlPlane(quiet=True), Looks(), list[ByObject]()
        plane.apply([Synced()])
        look.fails = True
        with capture_logs() as logs:
            await kept(plane, look, told, 6.0)
        assert told == [{}, {}]
        assert [each["log_level"] for each in logs] == ["error", "error"]

    run_virtually(main())


def test_statuses_wait_for_the_first_look_and_follow_each() -> None:
    async def main() -> None:
        cluster = Cluster()
        cluster.board = StatusBoard(cluster.plane, [], now, analyzed=True)
        cluster.tell(service())
        await cluster.apply(route())
        async with asyncio.TaskGroup() as group:
            task = group.create_task(cluster.writer().keep())
            await asyncio.sleep(5.0)
            assert cluster.status() == {}
            cluster.board.find({})
            await asyncio.sleep(1.0)
            assert cluster.status()["validationMessages"] == []
            cluster.board.find({KEY: [FOUND]})
            await asyncio.sleep(1.0)
            (told,) = listed(cluster.status()["validationMessages"])
            assert told["type"] == {"code": "IST0131", "name": "VirtualServiceIneffectiveMatch"}
            assert cluster.condition("Accepted")["status"] == "True"
            written = len(cluster.writes)
            cluster.board.find({KEY: [FOUND]})
            await asyncio.sleep(5.0)
            assert len(cluster.writes) == written
            task.cancel()

    run_virtually(main())


def listed(found: object) -> list[Mapping[str, object]]:
    assert isinstance(found, list)
    return found


async def test_a_look_is_one_of_the_engine_on_mesh_objects() -> None:
    plane = ControlPlane(quiet=True)
    plane.apply([*applied(TWICE), Synced()])
    mesh, objects = plane.engine.mesh, plane.everything()
    assert await aside(mesh, objects, ()) == findings(mesh, objects, ())
    assert findings(EMPTY_MESH, {}, ()) == {}


def test_of_kubernetes_own_objects_nothing_is_told() -> None:
    plane = ControlPlane(quiet=True)
    plane.apply([*applied(LABELS), Synced()])
    assert findings(plane.engine.mesh, plane.everything(), ()) == {}
