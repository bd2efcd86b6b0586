"""Pods' tokens, reviewed by the API server: it knows its keys, and which tokens it took back.

An answer is kept for a short while, so that a restart of the control plane does not ask thrice for
everybody, under a digest of the token and never the token itself. Who shows the same one meanwhile
waits for the same answer. A refusal is kept for seconds only. If nobody can be asked, nobody is let
in and nobody refused: they come back.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256

import structlog

from ca.errors import Unauthenticated as BadToken
from ca.errors import Unreviewed
from ca.token_review import PATH, question, reviewed, unverified
from ca.tokens import bearer
from heddle.identity import PodIdentity
from heddle.trouble import Trouble
from mesh.identity import WorkloadIdentity
from sources.errors import ApiError
from xds.auth import Identity
from xds.errors import NotReady, Unauthenticated

log = structlog.get_logger(__name__)

GOOD_SECONDS = 60.0
"""How long an acceptance is kept. A pod that has gone is found out by other means, and sooner."""
BAD_SECONDS = 5.0
"""How long a refusal is kept: it must not keep a pod out that has been made good meanwhile."""
AT_ONCE = 16
"""Questions at a time. Anybody can show anything."""
ROOM = 20_000
"""Answers that are kept: as many as there may be streams."""

Create = Callable[[str, Mapping[str, object]], Awaitable[Mapping[str, object]]]
"""Posts an object to the API server; what it gives back. Raises `ApiError`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Verdict:
    """An answer, and until when it holds. Without an identity it is a refusal."""

    identity: WorkloadIdentity | None
    reason: str = ""
    until: float


class _Question:
    """One that is being asked. `error` says that there was no answer."""

    def __init__(self) -> None:
        self.over = asyncio.Event()
        self.error: Unreviewed | None = None


class ReviewAuthenticator:
    """Accepts the bearer tokens that an API server accepts for `audience`."""

    def __init__(self, create: Create, *, audience: str, clock: Callable[[], float]) -> None:
        """`clock` gives seconds since the epoch."""
        self._create = create
        self._audience = audience
        self._clock = clock
        self._verdicts: dict[bytes, _Verdict] = {}
        self._questions: dict[bytes, _Question] = {}
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._trouble = Trouble(
            "tokens cannot be reviewed: nobody is let in", "tokens can be reviewed again"
        )

    async def __call__(self, metadata: Mapping[str, str], peer: str) -> Identity:
        """The pod behind the `authorization` header; the peer's address proves nothing."""
        del peer
        try:
            token = bearer([metadata["authorization"]] if "authorization" in metadata else [])
            expires = unverified(token, self._audience, self._clock())
            verdict = await self._verdict(token, expires)
        except BadToken as error:
            raise Unauthenticated(error.reason) from error
        except Unreviewed as error:
            raise NotReady("credentials cannot be checked now") from error
        if verdict.identity is None:
            raise Unauthenticated(verdict.reason)
        return PodIdentity(verdict.identity)

    async def _verdict(self, token: str, expires: float) -> _Verdict:
        digest = sha256(token.encode()).digest()
        while True:
            known = self._verdicts.get(digest)
            if known is not None and self._clock() < known.until:
                return known
            asked = self._questions.get(digest)
            if asked is None:
                return await self._ask(digest, token, expires)
            await asked.over.wait()
            if asked.error is not None:
                raise Unreviewed(str(asked.error))

    async def _ask(self, digest: bytes, token: str, expires: float) -> _Verdict:
        asked = self._questions[digest] = _Question()
        try:
            verdict = await self._answer(token, expires)
        except Unreviewed as error:
            asked.error = error
            raise
        finally:  # also if who asked has hung up: then the next one who waits asks
            del self._questions[digest]
            asked.over.set()
        self._keep(digest, verdict)
        return verdict

    async def _answer(self, token: str, expires: float) -> _Verdict:
        try:
            async with self._turns:
                answer = await self._create(PATH, question(token, self._audience))
            identity = reviewed(answer, audience=self._audience, expires=expires)
        except BadToken as error:
            self._trouble.now("")
            until = self._clock() + BAD_SECONDS
            return _Verdict(identity=None, reason=error.reason, until=until)
        except (ApiError, Unreviewed) as error:
            self._trouble.now(str(error))
            raise Unreviewed(str(error)) from error
        self._trouble.now("")
        return _Verdict(identity=identity, until=min(self._clock() + GOOD_SECONDS, expires))

    def _keep(self, digest: bytes, verdict: _Verdict) -> None:
        self._verdicts.pop(digest, None)
        self._verdicts[digest] = verdict
        if len(self._verdicts) > ROOM:
            del self._verdicts[next(iter(self._verdicts))]
