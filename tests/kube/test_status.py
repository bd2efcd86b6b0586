"""What objects say of themselves in a real API server, as kubectl sees it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from crds.decode import identify
from crds.meta import Key
from heddle.leader import LEASE
from heddle.status_board import Scope, StatusBoard
from heddle.status_events import StatusEvents
from heddle.status_metrics import StatusMetrics
from heddle.status_writer import StatusWriter
from sources.errors import ApiError
from sources.events import Applied, Deleted, Event
from sources.kubernetes import KubernetesApi
from sources.resource import LEASES
from tests.fakes.clock import FakeClock
from tests.features.plane import Plane, running
from tests.features.served import HEDDLE
from tests.features.shop import SHOP
from tests.features.stream import Stream
from tests.kube.accounts import Namespace, rule
from tests.kube.authority_rights import EVERYWHERE, HERE
from tests.kube.server import ApiServer

WATCH = ("get", "list", "watch")
GROUP = "networking.istio.io"
ROLE = (
    rule(GROUP, ["virtualservices/status", "destinationrules/status"], ["patch"]),
    rule("events.k8s.io", ["events"], ["create"]),
)
"""What the chart's role allows of these."""
LEADER = (
    rule("", ["configmaps"], ["create"]),
    {**rule("", ["configmaps"], ["get", "patch"]), "resourceNames": ["heddle-status"]},
    rule("coordination.k8s.io", ["leases"], ["create"]),
    {**rule("coordination.k8s.io", ["leases"], ["get", "update"]), "resourceNames": [LEASE]},
)
READ = (
    rule("", ["namespaces", "nodes", "pods", "services", "secrets", "configmaps"], WATCH),
    rule("discovery.k8s.io", ["endpointslices"], WATCH),
    *(rule(group, ["*"], WATCH) for group in (GROUP, "security.istio.io")),
)
PATIENCE = 60.0
WORDS = "no such thing as a timeout"

pytestmark = [pytest.mark.timeout(180), pytest.mark.usefixtures("definitions")]


class Kubectl:
    """What a user does with the VirtualService of a namespace."""

    def __init__(self, namespace: Namespace, server: ApiServer) -> None:
        self.namespace = namespace
        self._server = server

    async def kubectl(self, *arguments: str, text: str = "") -> str:
        given = (f"--namespace={self.namespace.name}", *arguments)
        return await asyncio.to_thread(lambda: self._server.kubectl(*given, text=text))

    async def apply(self, patience: str, host: str = "reviews") -> Mapping[str, object]:
        body = {"timeout": patience, "route": [{"destination": {"host": host}}]}
        made = {
            "apiVersion": f"{GROUP}/v1",
            "kind": "VirtualService",
            "metadata": {"name": "reviews"},
            "spec": {"hosts": ["reviews"], "http": [body]},
        }
        await self.kubectl("apply", "-f", "-", text=json.dumps(made))
        return made

    async def wait(self, condition: str, seconds: int) -> None:
        """Raises `RuntimeError` if it does not come."""
        what = ("virtualservice/reviews", f"--for=condition={condition}", f"--timeout={seconds}s")
        await self.kubectl("wait", *what)


