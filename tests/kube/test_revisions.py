"""Two revisions on one cluster: each object is told how it fares by one replica, the right one."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from prometheus_client import CollectorRegistry

from crds.meta import Label
from heddle.cluster_feed import KubernetesSource, cluster_feed
from heddle.cluster_objects import Raw, find
from heddle.leader import LEASE, lease_of
from heddle.leading import Api, Replica
from sources.resource import LEASES, Resource
from tests.fakes.clock import FakeClock
from tests.features.plane import running
from tests.kube.accounts import Namespace
from tests.kube.authority_rights import EVERYWHERE, HERE
from tests.kube.test_status import LEADER, READ, ROLE, holder

ROUTES = Resource(group="networking.istio.io", plural="virtualservices")
STABLE, CANARY = "stable", "canary"
PATIENCE = 60.0
SETTLED = 1.5
"""Longer than a leader that has an edit waits before it writes, by far."""

pytestmark = [pytest.mark.timeout(180), pytest.mark.usefixtures("definitions")]


class Pen:
    """An API server, and the names of the objects whose status was written with it."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self.wrote: list[str] = []

    async def get(self, path: str) -> Raw:
        return await self._api.get(path)

    async def create(self, path: str, body: Raw) -> Raw:
        return await self._api.create(path, body)

    async def replace(self, path: str, body: Raw) -> Raw:
        return await self._api.replace(path, body)

    async def patch(self, path: str, body: Raw) -> Raw:
        done = await self._api.patch(path, body)
        if path.endswith("/status"):
            self.wrote.append(path.split("/")[-2])
        return done


class Mesh:
    """Replicas in a namespace, as they are started and ended, and objects beside them."""

    def __init__(self, namespace: Namespace, group: asyncio.TaskGroup) -> None:
        self.namespace = namespace
        self.pens: dict[str, Pen] = {}
        self._group = group
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def begin(self, name: str, revision: str) -> None:
        self._tasks[name] = self._group.create_task(self._run(name, revision))

    async def end(self, name: str) -> None:
        self._tasks[name].cancel()
        await asyncio.wait([self._tasks.pop(name)])

    async def end_all(self) -> None:
        for name in tuple(self._tasks):
            await self.end(name)

    async def _run(self, name: str, revision: str) -> None:
        source = KubernetesSource(
            kubeconfig=await self.namespace.kubeconfig("heddle"),
            namespace=self.namespace.name,
            revision=revision,
        )
        registry = CollectorRegistry()
        async with AsyncExitStack() as stack:
            plane = await stack.enter_async_context(running(FakeClock()))
            feed = await stack.enter_async_context(cluster_feed(source, registry))
            assert feed.api is not None
            self.pens[name] = Pen(feed.api)
            replica = Replica(
                self.pens[name],
                registry,
                namespace=self.namespace.name,
                revision=revision,
                name=name,
            )
            group = await stack.enter_async_context(asyncio.TaskGroup())
            for work in (*feed.works, *replica.works(plane.control, plane.server.clients)):
                group.create_task(work())
            group.create_task(plane.control.follow(feed.batches, plane.server))

    async def apply(self, name: str, revision: str = "", host: str = "a") -> None:
        """Makes or changes a VirtualService."""
        labels = {Label.REVISION: revision} if revision else {}
        made = {
            "apiVersion": "networking.istio.io/v1",
            "kind": "VirtualService",
            "metadata": {"name": name, "labels": labels},
            "spec": {"hosts": [host], "http": [{"directResponse": {"status": 418}}]},
        }
        path = ROUTES.one(name, self.namespace.name)
        await self.namespace.admin.apply(path, made, manager="author", force=True)

    async def told(self, name: str, generation: int = 1) -> None:
        """Waits until the object has the status of its generation."""
        path = ROUTES.one(name, self.namespace.name)
        async with asyncio.timeout(PATIENCE):
            # It tells nobody.
            while _observed(await self.namespace.admin.get(path)) != generation:  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    async def holder(self, lease: str) -> str:
        """Who holds a Lease, as soon as somebody does."""
        async with asyncio.timeout(PATIENCE):
            while not (found := await self._holder(lease)):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        return found

    async def _holder(self, lease: str) -> str:
        found = await find(self.namespace.admin, LEASES.one(lease, self.namespace.name))
        return holder(found) if found is not None else ""

    def writers(self, name: str) -> Sequence[str]:
        """Who wrote the status of an object: a name for each time."""
        return [who for who, pen in self.pens.items() for each in pen.wrote if each == name]


def _observed(found: Mapping[str, object]) -> object:
    status = found.get("status")
    return status.get("observedGeneration") if isinstance(status, Mapping) else None


@asynccontextmanager
async def revisions(namespace: Namespace) -> AsyncIterator[Mesh]:
    """One replica of the stable revision, which leads the mesh, then two of the canary."""
    await namespace.account("heddle")
    await namespace.allow("heddle", *READ, *ROLE, *EVERYWHERE, everywhere=True)
    await namespace.allow("heddle", *LEADER, *HERE, everywhere=False)
    async with asyncio.TaskGroup() as group:
        mesh = Mesh(namespace, group)
        mesh.begin("stable-1", STABLE)
        assert await mesh.holder(LEASE) == "stable-1"
        for name in ("canary-1", "canary-2"):
            mesh.begin(name, CANARY)
        yield mesh
        await mesh.end_all()


async def test_each_object_is_written_by_one_replica_of_its_revision(namespace: Namespace) -> None:
    async with revisions(namespace) as mesh:
        await mesh.apply("all")
        await mesh.apply("old", STABLE)
        await mesh.apply("new", CANARY)
        for name in ("all", "old", "new"):
            await mesh.told(name)
        leader = await mesh.holder(lease_of(CANARY))
        assert leader in ("canary-1", "canary-2")
        await asyncio.sleep(SETTLED)  # who else has it would have written by now
        assert mesh.writers("all") == ["stable-1"]
        assert mesh.writers("old") == ["stable-1"]
        assert mesh.writers("new") == [leader]


async def test_the_next_one_of_the_revision_goes_on_with_its_objects(namespace: Namespace) -> None:
    """And with those of no revision, when the other revision is gone."""
    async with revisions(namespace) as mesh:
        first = await mesh.holder(lease_of(CANARY))
        await mesh.apply("new", CANARY)
        await mesh.told("new")
        await mesh.end(first)
        await mesh.apply("new", CANARY, host="b")
        await mesh.told("new", 2)
        other = await mesh.holder(lease_of(CANARY))
        assert other != first
        assert mesh.writers("new") == sorted([first, other])
        await mesh.end("stable-1")
        await mesh.apply("all")
        await mesh.told("all")
        assert await mesh.holder(LEASE) == other
        assert mesh.writers("all") == [other]


async def test_an_object_that_changes_hands_is_told_of_by_the_new_ones(
    namespace: Namespace,
) -> None:
    async with revisions(namespace) as mesh:
        await mesh.apply("route")
        await mesh.told("route")
        leader = await mesh.holder(lease_of(CANARY))
        await mesh.apply("route", CANARY, host="b")
        await mesh.told("route", 2)
        assert sorted(mesh.writers("route")) == sorted(["stable-1", leader])
