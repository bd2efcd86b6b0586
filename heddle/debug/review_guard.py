"""Asks the API server who a caller is and what he may see.

Answers are kept for ten seconds under a digest of the token and never the token itself: a page that
is open asks often. If the API server does not answer, nobody is let in.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from ca.secret import Token
from ca.token_review import PATH as TOKEN_REVIEWS
from ca.token_review import question
from heddle.debug.guard import Caller, NobodyToAsk, NotAllowed, NotAuthenticated, Refused, Scope
from sources.errors import ApiError
from sources.resource import REVIEWS

ACCESS_REVIEWS: Final = REVIEWS.collection()
KEPT_SECONDS = 10.0
ROOM = 1_000
AT_ONCE = 8
"""Questions at a time. Anybody can show anything."""
_LONGEST_REASON = 200

Create = Callable[[str, Mapping[str, object]], Awaitable[Mapping[str, object]]]
"""Posts an object to the API server; what it gives back. Raises `ApiError`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _User:
    """As a TokenReview has it, and a SubjectAccessReview takes it."""

    name: str
    uid: str
    groups: Sequence[str]
    extra: Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Verdict:
    """Who it is, or why not; and until when that holds."""

    name: str
    refused: Refused | None
    until: float


class ReviewGuard:
    """A `Guard` of a cluster. `clock` gives seconds and never goes back; `audience` is whom tokens
    have to be for: the API server itself if there is none, as those are that kubectl shows.
    """

    def __init__(
        self, create: Create, *, clock: Callable[[], float], audience: str | None = None
    ) -> None:
        self._create = create
        self._clock = clock
        self._audience = audience
        self._verdicts: dict[tuple[bytes, Scope], _Verdict] = {}
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def __call__(self, token: Token, scope: Scope) -> Caller:
        """See `Guard`."""
        key = sha256(token.reveal()).digest(), scope
        verdict = self._verdicts.get(key)
        if verdict is None or self._clock() >= verdict.until:
            verdict = await self._reviewed(token, scope)
            self._keep(key, verdict)
        if verdict.refused is not None:
            raise type(verdict.refused)(str(verdict.refused))  # a new one: each has its traceback
        return Caller(name=verdict.name, token=token)

    async def _reviewed(self, token: Token, scope: Scope) -> _Verdict:
        until = self._clock() + KEPT_SECONDS
        try:
            async with self._turns:
                answer = await self._create(TOKEN_REVIEWS, _token_review(token, self._audience))
                user = _user(answer, self._audience)
                answer = await self._create(ACCESS_REVIEWS, access_review(user, scope))
            _check_allowed(answer, user.name, scope)
        except ApiError as error:
            raise NobodyToAsk(f"nobody can be asked about tokens now: {error}") from error
        except (NotAuthenticated, NotAllowed) as refused:
            return _Verdict(name="", refused=refused, until=until)
        return _Verdict(name=user.name, refused=None, until=until)

    def _keep(self, key: tuple[bytes, Scope], verdict: _Verdict) -> None:
        self._verdicts.pop(key, None)
        self._verdicts[key] = verdict
        if len(self._verdicts) > ROOM:
            del self._verdicts[next(iter(self._verdicts))]


def _token_review(token: Token, audience: str | None) -> Mapping[str, object]:
    shown = token.reveal().decode()
    if audience is not None:
        return question(shown, audience)
    return {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenReview",
        "spec": {"token": shown},
    }


def access_review(user: _User, scope: Scope) -> Mapping[str, object]:
    """The question to the API server: may this user `get` the `proxy` of these pods?"""
    attributes = {"verb": "get", "version": "v1", "resource": "pods", "subresource": "proxy"}
    place = {"namespace": scope.namespace, "name": scope.pod}
    return {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": user.name,
            "uid": user.uid,
            "groups": list(user.groups),
            "extra": {name: list(values) for name, values in user.extra.items()},
            "resourceAttributes": {**attributes, **{k: v for k, v in place.items() if v}},
        },
    }


def _user(answer: Mapping[str, object], audience: str | None) -> _User:
    status = answer.get("status")
    if answer.get("kind") != "TokenReview" or not isinstance(status, dict):
        raise NobodyToAsk("the API server's answer is no TokenReview")
    user = status.get("user")
    if status.get("authenticated") is not True or not isinstance(user, dict):
        raise NotAuthenticated("the API server does not take this token")
    if audience is not None and audience not in _texts(status.get("audiences")):
        # An API server that does not know of audiences gives none, whomever the token is for.
        raise NotAuthenticated("the API server does not say that the token is for us")
    name, extra = user.get("username"), user.get("extra")
    if not isinstance(name, str) or not name:
        raise NotAuthenticated("the API server does not say whose token this is")
    uid = user.get("uid")
    return _User(
        name=name,
        uid=uid if isinstance(uid, str) else "",
        groups=_texts(user.get("groups")),
        extra={k: _texts(v) for k, v in extra.items()} if isinstance(extra, dict) else {},
    )


def _texts(value: object) -> Sequence[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _check_allowed(answer: Mapping[str, object], name: str, scope: Scope) -> None:
    status = answer.get("status")
    if answer.get("kind") != "SubjectAccessReview" or not isinstance(status, dict):
        raise NobodyToAsk("the API server's answer is no SubjectAccessReview")
    if status.get("allowed") is not True or status.get("denied") is True:
        reason = str(status.get("reason") or "no role allows it")[:_LONGEST_REASON]
        raise NotAllowed(f"{name} may not get pods/proxy of {scope}: {reason}")