class Mesh(Kubectl):
    """A namespace whose VirtualServices a control plane reads, and tells how they fare."""

    def __init__(self, namespace: Namespace, server: ApiServer, plane: Plane) -> None:
        super().__init__(namespace, server)
        self.plane = plane
        self._shop = SHOP.replace("namespace: shop", f"namespace: {namespace.name}").replace(
            "{name: shop,", f"{{name: {namespace.name},"
        )
        self._seen: dict[Key, object] = {}
        self._told: object = None
        """The newest spec that the control plane has taken in."""

    def begin(self) -> None:
        self.plane.apply(self._shop)

    async def apply(self, patience: str, host: str = "reviews") -> Mapping[str, object]:
        made = await super().apply(patience, host)
        async with asyncio.timeout(PATIENCE):
            while self._told != made["spec"]:  # noqa: ASYNC110 - told of by a list
                await asyncio.sleep(0.02)
        return made

    async def found(self) -> Mapping[str, object]:
        return dict(
            await self.namespace.admin.get(
                f"/apis/{GROUP}/v1/namespaces/{self.namespace.name}/virtualservices/reviews"
            )
        )

    async def condition(self, kind: str) -> Mapping[str, object]:
        status = (await self.found())["status"]
        assert isinstance(status, dict)
        return next(each for each in status["conditions"] if each["type"] == kind)

    async def until_rejected(self) -> None:
        reason = "{.status.conditions[?(@.type=='Programmed')].reason}"
        await self.kubectl(
            "wait", "virtualservice/reviews", f"--for=jsonpath={reason}=Rejected", "--timeout=60s"
        )

    async def until_event(self) -> str:
        """The events, once there is one."""
        found = ""
        async with asyncio.timeout(PATIENCE):
            while "Rejected" not in found:
                found = await self.kubectl("get", "events", "-o", "json")
        return found

    async def mirror(self) -> None:
        """Tells the control plane what there is, until cancelled."""
        path = f"/apis/{GROUP}/v1/namespaces/{self.namespace.name}/virtualservices"
        while True:
            now: dict[Key, Mapping[str, object]] = {}
            async for page in self.namespace.admin.list(path):
                for item in page.items:
                    raw = {"apiVersion": f"{GROUP}/v1", "kind": "VirtualService", **item}
                    key = identify(raw).key
                    assert key is not None
                    now[key] = raw
            events: list[Event] = [Deleted(key) for key in self._seen.keys() - now.keys()]
            events += [Applied(k, raw) for k, raw in now.items() if self._seen.get(k) != raw]
            self._seen = dict(now)
            if events:
                dirty = self.plane.control.apply(events)
                self.plane.control.refresh(self.plane.server, dirty)
                self._told = next((raw.get("spec") for raw in now.values()), None)
            await asyncio.sleep(0.05)


@asynccontextmanager
async def mesh(namespace: Namespace, server: ApiServer) -> AsyncIterator[Mesh]:
    await namespace.account("heddle")
    await namespace.allow("heddle", *ROLE, everywhere=True)
    now = datetime.fromtimestamp(int(time.time()), UTC)  # noqa: TID251
    async with (
        running(FakeClock(now)) as plane,
        namespace.client_for("heddle") as api,
        asyncio.TaskGroup() as group,
    ):
        found = Mesh(namespace, server, plane)
        tasks = [group.create_task(work) for work in (writer(plane, api).keep(), found.mirror())]
        found.begin()
        yield found
        for task in tasks:
            task.cancel()


def writer(plane: Plane, api: KubernetesApi) -> StatusWriter:
    wall, metrics = time.time, StatusMetrics()  # noqa: TID251
    board = StatusBoard(plane.control, plane.server.clients, time.monotonic)
    events = StatusEvents(
        api.create, instance="heddle-1", clock=time.monotonic, wall=wall, metrics=metrics
    )
    return StatusWriter(board, api.patch, events, scope=Scope.MESH, wall=wall, metrics=metrics)


@asynccontextmanager
async def connected(here: Mesh) -> AsyncIterator[tuple[Stream, Stream]]:
    """Both pods, with all that there is."""
    other = here.plane.of(f"{here.namespace.name}/reviews")
    async with here.plane.of(f"{here.namespace.name}/web") as first, other as second:
        for stream in (first, second):
            await stream.synced()
            await stream.ping()
        yield first, second


async def acknowledge(*streams: Stream) -> None:
    for stream in streams:
        await stream.ping()


async def test_kubectl_wait_comes_back_when_the_edit_is_live(
    namespace: Namespace, server: ApiServer
) -> None:
    async with mesh(namespace, server) as here, connected(here) as streams:
        await here.apply("1s")
        with pytest.raises(RuntimeError, match="timed out"):
            await here.wait("Programmed", 3)
        assert (await here.condition("Programmed"))["reason"] == "Pending"
        await acknowledge(*streams)
        await here.wait("Programmed", 20)
        await here.wait("Accepted", 20)
        await here.apply("2s")  # what was true of the one before does not count
        with pytest.raises(RuntimeError, match="timed out"):
            await here.wait("Programmed", 1)
        await acknowledge(*streams)
        await here.wait("Programmed", 20)
        assert (await here.condition("Programmed"))["observedGeneration"] == 2


