"""Writes the status of mesh objects: what the board says, where it is not there yet. Only a leader
does.

A merge patch of the status subresource, with the version that it was worked out from: whoever wrote
meanwhile makes it a conflict, and the news of that makes it due again. Two leaders, for the moment
that there may be two, write the same.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from crds.kinds import plural
from crds.meta import Key
from crds.times import time_text
from heddle.conditions import status
from heddle.loop_time import loop_time
from heddle.rate import Bucket
from heddle.status_board import Scope, Seen, StatusBoard
from heddle.status_events import StatusEvents
from heddle.status_metrics import StatusMetrics
from heddle.trouble import Trouble
from sources.errors import ApiError
from sources.resource import Resource

LOOK_SECONDS = 0.1
"""How often proxies' answers are looked at while some are awaited, and how long news is gathered.
"""
IDLE_SECONDS = 2.0
"""How often else: rejections come, and go, with no edit."""
BURST, PER_SECOND = 100, 20.0
AT_ONCE = 8
"""Requests at a time."""
FIRST_RETRY, LAST_RETRY = 0.5, 60.0
"""In seconds, twice as long after each failure."""
_CONFLICT, _NOT_FOUND = 409, 404

Patch = Callable[[str, Mapping[str, object]], Awaitable[Mapping[str, object]]]
"""Merges into an object of the API server; what it is then. Raises `ApiError`."""


@dataclass(slots=True)
class _Trouble:
    """Writes of one object that failed: how often, and when to try again."""

    times: int
    until: float


class StatusWriter:
    """Keeps the status of all objects of a scope as the board says."""

    def __init__(
        self,
        board: StatusBoard,
        patch: Patch,
        events: StatusEvents,
        *,
        scope: Scope,
        wall: Callable[[], float],
        metrics: StatusMetrics,
    ) -> None:
        """`wall` gives unix seconds."""
        self._scope = scope
        self._board = board
        self._patch = patch
        self._events = events
        self._wall = wall
        self._metrics = metrics
        self._bell = board.bell()
        self._due: set[Key] = set()
        self._counted = 0
        self._trouble: dict[Key, _Trouble] = {}
        self._obstacle = Trouble(
            "status not written, and tried again", "statuses are written again"
        )

    async def keep(self) -> None:
        """Writes until cancelled. To be called each time that we begin to lead."""
        self._due = set(self._board.everything(self._scope))
        self._trouble.clear()
        bucket = Bucket(burst=BURST, per_second=PER_SECOND, now=loop_time())
        try:
            while True:
                self._due.update(self._board.look(self._scope))
                await self._write_due(bucket)
                self._count(len(self._due))
                await self._rest()
        finally:
            self._count(0)

    def _count(self, due: int) -> None:
        """Makes our part of the gauge, which others have parts in, too."""
        self._metrics.queue.inc(due - self._counted)
        self._counted = due

    async def _rest(self) -> None:
        """Until there may be something to do: a little while after news, so as to take more of it
        at once.
        """
        busy = self._board.waits or bool(self._due)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_SECONDS if busy else IDLE_SECONDS):
                await self._bell.wait()
        self._bell.clear()
        await asyncio.sleep(LOOK_SECONDS / 2)

    async def _write_due(self, bucket: Bucket) -> None:
        wanted: list[tuple[Key, Seen, Mapping[str, object]]] = []
        for key in sorted(self._due):
            if len(wanted) == AT_ONCE:
                await self._write_all(wanted)
                wanted = []
            trouble = self._trouble.get(key)
            if trouble is not None and loop_time() < trouble.until:
                continue
            found = self._wanted(key)
            if found is None:
                continue
            if not bucket.take(loop_time()):
                break
            wanted.append((key, *found))
        await self._write_all(wanted)

    def _wanted(self, key: Key) -> tuple[Seen, Mapping[str, object]] | None:
        """What to write of an object now. It is due no more if that is nothing, unless it is too
        early to tell.
        """
        found, facts = self._board.at(key, self._scope), self._board.facts(key)
        if found is None:
            self._forget(key)
            return None
        if facts is None:
            return None
        at = datetime.fromtimestamp(self._wall(), UTC)
        new = status(facts, found.status, time_text(at))
        if new is None:
            self._forget(key)
            return None
        return found, new

    def _forget(self, key: Key) -> None:
        self._due.discard(key)
        self._trouble.pop(key, None)

    async def _write_all(self, wanted: Collection[tuple[Key, Seen, Mapping[str, object]]]) -> None:
        async with asyncio.TaskGroup() as group:
            for key, found, new in wanted:
                group.create_task(self._write(key, found, new))

    async def _write(self, key: Key, found: Seen, new: Mapping[str, object]) -> None:
        head = {"uid": found.uid, "resourceVersion": found.resource_version}
        named = {name: value for name, value in head.items() if value}
        try:
            written = await self._patch(path(key, found), {"metadata": named, "status": new})
        except ApiError as error:
            self._failed(key, error)
            return
        self._metrics.writes.labels("written").inc()
        self._board.written(key, written)
        self._forget(key)
        if not self._trouble:
            self._obstacle.now("")
        await self._events.tell(key, found, found.status, new)

    def _failed(self, key: Key, error: ApiError) -> None:
        """What changed or went meanwhile will be told by the source, and is tried again in any
        case: a source may be behind, too.
        """
        expected = error.status in (_CONFLICT, _NOT_FOUND)
        self._metrics.writes.labels("conflict" if expected else "failed").inc()
        trouble = self._trouble.setdefault(key, _Trouble(0, 0.0))
        pause = error.retry_after or FIRST_RETRY * 2.0 ** min(trouble.times, 10)
        trouble.times += 1
        trouble.until = loop_time() + min(pause, LAST_RETRY)
        if not expected or trouble.times > 5:
            self._obstacle.now(str(error), object=str(key))


def path(key: Key, found: Seen) -> str:
    """Where the status of an object is."""
    version = found.api_version.rpartition("/")[2]
    kind = Resource(group=key.group, version=version, plural=plural(key.kind))
    return kind.one(key.name, key.namespace, "status")
