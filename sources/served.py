"""Which version of a kind an API server serves, and under which name in its paths."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from sources.errors import ApiError
from sources.resource import Resource

_NOT_FOUND = 404


class Getter(Protocol):
    """What is needed of an API server."""

    async def get(self, path: str) -> Mapping[str, object]:
        """The object; raises `ApiError`."""


async def served(api: Getter, group: str, kind: str, versions: Iterable[str]) -> Resource | None:
    """The first of the versions that is served; none if the kind is not installed.

    Raises `ApiError` if it cannot be told.
    """
    for version in versions:
        try:
            listed = await api.get(f"/apis/{group}/{version}" if group else f"/api/{version}")
        except ApiError as error:
            if error.status != _NOT_FOUND:
                raise
            continue
        plural = _plural(listed, kind)
        if plural is not None:
            return Resource(group=group, version=version, plural=plural)
    return None


def _plural(listed: Mapping[str, object], kind: str) -> str | None:
    resources = listed.get("resources")
    for each in resources if isinstance(resources, list) else ():
        name = each.get("name") if isinstance(each, Mapping) else None
        if isinstance(name, str) and "/" not in name and each.get("kind") == kind:
            return name
    return None