async def test_a_rejection_and_an_event_say_what_envoy_said(
    namespace: Namespace, server: ApiServer
) -> None:
    async with mesh(namespace, server) as here, connected(here) as (stream, other):
        stream.envoy.reject = WORDS
        await here.apply("1s")
        seen = len(stream.envoy.pushes)
        await stream.until(lambda: len(stream.envoy.pushes) > seen)
        stream.envoy.reject = ""
        await acknowledge(stream, other)
        await here.until_rejected()
        condition = await here.condition("Programmed")
        assert WORDS in str(condition["message"])
        assert "1 of 2 connected proxies" in str(condition["message"])
        assert WORDS in await here.until_event()
        await here.apply("2s")
        await acknowledge(stream, other)
        await here.wait("Programmed", 20)


async def test_a_status_changes_no_generation_and_is_gone_with_its_object(
    namespace: Namespace, server: ApiServer
) -> None:
    async with mesh(namespace, server) as here, connected(here):
        await here.apply("1s", host="nowhere")
        await here.wait("ResolvedRefs=False", 20)
        metadata = (await here.found())["metadata"]
        assert isinstance(metadata, dict)
        assert metadata["generation"] == 1
        await here.kubectl("delete", "virtualservice", "reviews")
        await here.apply("1s")
        await here.wait("ResolvedRefs", 20)


async def test_our_rights_are_enough_for_the_status_and_for_nothing_else(
    namespace: Namespace, server: ApiServer
) -> None:
    async with (
        mesh(namespace, server) as here,
        connected(here),
        namespace.client_for("heddle") as api,
    ):
        await here.apply("1s", host="nowhere")
        await here.wait("ResolvedRefs=False", 20)  # it has written: nothing of ours is on its way
        path = f"/apis/{GROUP}/v1/namespaces/{namespace.name}/virtualservices/reviews"
        with pytest.raises(ApiError) as refused:
            await api.patch(path, {"spec": {"hosts": ["evil"]}})
        assert refused.value.status == 403
        await api.patch(f"{path}/status", {"status": {"observedGeneration": 0}, "spec": {}})
        spec = (await here.found())["spec"]
        assert isinstance(spec, dict)
        assert spec["hosts"] == ["reviews"]


async def test_heddle_serve_says_it_and_the_next_one_goes_on(
    namespace: Namespace, server: ApiServer
) -> None:
    """Two replicas: the one that leads ends, and the other one goes on at once."""
    await namespace.account("heddle")
    await namespace.allow("heddle", *READ, *ROLE, *EVERYWHERE, everywhere=True)
    await namespace.allow("heddle", *LEADER, *HERE, everywhere=False)
    kubectl = Kubectl(namespace, server)
    config = await namespace.kubeconfig("heddle")
    async with replica(namespace.name, config) as first, replica(namespace.name, config) as second:
        await kubectl.apply("1s")
        await kubectl.wait("Programmed", 60)
        leader = await leader_of(namespace)
        [leads] = [each for each in (first, second) if leader.endswith(f"-{each.pid}")]
        leads.terminate()
        assert await leads.wait() == 0
        await kubectl.apply("2s")
        await kubectl.wait("Programmed", 30)
        assert await leader_of(namespace) not in ("", leader)


async def leader_of(namespace: Namespace) -> str:
    return holder(await namespace.admin.get(LEASES.one(LEASE, namespace.name)))


def holder(lease: Mapping[str, object]) -> str:
    """Who holds a Lease."""
    spec = lease["spec"]
    assert isinstance(spec, dict)
    return str(spec.get("holderIdentity", ""))


@asynccontextmanager
async def replica(namespace: str, config: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """A `heddle serve` of the cluster."""
    process = await asyncio.create_subprocess_exec(
        *(HEDDLE, "serve", "--kubernetes", "--kubeconfig", str(config)),
        *("--token-review", "--namespace", namespace, "--listen", "127.0.0.1:0"),
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
