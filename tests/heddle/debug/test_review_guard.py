"""Whom the API server lets see what, by way of a fake of it; tests/kube asks a real one."""

from collections.abc import Mapping

import pytest

from ca.secret import Token
from heddle.debug.guard import Caller, NobodyToAsk, NotAllowed, NotAuthenticated, Scope
from heddle.debug.review_guard import ROOM, ReviewGuard
from sources.errors import ApiError
from tests.fakes.clock import FakeClock

USER = {"username": "ann", "uid": "7", "groups": ["g"], "extra": {"e": ["1", 2], "n": None}}
POD = Scope(namespace="shop", pod="web")


class Reviews:
    """Knows ann's token, and lets her see the namespace `shop`."""

    def __init__(self) -> None:
        self.asked: list[Mapping[str, object]] = []
        self.says: Mapping[str, object] | None = None
        self.fails = False
        self.audiences: object = None

    async def __call__(self, path: str, body: Mapping[str, object]) -> Mapping[str, object]:
        if self.fails:
            raise ApiError("away", 500)
        self.asked.append(body)
        spec = body["spec"]
        assert isinstance(spec, dict)
        if self.says is not None:
            return self.says
        if body["kind"] == "TokenReview":
            good = spec["token"] == "ann's"
            user = USER if good else {}
            status = {"authenticated": good, "user": user, "audiences": self.audiences}
            return {**body, "status": status}
        allowed = spec["resourceAttributes"].get("namespace") == "shop"
        return {**body, "status": {"allowed": allowed}}


@pytest.fixture
def reviews() -> Reviews:
    return Reviews()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def guard(reviews: Reviews, clock: FakeClock) -> ReviewGuard:
    return ReviewGuard(reviews, clock=clock)


async def test_who_may_get_the_proxy_of_the_pod(guard: ReviewGuard, reviews: Reviews) -> None:
    """The user goes on as the API server said, with all that its authorizers may look at."""
    token = Token(b"ann's")
    assert await guard(token, POD) == Caller(name="ann", token=token)
    spec = reviews.asked[1]["spec"]
    assert spec == {
        "user": "ann",
        "uid": "7",
        "groups": ["g"],
        "extra": {"e": ["1"], "n": []},
        "resourceAttributes": {
            "verb": "get",
            "version": "v1",
            "resource": "pods",
            "subresource": "proxy",
            "namespace": "shop",
            "name": "web",
        },
    }


@pytest.mark.parametrize("scope", [Scope(), Scope(namespace="other", pod="web")])
async def test_who_may_not(guard: ReviewGuard, scope: Scope) -> None:
    with pytest.raises(NotAllowed, match=r"ann may not get pods/proxy of"):
        await guard(Token(b"ann's"), scope)


async def test_a_token_of_nobody(guard: ReviewGuard, reviews: Reviews) -> None:
    """What he may see is not even asked."""
    with pytest.raises(NotAuthenticated):
        await guard(Token(b"other"), POD)
    assert len(reviews.asked) == 1


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"kind": "TokenReview"},
        {"kind": "Status", "status": "Failure"},
        {"kind": "SubjectAccessReview", "status": {"allowed": True}},
        {"kind": "TokenReview", "status": {"authenticated": "true", "user": USER}},
        {"kind": "TokenReview", "status": {"authenticated": True}},
        {"kind": "TokenReview", "status": {"authenticated": True, "user": {"username": ""}}},
        {"kind": "TokenReview", "status": {"authenticated": True, "user": USER}},
    ],
)
async def test_an_answer_that_is_none_lets_nobody_in(
    guard: ReviewGuard, reviews: Reviews, answer: Mapping[str, object]
) -> None:
    """Whatever comes back to both questions."""
    reviews.says = answer
    with pytest.raises((NotAuthenticated, NobodyToAsk)):
        await guard(Token(b"ann's"), POD)


async def test_without_an_api_server_nobody_is_let_in(guard: ReviewGuard, reviews: Reviews) -> None:
    """And that is not kept: he comes back."""
    reviews.fails = True
    with pytest.raises(NobodyToAsk):
        await guard(Token(b"ann's"), POD)
    reviews.fails = False
    await guard(Token(b"ann's"), POD)


async def test_answers_are_kept_for_a_while(
    guard: ReviewGuard, reviews: Reviews, clock: FakeClock
) -> None:
    """Of one token about one thing; refusals too."""
    for _ in range(3):
        await guard(Token(b"ann's"), POD)
        with pytest.raises(NotAllowed):
            await guard(Token(b"ann's"), Scope())
    assert len(reviews.asked) == 4
    clock.advance(11)
    await guard(Token(b"ann's"), POD)
    assert len(reviews.asked) == 6


async def test_there_is_an_end_to_what_is_kept(guard: ReviewGuard) -> None:
    for number in range(ROOM + 5):
        with pytest.raises(NotAuthenticated):
            await guard(Token(b"%d" % number), POD)
    assert len(guard._verdicts) == ROOM
    assert "ann" not in repr(vars(guard))


@pytest.mark.parametrize(
    ("audiences", "lets_in"), [(["tools"], True), (["other"], False), ([], False), (None, False)]
)
async def test_a_token_has_to_be_for_the_audience_that_is_asked_for(
    reviews: Reviews, clock: FakeClock, audiences: object, lets_in: bool
) -> None:
    """An API server that does not know of audiences says none, whomever the token is for."""
    reviews.audiences = audiences
    guard = ReviewGuard(reviews, clock=clock, audience="tools")
    if lets_in:
        await guard(Token(b"ann's"), POD)
    else:
        with pytest.raises(NotAuthenticated):
            await guard(Token(b"ann's"), POD)
    spec = reviews.asked[0]["spec"]
    assert isinstance(spec, dict)
    assert spec["audiences"] == ["tools"]
