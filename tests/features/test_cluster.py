"""A control plane that is fed by an API server: what is applied there reaches the proxies."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from crds.meta import Key
from heddle.discovery import Discovery
from mesh.advance import CONFIG_KEY
from sources.cluster import Cluster, ClusterSettings
from sources.events import Applied, Deleted
from tests.fakes.api_server import FakeApiServer, collection
from tests.features.plane import Plane
from tests.features.shop import REVIEWS, SHOP, namespace, route, workload
from tests.features.stream import PATIENCE, Stream

ONE = "{timeout: 1s, route: [{destination: {host: reviews}}]}"
TWO = "{timeout: 2s, route: [{destination: {host: reviews}}]}"
HOST = f"80/{REVIEWS}:80"
SELECTED = """
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: |
    discoverySelectors:
    - matchLabels: {mesh: "yes"}
"""


class World:
    """An API server whose objects are those of YAML, and a control plane that reads it."""

    def __init__(self, plane: Plane) -> None:
        self.server = FakeApiServer()
        self.plane = plane

    def apply(self, *texts: str) -> None:
        """Make this YAML all that the API server holds."""
        for event in self.plane.news(*texts):
            if isinstance(event, Applied) and _is_served(event.key):
                self.server.put(collection(event.key.group, event.key.kind), event.raw)
            elif isinstance(event, Deleted) and _is_served(event.key):
                self.server.delete(self._place(event.key))

    def delete(self, kind: str, name: str) -> None:
        """Deletes an object of the core, by namespace/name."""
        place, _, rest = name.partition("/")
        self.server.delete(self._place(Key("", kind, place, rest)))

    def _place(self, key: Key) -> tuple[str, str, str]:
        return collection(key.group, key.kind), key.namespace, key.name

    async def read(self) -> None:
        """Waits until all has been read once."""
        async with asyncio.timeout(PATIENCE):
            while not self.plane.control.pods.synced:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.01)


def _is_served(key: Key) -> bool:
    return (key.group, key.kind) not in {("apps", "Deployment"), ("", "ServiceAccount")}


@pytest.fixture
async def world(plane: Plane) -> AsyncIterator[World]:
    made = World(plane)
    cluster = Cluster(
        made.server,
        ClusterSettings(config=CONFIG_KEY),
        Discovery(CONFIG_KEY.namespace),
        clock=asyncio.get_running_loop().time,
        chance=lambda: 0.1,
    )
    async with asyncio.TaskGroup() as group:
        works = (cluster.run(), plane.control.follow(cluster.batches(), plane.server))
        tasks = [group.create_task(work) for work in works]
        yield made
        for task in tasks:
            task.cancel()


def sent(stream: Stream, name: str) -> int:
    """How often a resource was sent."""
    return sum(name in push.names for push in stream.envoy.pushes)


async def test_what_is_applied_at_the_api_server_reaches_a_proxy(world: World) -> None:
    world.apply(SHOP, route("reviews", ONE))
    await world.read()
    async with world.plane.of("shop/web") as stream:
        await stream.synced()
        await stream.ping()
        before = sent(stream, HOST)
        world.apply(SHOP, route("reviews", TWO))
        await stream.until(lambda: sent(stream, HOST) == before + 1)


async def test_the_stream_of_a_pod_that_is_deleted_ends(world: World) -> None:
    world.apply(SHOP)
    await world.read()
    async with world.plane.of("shop/web") as stream:
        await stream.synced()
        world.delete("Pod", world.plane.pod("shop/web"))
        await world.plane.alone()
        await stream.refused()


async def test_serving_goes_on_while_the_api_server_is_away(world: World) -> None:
    """New streams, too; what was missed comes afterwards."""
    world.apply(SHOP, route("reviews", ONE))
    await world.read()
    async with world.plane.of("shop/web") as old:
        await old.synced()
        world.server.down = True
        world.server.restart()
        async with world.plane.of("shop/reviews") as new:
            await new.synced()
        await old.ping()
        before = sent(old, HOST)
        world.apply(SHOP, route("reviews", TWO))
        assert await old.ping() == []
        world.server.down = False
        await old.until(lambda: sent(old, HOST) == before + 1)


def chosen(name: str, mesh: str) -> str:
    """A Namespace that is part of the mesh, or is not."""
    labels = f"labels: {{mesh: '{mesh}', istio-injection"
    return namespace(name).replace("labels: {istio-injection", labels)


async def test_namespaces_are_part_of_the_mesh_as_their_labels_say(world: World) -> None:
    """And the labels may change."""
    shop = (SHOP, chosen("shop", "yes"), SELECTED)
    bank = workload("teller", "bank")
    cluster = "outbound|80||teller.bank.svc.cluster.local"
    world.apply(*shop, bank, chosen("bank", "no"))
    await world.read()
    async with world.plane.of("shop/web") as stream:
        await stream.synced()
        await stream.ping()
        assert sent(stream, cluster) == 0
        world.apply(*shop, bank, chosen("bank", "yes"))
        await stream.until(lambda: sent(stream, cluster) > 0)
        world.apply(*shop, bank, chosen("bank", "no"))
        await stream.until(lambda: any(cluster in p.removed for p in stream.envoy.pushes))
