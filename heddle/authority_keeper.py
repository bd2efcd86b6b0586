"""Follows the place where the certificate authority is kept: takes what changes there as far as it
may, makes the next intermediate in time, and tells how far this replica is.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta

import structlog
from cryptography import x509

from ca.authority import Authority, renewed
from ca.errors import AuthorityError, RotationRefused
from ca.reports import Report, Said, newest, waiting
from ca.rotation import Phase, Rotation, followed, replaced
from ca.serving import renew
from heddle.authority_metrics import AuthorityMetrics
from heddle.authority_place import AuthorityPlace, Voice
from heddle.issued import IssuedCertificates
from heddle.secret_holders import SecretHolders, Standing
from heddle.trust import Trust

log = structlog.get_logger(__name__)


class AuthorityKeeper:
    """Keeps the trust of a mesh what the place says. What cannot be used, or must not be taken,
    leaves it as it is, and is told of once.
    """

    def __init__(
        self,
        place: AuthorityPlace,
        trust: Trust,
        clock: Callable[[], datetime],
        holders: SecretHolders,
        issued: IssuedCertificates,
        *,
        replica: str,
        serves: Callable[[], bool],
        exists: Callable[[str], bool],
        roots: Callable[[], str] = lambda: "",
        metrics: AuthorityMetrics | None = None,
    ) -> None:
        """`clock` gives aware times; `serves` whether the configuration is read, without which
        nobody knows what pods there are, and `exists` whether there is one of that namespace/name.
        `replica` is a name that no other replica has. `roots` gives the name of the state whose
        roots this replica has written wherever they are read from files.
        """
        self._place = place
        self._trust = trust
        self._clock = clock
        self._holders = holders
        self._issued = issued
        self._serves = serves
        self._exists = exists
        self._roots = roots
        self._replica = replica
        self._metrics = metrics or AuthorityMetrics()
        self._voice: Voice | None = None
        self._found = trust.rotation
        self._problem = ""
        self._mute = ""
        """Why nothing could be told the last time."""
        self._looked = clock()
        self._reported: str | None = None
        self._told_end: x509.Certificate | None = None

    @property
    def problem(self) -> str:
        """Why the newest of the place is not what is served; empty if it is."""
        return self._problem

    async def keep(self) -> None:
        """Follows until cancelled."""
        async with self.heard():
            while True:
                await self.look()
                await asyncio.sleep(self._place.poll_seconds)

    @asynccontextmanager
    async def heard(self) -> AsyncIterator[None]:
        """Has what each look finds told to others, meanwhile."""
        async with self._place.voice(self._replica) as voice:
            self._voice = voice
            if voice is not None and voice.former is not None:
                self._remember((voice.former,))  # in another life; nobody else may know it
            yield
            self._voice = None

    async def look(self) -> None:
        """Takes what there is to take now."""
        self._tell(await self._followed() or self._mute)
        try:
            await self._report()
            self._mute = ""
        except AuthorityError as error:  # a rotation waits, and all else goes on
            self._mute = f"cannot tell how far this replica is: {error}"
        except OSError as error:  # a full disk, say
            self._mute = f"cannot tell how far this replica is: {self._of(error)}"

    async def _followed(self) -> str:
        """Why what is there is not taken; empty if it is."""
        try:
            await self._read()
            await self._approach()
            await self._renew()
        except (AuthorityError, RotationRefused) as error:
            return str(error)
        except OSError as error:
            return self._of(error)
        return ""

    def _of(self, error: OSError) -> str:
        return f"{self._place.name}: {error.strerror or error}"

    async def _read(self) -> None:
        now = self._clock()
        found = await self._place.newest(now)
        if found is not None:
            self._found = found
        elif self._place.writes and await self._place.restore(self._found, now):
            log.warning("certificate authority was lost and is put back", place=self._place.name)
        else:
            raise AuthorityError(f"{self._place.name}: there is no authority any more")

    async def _approach(self) -> None:
        served, found = self._trust.rotation, self._found
        if served == found:
            return
        step = followed(served, found, own=self._place.own, taken=self._taken)
        if step != served:
            log.info(
                "certificate authority changed",
                phase=step.phase.value,
                signer=step.signer.certificate.subject.rfc4514_string(),
                roots=len(step.roots),
            )
            await self._trust.adopt(step)

    def _taken(self) -> bool:
        """Whether all that we know of have what is served, where nobody asks all replicas."""
        now, served = self._clock(), self._trust.rotation
        if not self._serves() or self._holders.standing().lacking:
            return False
        known = self._issued.known(now, self._exists)
        said = Said(living=[Report(replica=self._replica, state=served.name, issued=known)])
        return not waiting(said, served.name, now).pods

    async def _renew(self) -> None:
        """One replica makes the next intermediate, and all of them find it."""
        now = self._clock()
        self._warn_of_end(self._found.current.root, now)
        if self._place.writes and self._place.own and _is_due(self._found.current, now):
            await self._place.edit(now, lambda found, _: _next_signer(found, now))

    def _warn_of_end(self, root: x509.Certificate, now: datetime) -> None:
        life = root.not_valid_after_utc - root.not_valid_before_utc
        if now > root.not_valid_after_utc - life / 10 and self._told_end != root:
            self._told_end = root
            log.warning("the root ends soon: rotate it", not_after=str(root.not_valid_after_utc))

    def _tell(self, problem: str) -> None:
        if problem == self._problem:
            return
        self._problem = problem
        if problem:
            log.error("certificate authority not taken", reason=problem)
        else:
            log.info("certificate authority taken")

    async def _report(self) -> None:
        rotation, now = self._trust.rotation, self._clock()
        changed = self._reported != rotation.name
        calm = rotation.phase is Phase.STABLE and not self._problem and not changed
        if calm and now - self._looked < timedelta(seconds=self._place.calm_seconds):
            return
        self._looked, self._reported = now, rotation.name
        self._metrics.told(rotation, self._problem)
        if self._serves():
            standing = self._holders.standing()
            self._metrics.lacking.set(len(standing.lacking))
            await self._say(standing, urgent=not calm)
        elif self._voice is not None:
            former = self._voice.former or Report(replica=self._replica)
            problem = "it has not read its configuration yet"
            await self._voice.say(replace(former, state="", problem=problem), urgent=True)

    async def _say(self, standing: Standing, *, urgent: bool) -> None:
        """What is told of pods includes those of replicas that have ended: nobody else may know
        them."""
        if self._voice is None:
            return
        dead = (await self._place.said(self._clock())).dead
        if dead:
            self._remember(dead)
            standing = self._holders.standing()
        report = Report(
            replica=self._replica,
            state=self._trust.rotation.name,
            taken=tuple(sorted(standing.taken)),
            lacking=dict(sorted(standing.lacking.items())),
            problem=self._problem,
            roots=self._roots(),
            issued=self._issued.known(self._clock(), self._exists),
        )
        await self._voice.say(report, urgent=urgent or bool(dead))
        if dead:
            await self._place.forget(dead)

    def _remember(self, reports: Sequence[Report]) -> None:
        self._holders.remember(pod for report in reports for pod in report.pods)
        self._issued.remember(newest(reports))


def _is_due(authority: Authority, now: datetime) -> bool:
    """Whether two thirds of an intermediate's life are over. A root that signs leaves itself has
    nothing to be renewed by."""
    signing = authority.certificate
    if signing == authority.root or authority.not_after == authority.root.not_valid_after_utc:
        return False
    return renew(signing.not_valid_before_utc, signing.not_valid_after_utc, now)


def _next_signer(found: Rotation, now: datetime) -> Rotation:
    """Another replica may have been faster."""
    if not _is_due(found.current, now):
        return found
    return replaced(found, renewed(found.current, now))
