"""What a cluster's source has said, as one would know it who only listened."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from crds.meta import Key
from sources.api_answers import Raw
from sources.cluster import Cluster, ClusterSettings, Selectors
from sources.events import Applied, Deleted, Synced
from sources.reflector import Api


class Mirror:
    """What was said, and that nothing was said in vain."""

    def __init__(self) -> None:
        self.objects: dict[Key, Raw] = {}
        self.synced = 0
        self.said: list[str] = []

    def take(self, event: object) -> None:
        match event:
            case Applied(key=key, raw=raw):
                assert self.objects.get(key) != raw, "said twice"
                self.said.append(f"+{key.name}")
                self.objects[key] = raw
            case Deleted(key=key):
                self.said.append(f"-{key.name}")
                del self.objects[key]
            case Synced():
                self.synced += 1

    def names(self, kind: str) -> list[str]:
        """Of the objects of a kind."""
        return sorted(key.name for key in self.objects if key.kind == kind)


@asynccontextmanager
async def mirrored(api: Api, config: Key, selectors: Selectors) -> AsyncIterator[Mirror]:
    """Listens to all of an API server."""
    mirror = Mirror()
    settings = ClusterSettings(config=config)
    clock = asyncio.get_running_loop().time
    cluster = Cluster(api, settings, selectors, clock=clock, chance=lambda: 0.5)

    async def listen() -> None:
        async for batch in cluster.batches():
            for event in batch:
                mirror.take(event)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(cluster.run()), group.create_task(listen())]
        yield mirror
        for task in tasks:
            task.cancel()
