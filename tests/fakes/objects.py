"""The objects of an API server, in memory: what writers need, with its compare-and-swap."""

import asyncio
import copy
from collections.abc import Mapping

from sources.errors import ApiError


class FakeObjects:
    """Keeps objects by path. `down` fails every request, `hangs` leaves each without an answer,
    and `deaf` does what it is asked and then fails, as when the answer is lost.
    """

    def __init__(self) -> None:
        self.objects: dict[str, Mapping[str, object]] = {}
        self.requests: list[tuple[str, str]] = []
        """The verbs and paths of what was asked."""
        self.down = False
        self.hangs = False
        self.deaf = False
        self.seconds = 0.01
        """How long a request takes."""
        self._version = 0

    def put(self, path: str, body: Mapping[str, object]) -> Mapping[str, object]:
        """Somebody else writes an object; as it is now."""
        return self._stored(path, body)

    async def get(self, path: str) -> Mapping[str, object]:
        await self._asked("get", path)
        if path not in self.objects:
            raise ApiError("the API server says 404", 404)
        return self._answer(path)

    async def create(self, path: str, body: Mapping[str, object]) -> Mapping[str, object]:
        name = _metadata(body)["name"]
        await self._asked("create", f"{path}/{name}")
        if f"{path}/{name}" in self.objects:
            raise ApiError("the API server says 409", 409)
        return self._stored(f"{path}/{name}", body)

    async def replace(self, path: str, body: Mapping[str, object]) -> Mapping[str, object]:
        await self._asked("replace", path)
        if path not in self.objects:
            raise ApiError("the API server says 404", 404)
        version = _metadata(self.objects[path])["resourceVersion"]
        if _metadata(body).get("resourceVersion") != version:
            raise ApiError("the API server says 409", 409)
        return self._stored(path, body)

    async def patch(self, path: str, body: Mapping[str, object]) -> Mapping[str, object]:
        """A merge patch; that of a `status` subresource changes nothing else."""
        await self._asked("patch", path)
        path, _, status = path.partition("/status")
        if path not in self.objects:
            raise ApiError("the API server says 404", 404)
        old, given = self.objects[path], _metadata({"metadata": {}, **body})
        for name in ("uid", "resourceVersion"):
            if given.get(name, _metadata(old).get(name)) != _metadata(old).get(name):
                raise ApiError("the API server says 409", 409)
        if status:
            body = {"status": body["status"]}
        return self._stored(path, _merged(old, body))

    async def _asked(self, verb: str, path: str) -> None:
        self.requests.append((verb, path))
        await asyncio.sleep(self.seconds)
        if self.hangs:
            await asyncio.sleep(5.0)
            raise ApiError("the API server cannot be asked (TimeoutError)")
        if self.down:
            raise ApiError("the API server says 503", 503)

    def _stored(self, path: str, body: Mapping[str, object]) -> Mapping[str, object]:
        self._version += 1
        metadata = {**_metadata(body), "resourceVersion": str(self._version)}
        self.objects[path] = copy.deepcopy({**body, "metadata": metadata})
        return self._answer(path)

    def _answer(self, path: str) -> Mapping[str, object]:
        if self.deaf:
            raise ApiError("the API server cannot be asked (ClientOSError)")
        return copy.deepcopy(self.objects[path])


def _merged(old: Mapping[str, object], new: Mapping[str, object]) -> Mapping[str, object]:
    """RFC 7386."""
    found = dict(old)
    for name, value in new.items():
        before = found.get(name)
        if value is None:
            found.pop(name, None)
        elif isinstance(value, Mapping):
            found[name] = _merged(before if isinstance(before, Mapping) else {}, value)
        else:
            found[name] = value
    return found


def _metadata(body: Mapping[str, object]) -> Mapping[str, object]:
    found = body["metadata"]
    assert isinstance(found, Mapping)
    return found
