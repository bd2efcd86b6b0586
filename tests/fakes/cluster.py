"""An API server's objects in memory: versions that are compared before anything is written, lists
by label and by name, server-side apply of whole fields; and what can go wrong with a request.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from copy import deepcopy
from itertools import count

from sources.api_answers import Page
from sources.errors import ApiError, Reason

Raw = Mapping[str, object]


class FakeCluster:
    """What a test does with it."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, object]] = {}
        """By path."""
        self.writes: list[tuple[str, str]] = []
        """Verb and path of each that was done."""
        self.fails: int | None = None
        """Answers every request with this status; 0 is no answer."""
        self.forbids: Callable[[str, str], bool] = lambda verb, path: False
        """What is refused with 403, by verb and path."""
        self.before: Callable[[str, str], None] = lambda verb, path: None
        """What happens just before a request is done: somebody else may be faster."""
        self._numbers = count(1)

    async def get(self, path: str) -> Raw:
        await self._asked("get", path)
        return deepcopy(self._found(path))

    async def create(self, path: str, body: Raw) -> Raw:
        name = str(_meta(body)["name"])
        await self._asked("create", f"{path}/{name}")
        if f"{path}/{name}" in self.objects:
            raise ApiError("409", 409, Reason.ALREADY_EXISTS)
        return self._put("create", f"{path}/{name}", {**body, "metadata": self._new(body)})

    async def replace(self, path: str, body: Raw) -> Raw:
        await self._asked("replace", path)
        found = _meta(self._found(path))
        given = _meta(body)
        if any(given.get(name, found[name]) != found[name] for name in ("resourceVersion", "uid")):
            raise ApiError("409", 409, Reason.CONFLICT)
        return self._put("replace", path, {**body, "metadata": {**given, "uid": found["uid"]}})

    async def apply(self, path: str, body: Raw, *, manager: str, force: bool = False) -> Raw:
        assert manager
        assert force
        await self._asked("apply", path)
        if path not in self.objects:
            return self._put("apply", path, {**body, "metadata": self._new(body)})
        merged = _merged(self.objects[path], body)
        if merged == self.objects[path]:
            return deepcopy(merged)
        return self._put("apply", path, merged)

    async def delete(self, path: str, *, uid: str = "", resource_version: str = "") -> None:
        await self._asked("delete", path)
        meta = _meta(self._found(path))
        if (uid or meta["uid"], resource_version or meta["resourceVersion"]) != (
            meta["uid"],
            meta["resourceVersion"],
        ):
            raise ApiError("409", 409, Reason.CONFLICT)
        del self.objects[path]
        self.writes.append(("delete", path))

    async def list(self, path: str, query: Mapping[str, str]) -> AsyncIterator[Page]:
        await self._asked("list", path)
        root, _, plural = path.rpartition("/")
        items = [
            deepcopy(found)
            for name, found in sorted(self.objects.items())
            if name.startswith(root) and name.split("/")[-2] == plural and _wanted(found, query)
        ]
        yield Page(items=items, resource_version="1")

    async def _asked(self, verb: str, path: str) -> None:
        await asyncio.sleep(0)  # others have their turn, as over a network
        self.before(verb, path)
        if self.fails is not None:
            raise ApiError(f"the API server says {self.fails}", self.fails or None)
        if self.forbids(verb, path):
            raise ApiError("the API server says 403 (Forbidden)", 403, Reason.FORBIDDEN)

    def _found(self, path: str) -> dict[str, object]:
        if path not in self.objects:
            raise ApiError("the API server says 404 (NotFound)", 404, Reason.NOT_FOUND)
        return self.objects[path]

    def _new(self, body: Raw) -> Raw:
        return {**_meta(body), "uid": f"uid-{next(self._numbers)}"}

    def _put(self, verb: str, path: str, body: Raw) -> Raw:
        meta = {**_meta(body), "resourceVersion": str(next(self._numbers))}
        self.objects[path] = deepcopy({**body, "metadata": meta})
        self.writes.append((verb, path))
        return deepcopy(self.objects[path])


def _meta(body: Raw) -> dict[str, object]:
    meta = body["metadata"]
    assert isinstance(meta, dict)
    return meta


def _merged(old: object, new: object) -> dict[str, object]:
    assert isinstance(old, dict)
    assert isinstance(new, Mapping)
    found = dict(old)
    for name, value in new.items():
        both = isinstance(value, Mapping) and isinstance(found.get(name), Mapping)
        found[name] = _merged(found[name], value) if both else value
    return found


def _wanted(found: Raw, query: Mapping[str, str]) -> bool:
    labels = _meta(found).get("labels", {})
    assert isinstance(labels, dict)
    fields = all(
        _field(found, name.split(".")) == value for name, value in _asked(query, "fieldSelector")
    )
    return fields and all(
        labels.get(name) == value for name, value in _asked(query, "labelSelector")
    )


def _asked(query: Mapping[str, str], name: str) -> list[list[str]]:
    return [each.split("=") for each in query.get(name, "").split(",") if each]


def _field(found: object, names: Sequence[str]) -> object:
    for name in names:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found
