"""The objects of a cluster as those see them who keep something in them: what is needed of an API
server, and what is not there said by None instead of by an error.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Protocol

from sources.api_answers import Page
from sources.errors import ApiError

Raw = Mapping[str, object]
_NOT_FOUND = 404


class Readable(Protocol):
    """An API server, to read one object of. Raises `ApiError`."""

    async def get(self, path: str) -> Raw:
        """One object."""
        ...


class Listable(Protocol):
    """An API server, to read lists of. Raises `ApiError`."""

    def list(self, path: str, query: Mapping[str, str]) -> AsyncIterator[Page]:
        """All pages of a list."""
        ...


class Objects(Readable, Listable, Protocol):
    """An API server. Each raises `ApiError`."""

    async def create(self, path: str, body: Raw) -> Raw:
        """Posts an object to its collection; the one that comes back."""
        ...

    async def replace(self, path: str, body: Raw) -> Raw:
        """Puts an object, if it is still the `resourceVersion` of `body`; what it is now."""
        ...

    async def apply(self, path: str, body: Raw, *, manager: str, force: bool = False) -> Raw:
        """Server-side apply: these fields are `manager`'s, and there if they were not."""
        ...

    async def delete(self, path: str, *, uid: str = "", resource_version: str = "") -> None:
        """Deletes an object; a Conflict if it is not the one that is meant."""
        ...


class ClusterApi(Objects, Protocol):
    """An API server to which more is written than whole objects."""

    async def patch(self, path: str, body: Raw) -> Raw:
        """Merges into an object (RFC 7386); what it is now."""
        ...

    async def json_patch(self, path: str, steps: Sequence[Raw]) -> Raw:
        """All of the steps (RFC 6902) or none; what it is now."""
        ...


async def find(api: Readable, path: str) -> Raw | None:
    """The object; None if there is none."""
    try:
        return await api.get(path)
    except ApiError as error:
        if error.status == _NOT_FOUND:
            return None
        raise


async def remove(api: Objects, path: str, *, uid: str = "", resource_version: str = "") -> None:
    """Deletes the object, if it is there."""
    try:
        await api.delete(path, uid=uid, resource_version=resource_version)
    except ApiError as error:
        if error.status != _NOT_FOUND:
            raise


async def listed(api: Listable, path: str, query: Mapping[str, str]) -> Sequence[Raw]:
    """All objects of a list."""
    return [item async for page in api.list(path, query) for item in page.items]
