"""Objects in memory, a control plane that is told of them, and who writes their status."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from prometheus_client import CollectorRegistry

from crds.decode import identify
from crds.meta import Key, Label
from heddle.control_plane import ControlPlane
from heddle.status_board import Scope, StatusBoard
from heddle.status_events import StatusEvents
from heddle.status_metrics import StatusMetrics
from heddle.status_writer import StatusWriter
from sources.errors import ApiError
from sources.events import Applied, Deleted, Synced
from tests.fakes.objects import FakeObjects

Raw = Mapping[str, object]
START = 1_700_000_000.0
ROUTES = "/apis/networking.istio.io/v1/namespaces/shop/virtualservices"


class Cluster:
    """Objects, a control plane that is told of them, and who writes their status."""

    def __init__(self) -> None:
        self.objects = FakeObjects()
        self.plane = ControlPlane(quiet=True)
        self.board = StatusBoard(self.plane, [], now)
        self.registry = CollectorRegistry()
        self.metrics = StatusMetrics(self.registry)
        self.writes: list[float] = []
        self.refuses_events = False

    def writer(self, scope: Scope = Scope.MESH) -> StatusWriter:
        events = StatusEvents(
            self.event,
            instance="heddle-1",
            clock=now,
            wall=wall,
            metrics=self.metrics,
        )
        return StatusWriter(
            self.board, self.patch, events, scope=scope, wall=wall, metrics=self.metrics
        )

    async def event(self, path: str, body: Raw) -> Raw:
        if self.refuses_events:
            raise ApiError("the API server says 403", 403)
        return await self.objects.create(path, body)

    async def patch(self, path: str, body: Raw) -> Raw:
        written = await self.objects.patch(path, body)
        self.writes.append(now())
        self.tell(written)
        return written

    def tell(self, *raws: Raw) -> None:
        self.plane.apply([*(Applied(_key(raw), raw) for raw in raws), Synced()])

    async def apply(self, *raws: Raw) -> None:
        """Makes objects as they are said to be, with the next generation of each."""
        told = []
        for raw in raws:
            metadata = raw["metadata"]
            assert isinstance(metadata, Mapping)
            path = f"{ROUTES}/{metadata['name']}"
            old = self.objects.objects.get(path, {})
            count = generation(old) + 1
            new = {**old, **raw, "metadata": {**metadata, "generation": count, "uid": "u"}}
            told.append(self.objects.put(path, new))
        self.tell(*told)

    def delete(self, name: str) -> None:
        del self.objects.objects[f"{ROUTES}/{name}"]
        self.plane.apply([Deleted(Key("networking.istio.io", "VirtualService", "shop", name))])

    def status(self, name: str = "reviews") -> Raw:
        found = self.objects.objects[f"{ROUTES}/{name}"].get("status", {})
        assert isinstance(found, Mapping)
        return found

    def condition(self, kind: str, name: str = "reviews") -> Raw:
        listed = self.status(name)["conditions"]
        assert isinstance(listed, list)
        return next(each for each in listed if each["type"] == kind)

    def events(self) -> Sequence[Raw]:
        return [each for path, each in self.objects.objects.items() if "/events/" in path]

    def counted(self, name: str, result: str) -> float:
        return self.registry.get_sample_value(name, {"result": result}) or 0.0


def generation(raw: Raw) -> int:
    metadata = raw.get("metadata", {})
    assert isinstance(metadata, Mapping)
    found = metadata.get("generation", 0)
    assert isinstance(found, int)
    return found


def _key(raw: Raw) -> Key:
    key = identify(raw).key
    assert key is not None
    return key


def now() -> float:
    return asyncio.get_running_loop().time()


def wall() -> float:
    return START + now()


def route(
    name: str = "reviews", *, timeout: str = "1s", host: str = "reviews", revision: str = ""
) -> Raw:
    labels = {Label.REVISION: revision} if revision else {}
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": name, "namespace": "shop", "labels": labels},
        "spec": {
            "hosts": [name],
            "http": [{"timeout": timeout, "route": [{"destination": {"host": host}}]}],
        },
    }


def service(name: str = "reviews") -> Raw:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"ports": [{"name": "http", "port": 80}]},
    }


@asynccontextmanager
async def writing(scope: Scope = Scope.MESH) -> AsyncIterator[Cluster]:
    cluster = Cluster()
    cluster.tell(service())
    async with asyncio.TaskGroup() as group:
        task = group.create_task(cluster.writer(scope).keep())
        yield cluster
        task.cancel()
