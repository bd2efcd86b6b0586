"""What each sidecar proves itself by: a certificate of its own and the roots that it trusts, in a
part that only its stream has.

A key is made for one stream, and forgotten with it. The version of a certificate says who it is
for, who signed it and until when, and nothing of the key: whoever reconnects before it is to be
renewed gets nothing anew, whichever replica it finds.
"""

import asyncio
import heapq
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from ca.authority import Authority
from ca.errors import AuthorityError
from ca.workload import LIFETIME, key_pair, renewal
from ca.workload_secrets import WORKLOAD, trust_secret, workload_secret, workload_version
from mesh.identity import SpiffeId
from xds.publisher import PartChange, Publisher
from xds.resource import Resource, resource
from xds.types import SDS

log = structlog.get_logger(__name__)

IDLE = timedelta(hours=1)
"""How long nothing is looked at when no certificate waits to be renewed."""

_ROOM = 1024
"""How many streams' ends may go unnoticed before they are looked for."""


@dataclass(frozen=True, slots=True, eq=False)
class SecretsKey:
    """The secrets of one stream: no two of these are equal. `holder` is the pod."""

    identity: SpiffeId
    holder: str


class WorkloadSecrets:
    """Makes the secrets of streams, and makes them anew in time."""

    def __init__(
        self,
        publisher: Publisher,
        authority: Authority,
        clock: Callable[[], datetime],
        *,
        lifetime: timedelta = LIFETIME,
    ) -> None:
        """`clock` gives aware times; certificates live for `lifetime`, if their authority does."""
        self._publisher = publisher
        self._authority = authority
        self._clock = clock
        self._lifetime = lifetime
        self._due: list[tuple[datetime, int, SecretsKey]] = []
        """A heap: which key is to be made anew, and when."""
        self._issued = 0
        self._crowded = _ROOM
        self._news = asyncio.Event()

    def issue(self, identity: SpiffeId, holder: str) -> SecretsKey:
        """A new part with the secrets of `identity`, which must come from a verified token."""
        key = SecretsKey(identity, holder)
        self._publisher.publish({key: self._made(key)})
        if len(self._due) > self._crowded:
            self._due = [each for each in self._due if self._publisher.exists(each[2])]
            heapq.heapify(self._due)
            self._crowded = max(2 * len(self._due), _ROOM)
        if self._due[0][2] is key:
            self._news.set()
        return key

    def waiting(self) -> int:
        """How many renewals are remembered, of streams that have ended too."""
        return len(self._due)

    def renew(self) -> None:
        """Makes the certificates anew that it is time for, of streams that have not ended."""
        now = self._clock()
        while self._due and self._due[0][0] <= now:
            _, _, key = heapq.heappop(self._due)
            if self._publisher.exists(key):
                self._publisher.publish({key: self._made(key)})

    def _made(self, key: SecretsKey) -> PartChange:
        trust = trust_secret((self._authority.root,))
        resources = [resource(SDS, trust.name, trust)]
        try:
            resources.append(self._certificate(key))
        except AuthorityError as error:
            # Who holds an older certificate keeps it; who has none is refused by its peers.
            log.error("no certificate", identity=str(key.identity), reason=str(error))
            self._wait(key, self._clock() + self._lifetime / 10)
        return PartChange(upserts={SDS: resources})

    def _certificate(self, key: SecretsKey) -> Resource:
        now = self._clock()
        due = renewal(self._authority, key.holder, now, self._lifetime)
        pair = key_pair(self._authority, key.identity, now, lifetime=self._lifetime)
        self._wait(key, due)
        who = f"{key.identity} {key.holder}"
        version = workload_version(self._authority, who, due)
        return resource(SDS, WORKLOAD, workload_secret(pair), version=version)

    def _wait(self, key: SecretsKey, due: datetime) -> None:
        self._issued += 1
        heapq.heappush(self._due, (due, self._issued, key))

    async def keep(self) -> None:
        """Renews what is due, until cancelled."""
        while True:
            self._news.clear()
            self.renew()
            wait = self._due[0][0] - self._clock() if self._due else IDLE
            try:
                async with asyncio.timeout(max(wait.total_seconds(), 0.0)):
                    await self._news.wait()
            except TimeoutError:
                continue
