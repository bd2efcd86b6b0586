"""Where the authority of a mesh is kept, as those see it who follow or change it: a folder, or (in
`authority_secret`) a Secret of the cluster.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Protocol

from ca import storage
from ca.errors import AuthorityError
from ca.report_files import Reporter, forget, reports
from ca.reports import Report, Said
from ca.rotation import Rotation

Change = Callable[[Rotation, Said], Rotation]
"""Makes the next state of the present one and of what the replicas say. What it raises leaves all
as it was."""


class Voice(Protocol):
    """How one replica is heard. `former` is what one of its name has said in another life."""

    replica: str
    former: Report | None

    async def say(self, report: Report, *, urgent: bool) -> None:
        """Replaces what was said before. `urgent`: somebody waits for it; else it may take some
        seconds. Raises `OSError` or `AuthorityError` if it cannot be said.
        """
        ...


class AuthorityPlace(Protocol):
    """Where an authority is kept. All but `own` raise `AuthorityError`, whose text begins with the
    place's name, or `OSError`.
    """

    poll_seconds: float
    """How often to look."""
    calm_seconds: float
    """While nothing is rotated, how often it is asked, and told, how all proxies stand."""

    @property
    def name(self) -> str:
        """For messages."""
        ...

    @property
    def own(self) -> bool:
        """Whether what is there is ours to change; to be asked after it was read."""
        ...

    @property
    def writes(self) -> bool:
        """Whether this replica may change it by itself: mend it, and renew what is in it."""
        ...

    async def newest(self, now: datetime) -> Rotation | None:
        """What is there, without the roots' keys; None if there is nothing."""
        ...

    async def create(self, rotation: Rotation, now: datetime) -> None:
        """Puts the first one there."""
        ...

    async def restore(self, rotation: Rotation, now: datetime) -> bool:
        """Puts back what was lost, if that is how it is done here; whether it was."""
        ...

    async def edit(self, now: datetime, change: Change) -> Rotation:
        """Puts what `change` makes of it in its place, unless another was faster; then once more
        of what that one has made. It is given the roots' keys that are there.
        """
        ...

    async def said(self, now: datetime) -> Said:
        """What the replicas say that follow it."""
        ...

    async def forget(self, dead: Iterable[Report]) -> None:
        """Somebody who lives tells of the pods of these now."""
        ...

    def voice(self, replica: str) -> AbstractAsyncContextManager[Voice | None]:
        """Has a replica heard from now on; none where nobody listens."""
        ...


class FolderPlace:
    """A folder, which replicas share. The file system says which of them live."""

    poll_seconds = 0.5
    """A look costs some calls of `stat`."""
    calm_seconds = 2.0
    writes = True
    """Whoever locks the folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stamp: tuple[object, ...] = ()
        self._found: Rotation | None = None

    @property
    def name(self) -> str:
        """For messages."""
        return str(self._folder)

    @property
    def own(self) -> bool:
        """Whether what is there was made by us."""
        return storage.is_own(self._folder)

    async def newest(self, now: datetime) -> Rotation | None:
        """What is there, read only if it is another than the last time."""
        return await asyncio.to_thread(self._read, now)  # a shared folder may be slow

    def _read(self, now: datetime) -> Rotation | None:
        stamp = storage.stamp(self._folder)
        if stamp != self._stamp or self._found is None:
            self._found = storage.load(self._folder, now)
            self._stamp = stamp
        return self._found

    async def create(self, rotation: Rotation, now: datetime) -> None:
        """Puts the first one there."""
        await asyncio.to_thread(storage.create, self._folder, rotation, now)

    async def restore(self, rotation: Rotation, now: datetime) -> bool:
        """Never: a folder that is empty may be one that is not mounted now."""
        del rotation, now
        return False

    async def edit(self, now: datetime, change: Change) -> Rotation:
        """Changes it, while nobody else can."""

        def changed(rotation: Rotation) -> Rotation:
            return change(rotation, reports(self._folder))

        return await asyncio.to_thread(storage.edit, self._folder, now, changed)

    async def said(self, now: datetime) -> Said:
        """What the replicas say that follow it."""
        del now
        return await asyncio.to_thread(reports, self._folder)

    async def forget(self, dead: Iterable[Report]) -> None:
        """Somebody who lives tells of the pods of these now."""
        await asyncio.to_thread(forget, self._folder, dead)

    @asynccontextmanager
    async def voice(self, replica: str) -> AsyncIterator[Voice | None]:
        """Writes into the folder, if it is ours."""
        if not self.own:
            yield None
            return
        with Reporter(self._folder, replica) as reporter:
            yield _FolderVoice(reporter)


class _FolderVoice:
    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self.replica = reporter.replica
        self.former = reporter.former

    async def say(self, report: Report, *, urgent: bool) -> None:
        del urgent  # it costs nothing if nothing is new
        await asyncio.to_thread(self._reporter.say, report)


async def present(place: AuthorityPlace, now: datetime) -> Rotation:
    """What is there; raises `AuthorityError` if that is nothing."""
    found = await place.newest(now)
    if found is None:
        raise AuthorityError(f"{place.name}: there is no authority: `heddle ca init` makes one")
    return found
