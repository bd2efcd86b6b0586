"""An API server in memory, with a history that watches read, and with all that goes wrong with one.

Its faults are drawn one by one from `faults`: one for each request and for each event of a watch.
"""

import asyncio
import copy
from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum

from crds.kinds import KINDS
from crds.unsupported import UNSUPPORTED
from sources.api_answers import Page, Raw, WatchEvent
from sources.errors import ApiError

IDLE_SECONDS = 90.0
BOOKMARK_SECONDS = 60.0
Place = tuple[str, str, str]
"""A collection, a namespace and a name."""


class Fault(Enum):
    """What a request or an event meets."""

    NONE = "none"
    UNAVAILABLE = "503"
    TOO_MANY = "429, with Retry-After"
    GONE = "410, as a status or as an event"
    CUT = "the connection breaks"
    STALL = "not a word any more"
    TWICE = "an event comes twice"
    END = "the watch ends as it should"


@dataclass(frozen=True, slots=True)
class _Entry:
    version: int
    type: str
    place: Place
    object: Raw


@dataclass(slots=True)
class _State:
    """What etcd holds."""

    version: int = 1
    objects: dict[Place, Raw] = field(default_factory=dict)
    history: list[_Entry] = field(default_factory=list)
    compacted: int = 0


SERVED = {**{each: kind.versions for each, kind in KINDS.items()}, **UNSUPPORTED}


def plural(kind: str) -> str:
    """The name of a kind in paths."""
    return kind.lower() + ("es" if kind.endswith(("s", "h")) else "s").replace("ys", "ies")


