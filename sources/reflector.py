"""One line to an API server: lists the objects of a kind, then watches, for as long as it runs.

Whatever happens in between - a restart, a connection that is dead without a word, a history that
was compacted or comes from a backup - what was said in the end is what the API server holds. While
it is away nothing is taken back.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from sources.api_answers import Page, WatchEvent
from sources.backoff import Backoff
from sources.errors import ApiError
from sources.events import Event
from sources.held import Held, WentBack
from sources.resource import Resource
from sources.selection import Reselected
from sources.served import served

log = structlog.get_logger(__name__)

PAGE_ITEMS = 100
"""Of a list: read in some milliseconds, in which no proxy is served."""
WATCH_SECONDS = 300.0
"""Half of the longest watch: then it is asked again, so that replicas spread over API servers."""
GRACE_SECONDS = 15.0
"""After the end of a watch, before we end it."""
STEADY_SECONDS = 5.0
"""After so long a watch works: what fails then is a new failure."""
ABSENT_SECONDS = 10.0
"""How often it is asked whether a kind has been installed."""
_FORBIDDEN, _NOT_FOUND, _GONE = 403, 404, 410

Query = Mapping[str, str]


class Api(Protocol):
    """What is needed of an API server; each raises `ApiError`."""

    async def get(self, path: str) -> Mapping[str, object]:
        """An object."""

    async def page(self, path: str, query: Query, *, more: str = "", limit: int) -> Page:
        """A page of a list."""

    def watch(
        self, path: str, query: Query, *, resource_version: str, seconds: float
    ) -> AsyncGenerator[WatchEvent, None]:
        """What happened after a version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What is listed and watched. `optional`: it may be forbidden, or not be there."""

    group: str
    kind: str
    versions: Sequence[str]
    namespace: str = ""
    query: Query
    optional: bool = False

    def __str__(self) -> str:
        return f"{self.kind}.{self.group}" if self.group else self.kind


class Voice(Protocol):
    """Where a line tells what it hears."""

    def put(self, events: Iterable[Event]) -> None:
        """Tells of this."""

    async def room(self) -> None:
        """Waits until there is room for more."""


class Reflector:
    """Keeps one line. `clock` counts seconds; `chance` gives numbers from 0 to 1."""

    def __init__(
        self,
        api: Api,
        line: Line,
        held: Held,
        voice: Voice,
        *,
        clock: Callable[[], float],
        chance: Callable[[], float],
        serves: Callable[[str], None],
        synced: Callable[[], None],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`serves` is told the version of the API before the first object that came by it;
        `synced` is called once all that there is has been told.
        """
        self.line = line
        self.held = held
        self.heard = clock()
        """When the API server last said anything of this line."""
        self._api = api
        self._voice = voice
        self._clock = clock
        self._chance = chance
        self._serves = serves
        self._on_synced = synced
        self._sleep = sleep
        self._backoff = Backoff(chance)
        self._resource: Resource | None = None
        self._missed = 0
        self._synced = False
        self._lists_wanted = 1
        self._lists_done = 0
        self._doubtful = False
        self._limit = PAGE_ITEMS
        self._wanted: set[str] = set()
        self._watching: asyncio.Timeout | None = None
        self._trouble = ""

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            try:
                await self._turn()
            except WentBack:
                log.warning("the API server is behind what it said: reading again", of=str(self))
                self._read_again()
                await self._sleep(self._backoff.next())
            except ApiError as error:
                await self._failed(error)

    def __str__(self) -> str:
        return str(self.line)

    def reselect(self, changed: Reselected) -> None:
        """Other namespaces are held from now on."""
        self._voice.put(self.held.drop())
        self._wanted |= changed.added
        if changed.everything:
            self._read_again()
        wanted = self._wanted or self._is_stale()
        if wanted and self._watching is not None and not self._watching.expired():
            self._watching.reschedule(-1.0)

    def _read_again(self) -> None:
        self._lists_wanted += 1

    def _is_stale(self) -> bool:
        return self._lists_done != self._lists_wanted

    async def _turn(self) -> None:
        """From wherever we stand to the end of a watch."""
        if self._resource is None and not await self._is_served():
            await self._sleep(ABSENT_SECONDS * (0.5 + self._chance()))
            return
        assert self._resource is not None
        path = self._resource.collection(self.line.namespace)
        if self._doubtful and not self._is_stale():
            page = await self._api.page(path, self.line.query, limit=1)
            self._doubtful = False
            if self.held.is_behind(page.resource_version):
                raise WentBack
        if self._is_stale():
            await self._list(path)
        await self._catch_up(self._resource)
        if not await self._watch(path):
            self._doubtful = True
            await self._sleep(self._backoff.next())

    async def _is_served(self) -> bool:
        line = self.line
        self._resource = await served(self._api, line.group, line.kind, line.versions)
        if self._resource is not None:
            self._missed = 0
            self._serves(self._resource.version)
            return True
        self._missed += 1
        # An API server that just started may not know all of its kinds yet.
        if self._missed > 1 or not len(self.held):
            self._voice.put(self.held.forget())
            if not self.line.optional:
                self._tell(f"{self} is not installed: waiting for it")
            self._is_synced()
        self._read_again()
        return False

    async def _list(self, path: str) -> None:
        self.held.begin()
        self._wanted.clear()
        wanted = self._lists_wanted
        last = await self._pages(path, self.held.page)
        self._voice.put(self.held.complete(last.resource_version))
        self._lists_done = wanted  # another may be wanted meanwhile
        self._doubtful = False
        self._limit = PAGE_ITEMS
        if self._trouble:
            log.info("reading again", of=str(self))
        self._trouble = ""
        self._is_synced()
        await self._voice.room()

    async def _catch_up(self, resource: Resource) -> None:
        """Reads the namespaces that are held from now on."""
        while self._wanted:
            namespace = min(self._wanted)
            await self._pages(resource.collection(namespace), self.held.add)
            self._wanted.discard(namespace)

    async def _pages(self, path: str, take: Callable[[Page], Iterable[Event]]) -> Page:
        """Reads all pages of a list; the last one."""
        more = ""
        while True:
            page = await self._api.page(path, self.line.query, more=more, limit=self._limit)
            await self._say(take(page))
            more = page.more
            if not more:
                return page

    async def _watch(self, path: str) -> bool:
        """Whether there was a word, or a reason to stop."""
        seconds = WATCH_SECONDS * (1.0 + self._chance())
        watched = self._api.watch(
            path, self.line.query, resource_version=self.held.position, seconds=seconds
        )
        began, heard = self._clock(), False
        try:
            async with asyncio.timeout(seconds + GRACE_SECONDS) as self._watching:
                async with contextlib.aclosing(watched):
                    async for event in watched:
                        heard = True
                        events = self.held.event(event)
                        if self._clock() - began > STEADY_SECONDS:
                            self._backoff.reset()
                        await self._say(events)
        except TimeoutError:
            pass
        finally:
            self._watching = None
        return heard or bool(self._wanted) or self._is_stale()

    async def _say(self, events: Iterable[Event]) -> None:
        self.heard = self._clock()
        self._voice.put(events)
        await self._voice.room()
        await asyncio.sleep(0)

    async def _failed(self, error: ApiError) -> None:
        """Takes what is wrong into account, and waits."""
        if error.status == _NOT_FOUND:
            self._resource = None
        elif error.status == _GONE:
            self._read_again()
        elif error.status is None:
            self._limit = max(1, self._limit // 2)  # it may have been too much at once
        self._doubtful = True
        if error.status == _FORBIDDEN and self.line.optional:
            self._tell(f"{self} may not be listed: none is used")
            self._is_synced()
        elif error.status != _GONE:
            self._tell(f"{self}: {error}")
        await self._sleep(self._backoff.next(error.retry_after))

    def _tell(self, trouble: str) -> None:
        """Says each trouble once."""
        if trouble != self._trouble:
            log.warning(trouble)
        self._trouble = trouble

    def _is_synced(self) -> None:
        if not self._synced:
            self._synced = True
            self._on_synced()
