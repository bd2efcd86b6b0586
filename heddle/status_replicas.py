"""Tells the leader how the edits fare on this replica, and the leader's board of the others: one
ConfigMap in our namespace, with an entry for each replica.

A replica that has ended removes its entry; one that was killed is forgotten once it has said
nothing for a while.
"""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from heddle.cluster_objects import Raw, Readable, find
from heddle.loop_time import loop_time
from heddle.status_report import Report, read, written
from heddle.trouble import Trouble
from sources.errors import ApiError
from sources.resource import CONFIG_MAPS

CONFIG_MAP = "heddle-status"
LOOK_SECONDS = 0.1
"""How often proxies and other replicas are looked at while any of them is awaited."""
IDLE_SECONDS = 1.0
"""How often else."""
BEAT_SECONDS = 5.0
"""How often a replica says that it is there."""
SILENT_SECONDS = 16.0
"""Who has said nothing for so long has ended: that is three beats, and a little."""
PARTING_SECONDS = 1.0
_NOT_FOUND, _CONFLICT = 404, 409


class Entries(Readable, Protocol):
    """What is needed of an API server. Each raises `ApiError`."""

    async def create(self, path: str, body: Raw) -> Raw:
        """Posts an object; what it is now."""

    async def patch(self, path: str, body: Raw) -> Raw:
        """Merges into an object (RFC 7386); what it is now."""


class Board(Protocol):
    """What is known on this replica, and what it is told of the others."""

    @property
    def busy(self) -> bool:
        """Whether there is anything that others may be awaited for."""

    def bell(self) -> asyncio.Event:
        """One that is set when there is news."""

    def report(self) -> Report | None:
        """What to tell; nothing before all was read."""

    def hear(self, others: Mapping[str, Report]) -> None:
        """What the others tell."""


class StatusReplicas:
    """The replicas, from the view of one."""

    def __init__(self, board: Board, api: Entries, *, namespace: str, replica: str) -> None:
        """`replica` is this one's name."""
        self._board = board
        self._api = api
        self._folder = CONFIG_MAPS.collection(namespace)
        self._path = CONFIG_MAPS.one(CONFIG_MAP, namespace)
        self._replica = replica
        self._bell = board.bell()
        self._beat = 0
        self._told: Mapping[str, object] = {}
        self._told_at = float("-inf")
        self._heard: dict[str, tuple[str, float]] = {}
        self._trouble = Trouble("replicas cannot tell each other of proxies")
        self._listening = asyncio.Lock()

    async def report(self) -> None:
        """Tells of this replica until cancelled."""
        bell = self._board.bell()
        try:
            while True:
                await self._tried(self._report)
                await self._rest(bell)
        finally:
            with contextlib.suppress(ApiError, TimeoutError):
                async with asyncio.timeout(PARTING_SECONDS):
                    await self._write(None)

    async def listen(self) -> None:
        """Tells the board of the others until cancelled: what a leader does. Who leads in more than
        one thing asks the API server once: the other waits for its turn.
        """
        async with self._listening:
            while True:
                await self._tried(self._listen)
                await self._rest(self._bell)

    async def _rest(self, bell: asyncio.Event) -> None:
        if self._board.busy:
            await asyncio.sleep(LOOK_SECONDS)
        else:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(IDLE_SECONDS):
                    await bell.wait()
        bell.clear()

    async def _report(self) -> None:
        found = self._board.report()
        if found is None:
            return
        now, made = loop_time(), written(found)
        if made == self._told and now < self._told_at + BEAT_SECONDS:
            return
        self._beat += 1
        await self._write(json.dumps({"beat": self._beat, **made}))
        self._told, self._told_at = made, now

    async def _listen(self) -> None:
        found = await find(self._api, self._path)
        data = found.get("data") if found is not None else None
        said = data if isinstance(data, Mapping) else {}
        before, self._heard = self._heard, {}
        for name, text in said.items():
            if name != self._replica and isinstance(text, str):
                known, at = before.get(name, ("", 0.0))
                self._heard[name] = (text, at if known == text else loop_time())
        silent = [n for n, (_, at) in self._heard.items() if loop_time() > at + SILENT_SECONDS]
        reports: dict[str, Report] = {}
        for name, (text, _) in self._heard.items():
            report = read(text)
            if name not in silent and report is not None:
                reports[name] = report
        self._board.hear(reports)
        if silent:
            await self._api.patch(self._path, {"data": dict.fromkeys(silent)})

    async def _write(self, text: str | None) -> None:
        body = {"data": {self._replica: text}}
        try:
            await self._api.patch(self._path, body)
        except ApiError as error:
            if error.status != _NOT_FOUND or text is None:
                raise
            head = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": CONFIG_MAP}}
            await self._api.create(self._folder, {**head, **body})

    async def _tried(self, work: Callable[[], Awaitable[None]]) -> None:
        """Does it; says once that it cannot be done."""
        try:
            await work()
        except ApiError as error:
            # Another was faster to create it: the next time it is there.
            self._trouble.now("" if error.status == _CONFLICT else str(error))
        else:
            self._trouble.now("")