class FakeApiServer:
    """What a test does with it. All kinds that we read are served, but for those in `missing`."""

    def __init__(self) -> None:
        self.missing: set[str] = set()
        """Kinds that are not installed."""
        self.forbidden: set[str] = set()
        """Plurals that may not be listed."""
        self.faults: Iterator[Fault] = iter(())
        self.down = False
        self.too_much: int | None = None
        """Items of a page with which an answer is too long."""
        self.asked: list[tuple[str, str]] = []
        """Verbs and paths."""
        self._state = _State()
        self._news = asyncio.Event()
        self._lists: dict[str, tuple[int, list[Raw]]] = {}
        self._epoch = 0

    @property
    def objects(self) -> Mapping[Place, Raw]:
        """What it holds."""
        return self._state.objects

    def put(self, collection: str, item: Raw) -> None:
        """Creates or replaces an object of a collection, such as `/api/v1/pods`."""
        state = self._state
        meta = item["metadata"]
        assert isinstance(meta, dict)
        place = (collection, meta.get("namespace", ""), meta["name"])
        state.version += 1
        kept = copy.deepcopy({**item, "metadata": {**meta, "resourceVersion": str(state.version)}})
        kind = "MODIFIED" if place in state.objects else "ADDED"
        state.objects[place] = kept
        self._happened(_Entry(state.version, kind, place, kept))

    def delete(self, place: Place) -> None:
        """Deletes an object, if it is there."""
        state = self._state
        item = state.objects.pop(place, None)
        if item is not None:
            state.version += 1
            meta = item["metadata"]
            assert isinstance(meta, dict)
            last = {**item, "metadata": {**meta, "resourceVersion": str(state.version)}}
            self._happened(_Entry(state.version, "DELETED", place, last))

    def compact(self) -> None:
        """Forgets all history: who is connected has it, and nobody else."""
        self._state.compacted = self._state.version

    def backup(self) -> _State:
        """What it is now."""
        return copy.deepcopy(self._state)

    def restore(self, backup: _State) -> None:
        """It is as it was, and nobody is connected any more."""
        self._state = copy.deepcopy(backup)
        self.restart()

    def restart(self) -> None:
        """Nobody is connected any more."""
        self._epoch += 1
        self._wake()

    async def get(self, path: str) -> Raw:
        """Which kinds there are in a version of a group."""
        self._ask("get", path)
        group = path.split("/")[2] if path.startswith("/apis/") else ""
        served = [
            {"name": plural(kind), "kind": kind}
            for (of, kind), versions in SERVED.items()
            if of == group and kind not in self.missing and path.endswith(f"/{versions[0]}")
        ]
        if not served:
            raise ApiError("the API server says 404", 404)
        return {"resources": served}

    async def page(
        self, path: str, query: Mapping[str, str], *, more: str = "", limit: int
    ) -> Page:
        self._ask("list", path)
        if more:
            version, rest = self._lists.pop(more)
            if version < self._state.compacted:
                raise ApiError("the API server says 410", 410)
        else:
            version = self._state.version
            rest = [copy.deepcopy(item) for item in self._of(path, query).values()]
        if self.too_much is not None and min(limit, len(rest)) > self.too_much:
            raise ApiError("the API server cannot be asked (ValueError)")
        token = ""
        if len(rest) > limit:
            token = f"{version} {len(self.asked)}"
            self._lists[token] = (version, rest[limit:])
        await asyncio.sleep(0.01)
        return Page(items=rest[:limit], resource_version=str(version), more=token)

    async def watch(
        self, path: str, query: Mapping[str, str], *, resource_version: str, seconds: float
    ) -> AsyncGenerator[WatchEvent, None]:
        self._ask("watch", path)
        position, epoch = int(resource_version), self._epoch
        if position < self._state.compacted:
            raise ApiError("the API server says 410", 410)
        end = asyncio.get_running_loop().time() + seconds
        while (left := end - asyncio.get_running_loop().time()) > 0:
            news = self._news
            for entry in self._after(position, path, query):
                position = entry.version
                for _ in range(await self._times()):
                    yield WatchEvent(entry.type, copy.deepcopy(entry.object))
            try:
                async with asyncio.timeout(min(left, BOOKMARK_SECONDS)):
                    await news.wait()
            except TimeoutError:
                if position <= self._state.version:
                    position = self._state.version
                    yield WatchEvent("BOOKMARK", {"metadata": {"resourceVersion": str(position)}})
            if self._epoch != epoch:
                raise ApiError("the API server cannot be asked (ClientPayloadError)")

    async def _times(self) -> int:
        """How often an event comes; raises for a fault that ends the watch."""
        match next(self.faults, Fault.NONE):
            case Fault.NONE | Fault.UNAVAILABLE | Fault.TOO_MANY:
                return 1
            case Fault.TWICE:
                return 2
            case Fault.GONE:
                raise ApiError("the API server says 410 (Expired)", 410, "Expired")
            case Fault.STALL:
                await asyncio.sleep(IDLE_SECONDS)
        raise ApiError("the API server cannot be asked (SocketTimeoutError)")

    def _ask(self, verb: str, path: str) -> None:
        self.asked.append((verb, path))
        if self.down:
            raise ApiError("the API server cannot be asked (ClientConnectorError)")
        name = path.rpartition("/")[2]
        if name in {plural(each) for each in self.missing}:
            raise ApiError("the API server says 404 (NotFound)", 404, "NotFound")
        if name in self.forbidden:
            raise ApiError("the API server says 403 (Forbidden)", 403, "Forbidden")
        match next(self.faults, Fault.NONE):
            case Fault.UNAVAILABLE:
                raise ApiError("the API server says 503", 503)
            case Fault.TOO_MANY:
                raise ApiError("the API server says 429", 429, "TooManyRequests", 7.0)
            case Fault.GONE if verb != "get":
                raise ApiError("the API server says 410", 410)
            case Fault.CUT:
                raise ApiError("the API server cannot be asked (ServerDisconnectedError)")

    def _of(self, path: str, query: Mapping[str, str]) -> Mapping[Place, Raw]:
        return {place: item for place, item in self.objects.items() if _is_in(place, path, query)}

    def _after(self, position: int, path: str, query: Mapping[str, str]) -> list[_Entry]:
        return [
            each
            for each in self._state.history
            if each.version > position and _is_in(each.place, path, query)
        ]

    def _happened(self, entry: _Entry) -> None:
        self._state.history.append(entry)
        self._wake()

    def _wake(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()


def _is_in(place: Place, path: str, query: Mapping[str, str]) -> bool:
    collection, namespace, name = place
    of_namespace = path.replace(f"/namespaces/{namespace}/", "/") if namespace else path
    wanted = query.get("fieldSelector", "")
    named = wanted.removeprefix("metadata.name=") if wanted.startswith("metadata.name=") else name
    return of_namespace == collection and name == named


def collection(group: str, kind: str) -> str:
    """The path of all objects of a kind."""
    version = SERVED[group, kind][0]
    root = f"/apis/{group}/{version}" if group else f"/api/{version}"
    return f"{root}/{plural(kind)}"
