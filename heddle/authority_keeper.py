"""Follows the folder of the certificate authority: takes what changes there as far as it may, makes
the next intermediate in time, and tells how far this replica is.
"""

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import structlog
from cryptography import x509

from ca.authority import Authority, renewed
from ca.errors import AuthorityError, RotationRefused
from ca.reports import Report, Reporter, forget, reports
from ca.rotation import Phase, Rotation, followed, replaced
from ca.serving import renew
from ca.storage import edit, is_own, load, stamp
from heddle.authority_metrics import AuthorityMetrics
from heddle.secret_holders import SecretHolders, Standing
from heddle.trust import Trust

log = structlog.get_logger(__name__)

POLL_SECONDS = 0.5
"""How often the folder is looked at. A look costs some calls of `stat`."""
_CALM = 4
"""While nothing is rotated, each fourth look asks how all proxies stand."""
_UNREAD: tuple[object, ...] = ()


class AuthorityKeeper:
    """Keeps the trust of a mesh what the folder says. What cannot be used, or must not be taken,
    leaves it as it is, and is told of once.
    """

    def __init__(
        self,
        folder: Path,
        trust: Trust,
        clock: Callable[[], datetime],
        holders: SecretHolders,
        *,
        replica: str,
        serves: Callable[[], bool],
        metrics: AuthorityMetrics | None = None,
    ) -> None:
        """`clock` gives aware times; `serves` whether the configuration is read, without which
        nobody knows what pods there are. `replica` is a name that no other replica has.
        """
        self._folder = folder
        self._trust = trust
        self._clock = clock
        self._holders = holders
        self._serves = serves
        self._replica = replica
        self._metrics = metrics or AuthorityMetrics()
        self._reporter: Reporter | None = None
        self._stamp = _UNREAD
        self._found = trust.rotation
        self._problem = ""
        self._mute = ""
        """Why nothing could be told the last time."""
        self._looks = 0
        self._reported: str | None = None
        self._told_end: x509.Certificate | None = None

    @property
    def problem(self) -> str:
        """Why the newest of the folder is not what is served; empty if it is."""
        return self._problem

    async def keep(self) -> None:
        """Follows until cancelled."""
        with ExitStack() as held:
            if is_own(self._folder):
                self._reporter = held.enter_context(Reporter(self._folder, self._replica))
            while True:
                await self.look()
                await asyncio.sleep(POLL_SECONDS)

    async def look(self) -> None:
        """Takes what there is to take now."""
        self._tell(await self._followed() or self._mute)
        try:
            self._report()
            self._mute = ""
        except OSError as error:  # a full disk, say: a rotation waits, and all else goes on
            self._mute = f"{self._folder}: cannot tell how far this replica is: {error.strerror}"

    async def _followed(self) -> str:
        """Why what is there is not taken; empty if it is."""
        try:
            await asyncio.to_thread(self._read)
            await self._approach()
            await self._renew()
        except (AuthorityError, RotationRefused) as error:
            return str(error)
        except OSError as error:
            return f"{self._folder}: {error.strerror or error}"
        return ""

    def _read(self) -> None:
        """On a thread: a shared folder may be slow."""
        newest = stamp(self._folder)
        if newest == self._stamp:
            return
        found = load(self._folder, self._clock())
        if found is None:
            raise AuthorityError(f"{self._folder}: there is no authority any more")
        self._stamp, self._found = newest, found

    async def _approach(self) -> None:
        served, found = self._trust.rotation, self._found
        if served == found:
            return
        step = followed(served, found, own=is_own(self._folder), taken=self._taken)
        if step != served:
            log.info(
                "certificate authority changed",
                phase=step.phase.value,
                signer=step.signer.certificate.subject.rfc4514_string(),
                roots=len(step.roots),
            )
            await self._trust.adopt(step)

    def _taken(self) -> bool:
        return self._serves() and not self._holders.standing().lacking

    async def _renew(self) -> None:
        """One replica makes the next intermediate, and all of them find it."""
        now = self._clock()
        self._warn_of_end(self._found.current.root, now)
        if is_own(self._folder) and _is_due(self._found.current, now):
            await asyncio.to_thread(edit, self._folder, now, lambda found: _next_signer(found, now))

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

    def _report(self) -> None:
        rotation = self._trust.rotation
        self._looks += 1
        changed = self._reported != rotation.name
        calm = rotation.phase is Phase.STABLE and not self._problem and not changed
        if calm and self._looks % _CALM:
            return
        self._reported = rotation.name
        self._metrics.told(rotation, self._problem)
        if self._serves():
            standing = self._holders.standing()
            self._metrics.lacking.set(len(standing.lacking))
            self._say(standing)
        elif self._reporter is not None:
            problem = "it has not read its configuration yet"
            self._reporter.say(Report(replica=self._reporter.replica, problem=problem))

    def _say(self, standing: Standing) -> None:
        """What is told of pods includes those of replicas that have ended: nobody else may know
        them."""
        if self._reporter is None:
            return
        dead = reports(self._folder).dead
        if dead:
            self._holders.remember(pod for report in dead for pod in report.pods)
            standing = self._holders.standing()
        self._reporter.say(
            Report(
                replica=self._reporter.replica,
                state=self._trust.rotation.name,
                taken=tuple(sorted(standing.taken)),
                lacking=dict(sorted(standing.lacking.items())),
                problem=self._problem,
            )
        )
        forget(self._folder, dead)


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
