"""What the node knows of the API server: some kinds, listed and then watched."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import aclosing

from sources.errors import ApiError
from sources.kubernetes import NO_QUERY, KubernetesApi, Query
from webhook import raw

Raw = Mapping[str, object]

_WATCH_SECONDS = 300.0
_PAUSE_SECONDS = 0.2


class Watched:
    """The objects of a kind, by `namespace/name`. A node needs no more than this: after any trouble
    it lists again."""

    def __init__(
        self, path: str, kind: str, changed: Callable[[], None], query: Query = NO_QUERY
    ) -> None:
        """`kind`: lists do not say it of their items."""
        self.objects: dict[str, Raw] = {}
        self.listed = False
        self._path = path
        self._kind = kind
        self._query = query
        self._changed = changed

    async def follow(self, api: KubernetesApi) -> None:
        """Keeps them as they are; never ends by itself."""
        while True:
            try:
                version = await self._list(api)
                await self._watch(api, version)
            except ApiError:
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _list(self, api: KubernetesApi) -> str:
        found: dict[str, Raw] = {}
        version = ""
        async for page in api.list(self._path, self._query):
            found |= {key(each): {**each, "kind": self._kind} for each in page.items}
            version = page.resource_version
        self.objects, self.listed = found, True
        self._changed()
        return version

    async def _watch(self, api: KubernetesApi, version: str) -> None:
        events = api.watch(
            self._path, self._query, resource_version=version, seconds=_WATCH_SECONDS
        )
        async with aclosing(events):
            async for event in events:
                if event.type == "DELETED":
                    self.objects.pop(key(event.object), None)
                elif event.type != "BOOKMARK":
                    self.objects[key(event.object)] = event.object
                self._changed()


def key(found: Raw) -> str:
    """`namespace/name`."""
    metadata = raw.metadata(found)
    return f"{raw.text(metadata.get('namespace'))}/{raw.text(metadata.get('name'))}"
