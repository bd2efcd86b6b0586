"""Runs what only one replica may do: while this one holds a Lease, and not a moment longer."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from typing import Protocol

import structlog
from prometheus_client import CollectorRegistry, Gauge

from heddle.cluster_objects import Raw, Readable, find
from heddle.election import Election, Terms
from heddle.loop_time import loop_time
from heddle.trouble import Trouble
from sources.errors import ApiError
from sources.resource import LEASES

log = structlog.get_logger(__name__)

LEASE = "heddle-leader"
"""Of what there is one of in a mesh, whatever the revision."""
PARTING_SECONDS = 2.0
"""How long letting go may take: an API server that is away holds up no process that ends."""
_CONFLICT = 409

Work = Callable[[], Coroutine[None, None, None]]
"""What is run while we lead: called once each time that we begin to, and cancelled at the end."""


class Leases(Readable, Protocol):
    """What is needed of an API server. Each raises `ApiError`."""

    async def create(self, path: str, body: Raw) -> Raw:
        """Posts an object; what it is now."""

    async def replace(self, path: str, body: Raw) -> Raw:
        """Puts an object, if it is still the `resourceVersion` of `body`; what it is now."""


class LeaderMetrics:
    """Whether we lead."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.leads = Gauge(
            "heddle_leader",
            "1 while this replica writes what the holder of this Lease alone writes",
            ["lease"],
            registry=registry if registry is not None else CollectorRegistry(),
        )


def lease_of(revision: str) -> str:
    """The Lease of what each revision has one of."""
    return f"{LEASE}-{revision}"


class _Lost(Exception):
    """The lease could not be kept."""


class Leader:
    """A replica that leads whenever nobody else does."""

    def __init__(
        self,
        api: Leases,
        *,
        namespace: str,
        identity: str,
        wall: Callable[[], float],
        chance: Callable[[], float],
        lease: str = LEASE,
        terms: Terms | None = None,
        metrics: LeaderMetrics | None = None,
    ) -> None:
        """`identity` is a name that no other process has, nor had before; `wall` gives unix
        seconds, for people; `chance` gives numbers from 0 to 1.
        """
        self._api = api
        self._folder, self._path = LEASES.collection(namespace), LEASES.one(lease, namespace)
        self._metadata = {"name": lease, "namespace": namespace}
        self._wall = wall
        self._chance = chance
        self._gauge = (metrics or LeaderMetrics()).leads.labels(lease)
        self._election = Election(identity, terms or Terms())
        self._trouble = Trouble(
            "cannot ask for the lease", "the lease can be asked for again", lease=lease
        )

    @property
    def leads(self) -> bool:
        """Whether we lead now."""
        return self._election.leads(loop_time())

    async def run(self, works: Sequence[Work]) -> None:
        """Runs `works` whenever we lead, until cancelled; then lets go of the lease, so that the
        next one need not wait. What one of them raises ends all of it.
        """
        try:
            while True:
                await self._until_leading()
                await self._lead(works)
        finally:
            self._gauge.set(0)
            await self._part()

    async def _until_leading(self) -> None:
        await self._try()
        while not self.leads:
            await asyncio.sleep(self._election.pause(loop_time(), self._chance()))
            await self._try()

    async def _lead(self, works: Sequence[Work]) -> None:
        log.info("leading", lease=self._metadata["name"])
        self._gauge.set(1)
        try:
            async with asyncio.TaskGroup() as group:
                for work in works:
                    group.create_task(work())
                group.create_task(self._keep())
        except* _Lost:
            log.warning("leading no longer", lease=self._metadata["name"])
        finally:
            self._gauge.set(0)

    async def _keep(self) -> None:
        """Renews; raises `_Lost` before anybody else can lead."""
        while True:
            await asyncio.sleep(self._election.pause(loop_time(), self._chance()))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(self._election.deadline):
                    await self._try()
            if not self.leads:
                raise _Lost

    async def _try(self) -> None:
        """Takes or renews the lease, if that can be."""
        try:
            if not self._election.knows:
                self._election.saw(await self._read(), loop_time())
            await self._claim()
        except ApiError as error:
            # Another was faster: that is how it should be.
            self._trouble.now("" if error.status == _CONFLICT else str(error))
        else:
            self._trouble.now("")

    async def _read(self) -> Raw | None:
        return await find(self._api, self._path)

    async def _claim(self) -> None:
        asked = loop_time()
        wanted = self._election.claim(asked, self._wall())
        if wanted is None:
            return
        try:
            self._election.held(await self._write(wanted), asked)
        except BaseException:
            self._election.failed()  # also a request that nobody waits for may still be done
            raise

    async def _write(self, lease: Raw) -> Raw:
        if "metadata" in lease:
            return await self._api.replace(self._path, lease)
        head = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease"}
        return await self._api.create(self._folder, {**head, "metadata": self._metadata, **lease})

    async def _part(self) -> None:
        if not self.leads:
            return
        with contextlib.suppress(ApiError, TimeoutError):
            async with asyncio.timeout(PARTING_SECONDS):
                if not self._election.knows:
                    self._election.saw(await self._read(), loop_time())
                free = self._election.parting(loop_time(), self._wall())
                if free is not None:
                    await self._write(free)
                    log.info("leadership let go", lease=self._metadata["name"])
