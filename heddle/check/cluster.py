"""The cluster as the checks see it: each thing is read once for all of them."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from crds.decode import decode
from crds.kinds import Object
from crds.mesh_config import DEFAULT_MESH_CONFIG
from heddle.cluster_feed import KubernetesSource
from heddle.cluster_objects import Raw, find, listed
from heddle.injection import DEFAULT_REVISION, PORT, having, inject_settings, server_name
from heddle.intake import read_config, read_injection
from sources.api_answers import Page
from sources.resource import CONFIG_MAPS, MUTATING_WEBHOOKS, NAMESPACES, PODS, Resource
from webhook import raw
from webhook.settings import InjectSettings
from webhook.values import NO_VALUES, with_values

TAG_PREFIX = "heddle-revision-tag-"
"""Of an injector's configuration; then come the tag, a dot and the revision."""


class Api(Protocol):
    """An API server. Each raises `ApiError`."""

    async def about(self) -> tuple[Raw, str]:
        """Its version, and the `Date` of the answer."""
        ...

    async def get(self, path: str) -> Raw:
        """One object."""
        ...

    async def create(self, path: str, body: Raw) -> Raw:
        """Posts an object; the one that comes back."""
        ...

    async def rehearse(self, path: str, body: Raw) -> Raw:
        """What `create` would answer, without making it: admission is asked."""
        ...

    def list(self, path: str, query: Mapping[str, str]) -> AsyncIterator[Page]:
        """All pages of a list."""
        ...


class Cluster:
    """One look at a cluster. `namespace` and `revision` are the control plane's."""

    def __init__(
        self, api: Api, *, namespace: str, revision: str, clock: Callable[[], datetime]
    ) -> None:
        self.api = api
        self.namespace = namespace
        self.revision = revision
        self.clock = clock
        self._lists: dict[tuple[str, str], Sequence[Raw]] = {}

    @property
    def name(self) -> str:
        """Of the Deployment, the Service, the account and the ConfigMap."""
        return "heddle" if self.revision == DEFAULT_REVISION else f"heddle-{self.revision}"

    @property
    def suffix(self) -> str:
        """Behind the names of what is not in our namespace."""
        return self.name.removeprefix("heddle")

    async def every(
        self, resource: Resource, namespace: str = "", field: str = ""
    ) -> Sequence[Raw]:
        """All objects of a kind, in a namespace or everywhere; `field` is a field selector. Raises
        `ApiError`.
        """
        path = resource.collection(namespace)
        if (path, field) not in self._lists:
            query = {"fieldSelector": field} if field else {}
            self._lists[path, field] = await listed(self.api, path, query)
        return self._lists[path, field]

    async def find(self, path: str) -> Raw | None:
        """An object, if it is there. Raises `ApiError`."""
        return await find(self.api, path)

    async def namespaces(self) -> Mapping[str, Raw]:
        """All of them, by name."""
        return {name_of(each): each for each in await self.every(NAMESPACES)}

    async def pods(self) -> Sequence[Raw]:
        """Those that have not ended."""
        found = await self.every(PODS)
        return [each for each in found if not _is_over(each)]

    async def names(self) -> frozenset[str]:
        """What namespaces and pods call our revision: its own name, and its tags."""
        tags = set()
        for each in await self.every(MUTATING_WEBHOOKS):
            tag, _, revision = name_of(each).removeprefix(TAG_PREFIX).partition(".")
            if name_of(each).startswith(TAG_PREFIX) and revision == self.revision:
                tags.add(tag)
        return frozenset({self.revision, *tags})

    async def settings(self) -> InjectSettings:
        """How the control plane's injector makes a sidecar now."""
        host = server_name(self.revision, self.namespace)
        base = inject_settings(host=host, port=PORT, server_name=host)
        source = KubernetesSource(namespace=self.namespace, revision=self.revision)
        found = await self.find(CONFIG_MAPS.one(source.config.name, self.namespace))
        made = _decoded(found)
        config, _ = read_config(made, DEFAULT_MESH_CONFIG)
        values, _ = read_injection(made, NO_VALUES)
        made_now = having(with_values(base, values), config)
        return replace(made_now, revision=self.revision)


def name_of(item: Raw) -> str:
    """`metadata.name`."""
    return raw.text(raw.metadata(item).get("name"))


def namespace_of(item: Raw) -> str:
    """`metadata.namespace`."""
    return raw.text(raw.metadata(item).get("namespace"))


def _decoded(found: Raw | None) -> Object | None:
    if found is None:
        return None
    return decode({"apiVersion": "v1", "kind": "ConfigMap", **found}).object


def _is_over(pod: Raw) -> bool:
    phase = raw.mapping(pod.get("status")).get("phase")
    return phase in ("Succeeded", "Failed") or "deletionTimestamp" in raw.metadata(pod)
