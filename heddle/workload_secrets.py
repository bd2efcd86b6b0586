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

from ca.errors import AuthorityError
from ca.workload import LIFETIME, key_pair, renewal
from ca.workload_secrets import WORKLOAD, trust_secret, workload_secret, workload_version
from heddle.trust import Trust
from mesh.identity import SpiffeId
from xds.publisher import PartChange, Publisher
from xds.resource import Resource, resource
from xds.types import SDS

log = structlog.get_logger(__name__)

IDLE = timedelta(hours=1)
"""How long nothing is looked at when no certificate waits to be renewed."""

_ROOM = 1024
"""How many streams' ends may go unnoticed before they are looked for."""
_AT_ONCE = 8
"""Certificates that are made without a pause: some milliseconds."""


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
        trust: Trust,
        clock: Callable[[], datetime],
        *,
        lifetime: timedelta = LIFETIME,
    ) -> None:
        """`clock` gives aware times; certificates live for `lifetime`, if their authority does."""
        self._publisher = publisher
        self._trust = trust
        self._clock = clock
        self._lifetime = lifetime
        self._signer, self._roots = trust.signer, self._trusted()
        self._due: list[tuple[datetime, int, SecretsKey]] = []
        """A heap: which key is to be made anew, and when. Only the last entry of a key counts."""
        self._last: dict[SecretsKey, int] = {}
        self._issued = 0
        self._crowded = _ROOM
        self._news = asyncio.Event()
        self.generation = 0
        """The one that has brought the last change of trust to all streams."""
        trust.follow(self._follow)

    def _trusted(self) -> Resource:
        """The same for all, so it is made once."""
        trusted = trust_secret(self._trust.roots)
        return resource(SDS, trusted.name, trusted)

    def issue(self, identity: SpiffeId, holder: str) -> SecretsKey:
        """A new part with the secrets of `identity`, which must come from a verified token."""
        key = SecretsKey(identity, holder)
        self._publisher.publish({key: self._made(key)})
        if len(self._due) > self._crowded:
            self._forget()
        if self._due[0][2] is key:
            self._news.set()
        return key

    def _forget(self) -> None:
        """What has been made anew since, and the streams that have ended."""
        self._due = [each for each in self._due if self._counts(each)]
        heapq.heapify(self._due)
        self._last = {key: number for _, number, key in self._due}
        self._crowded = max(2 * len(self._due), _ROOM)

    def _counts(self, entry: tuple[datetime, int, SecretsKey]) -> bool:
        _, number, key = entry
        return self._last.get(key) == number and self._publisher.exists(key)

    def waiting(self) -> int:
        """How many renewals are remembered, of streams that have ended too."""
        return len(self._due)

    def renew(self) -> None:
        """Makes the certificates anew that it is time for, of streams that have not ended."""
        now = self._clock()
        while self._due and self._due[0][0] <= now:
            entry = heapq.heappop(self._due)
            if self._counts(entry):
                self._publisher.publish({entry[2]: self._made(entry[2])})

    async def _follow(self) -> None:
        """Gives the streams that there are what has changed: trust, certificates, or both."""
        changed = self._trust.signer != self._signer
        self._signer, self._roots = self._trust.signer, self._trusted()
        self._forget()
        held = [key for _, _, key in sorted(self._due)]
        for start in range(0, len(held), _AT_ONCE):
            there = [key for key in held[start : start + _AT_ONCE] if self._publisher.exists(key)]
            self._publisher.publish({key: self._made(key, certificate=changed) for key in there})
            await asyncio.sleep(0)
        self.generation = self._publisher.generation
        self._news.set()

    def _made(self, key: SecretsKey, *, certificate: bool = True) -> PartChange:
        resources = [self._roots]
        try:
            if certificate:
                resources.append(self._certificate(key))
        except AuthorityError as error:
            # Who holds an older certificate keeps it; who has none is refused by its peers.
            log.error("no certificate", identity=str(key.identity), reason=str(error))
            self._wait(key, self._clock() + self._lifetime / 10)
        return PartChange(upserts={SDS: resources})

    def _certificate(self, key: SecretsKey) -> Resource:
        now = self._clock()
        due = renewal(self._signer, key.holder, now, self._lifetime)
        pair = key_pair(self._signer, key.identity, now, lifetime=self._lifetime)
        self._wait(key, due)
        who = f"{key.identity} {key.holder}"
        version = workload_version(self._signer, who, due)
        return resource(SDS, WORKLOAD, workload_secret(pair), version=version)

    def _wait(self, key: SecretsKey, due: datetime) -> None:
        self._issued += 1
        self._last[key] = self._issued
        heapq.heappush(self._due, (due, self._issued, key))

    async def keep(self) -> None:
        """Renews what is due, until cancelled."""
        while True:
            self._news.clear()
            self.renew()
            wait = min(self._due[0][0] - self._clock(), IDLE) if self._due else IDLE
            try:
                async with asyncio.timeout(max(wait.total_seconds(), 0.0)):
                    await self._news.wait()
            except TimeoutError:
                continue
