"""A folder in place of an API server: what can be looked at before anything is applied."""

from collections.abc import AsyncIterator, Iterable, Mapping
from pathlib import Path
from urllib.parse import unquote

from crds.kinds import plural
from heddle.cluster_objects import Raw
from sources.api_answers import Page
from sources.directory import load
from sources.errors import ApiError
from sources.events import Applied
from sources.resource import Resource
from webhook import raw
from webhook.templates import TEMPLATES

_NOT_FOUND, _NOT_ALLOWED = 404, 405


class Files:
    """The objects of a folder; nothing is written, and nobody is asked."""

    def __init__(self, objects: Iterable[Raw]) -> None:
        self._lists: dict[str, list[Raw]] = {}
        for each in objects:
            for item in (each, *_pods_of(each)):
                self._lists.setdefault(_path(item), []).append(item)

    async def get(self, path: str) -> Raw:
        """The object."""
        folder, _, name = path.rpartition("/")
        for each in self._lists.get(folder, ()):
            if raw.metadata(each).get("name") == unquote(name):
                return each
        raise ApiError("there is no such object", _NOT_FOUND)

    async def list(self, path: str, query: Mapping[str, str]) -> AsyncIterator[Page]:
        """All of a kind, as one page."""
        head, _, end = path.rpartition("/")
        found = [
            item
            for where, items in self._lists.items()
            if where == path
            or (where.startswith(f"{head}/namespaces/") and where.endswith(f"/{end}"))
            for item in items
        ]
        yield Page(items=found, resource_version="")

    async def about(self) -> tuple[Raw, str]:
        """Files have no version."""
        raise ApiError("files are no API server", _NOT_ALLOWED)

    async def create(self, path: str, body: Raw) -> Raw:
        """Nothing is made."""
        raise ApiError("files are no API server", _NOT_ALLOWED)

    async def rehearse(self, path: str, body: Raw) -> Raw:
        """Nobody is asked."""
        raise ApiError("files are no API server", _NOT_ALLOWED)


def read(folder: Path) -> Files:
    """What a folder has. Raises `SourceError`."""
    return Files(each.raw for each in load(folder) if isinstance(each, Applied))


def _path(item: Raw) -> str:
    group, _, version = raw.text(item.get("apiVersion")).rpartition("/")
    resource = Resource(group=group, version=version, plural=plural(raw.text(item.get("kind"))))
    return resource.collection(raw.text(raw.metadata(item).get("namespace")))


def _pods_of(item: Raw) -> Iterable[Raw]:
    """What a Deployment and its like make."""
    group = raw.text(item.get("apiVersion")).rpartition("/")[0]
    path = TEMPLATES.get((group, raw.text(item.get("kind"))), ())
    if not path:
        return
    found = item
    for name in path:
        found = raw.mapping(found.get(name))
    head = {name: raw.metadata(item).get(name) for name in ("name", "namespace")}
    metadata = {**raw.metadata(found), **head}
    yield {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": found.get("spec")}
