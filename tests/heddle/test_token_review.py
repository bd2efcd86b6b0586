"""Tokens that an API server reviews, over HTTPS: who is let in, what is asked, and what is kept."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import jwt
import pytest

from ca.issuer import LocalIssuer
from heddle.identity import PodIdentity
from heddle.token_review import AT_ONCE, BAD_SECONDS, GOOD_SECONDS, ReviewAuthenticator
from mesh.identity import WorkloadIdentity
from sources.kubernetes import kubernetes_api
from tests.fakes.clock import FakeClock
from tests.fakes.kube_api import FakeKubeApi, kube_api
from tests.security_rows import guards
from xds.auth import Identity
from xds.errors import NotReady, Unauthenticated

NOW = datetime(2030, 1, 1, tzinfo=UTC)
AUDIENCE = "heddle"


@dataclass(frozen=True, slots=True)
class Review:
    """An authenticator, and the API server that it asks."""

    api: FakeKubeApi
    clock: FakeClock
    issuer: LocalIssuer
    authenticate: ReviewAuthenticator

    def token(self, **other: str) -> str:
        claims = {
            "namespace": "shop",
            "service_account": "web",
            "pod": "web-1",
            "uid": "u-1",
            "audience": AUDIENCE,
            **other,
        }
        made = self.issuer.issue(
            namespace=claims["namespace"],
            service_account=claims["service_account"],
            pod=claims["pod"],
            uid=claims["uid"],
            audience=claims["audience"],
            now=self.clock(),
            ttl=3600.0,
        )
        return made.reveal().decode()

    async def show(self, token: str) -> Identity:
        return await self.authenticate({"authorization": f"Bearer {token}"}, "ipv4:127.0.0.1:1")


@pytest.fixture
async def review(tmp_path: Path) -> AsyncIterator[Review]:
    clock, issuer = FakeClock(NOW), LocalIssuer()
    api = FakeKubeApi(issuer, clock)
    # TLS goes by the machine's clock.
    async with kube_api(api, tmp_path, _machine()) as config, kubernetes_api(config) as client:
        authenticate = ReviewAuthenticator(client.create, audience=AUDIENCE, clock=clock)
        yield Review(api, clock, issuer, authenticate)


def _machine() -> datetime:
    return datetime.now(UTC)  # noqa: TID251


async def test_a_pods_token(review: Review) -> None:
    token = review.token()
    found = await review.show(token)
    assert found == PodIdentity(
        WorkloadIdentity(
            namespace="shop",
            service_account="web",
            pod_name="web-1",
            pod_uid="u-1",
            expires=NOW.timestamp() + 3600.0,
            node="local",
        )
    )
    assert [asked["spec"] for asked in review.api.asked] == [
        {"token": token, "audiences": [AUDIENCE]}
    ]


async def test_an_older_kubernetes_does_not_name_the_node(review: Review) -> None:
    review.api.without = {"node-name", "node-uid"}
    found = await review.show(review.token())
    assert isinstance(found, PodIdentity)
    assert found.workload.node is None


@guards("C3")
@pytest.mark.parametrize("left_out", ["audiences", "extra", "pod-name", "pod-uid"])
async def test_an_answer_that_does_not_say_all(review: Review, left_out: str) -> None:
    """No exception, and nobody is let in: an API server that does not know of audiences, a token
    that is not bound to a pod.
    """
    review.api.without = {left_out}
    with pytest.raises(Unauthenticated):
        await review.show(review.token())


REFUSED: Mapping[str, Callable[[Review], str]] = {
    "of-another-issuer": lambda review: Review(
        review.api, review.clock, LocalIssuer(), review.authenticate
    ).token(),
    "not-a-token": lambda review: "a.b.c",
    "opaque": lambda review: "0123456789abcdef",
    "for-the-api-server": lambda review: review.token(audience="https://kubernetes.default.svc"),
}


@guards("C3")
@pytest.mark.parametrize("token", REFUSED.values(), ids=REFUSED.keys())
async def test_a_token_that_is_not_accepted(review: Review, token: Callable[[Review], str]) -> None:
    with pytest.raises(Unauthenticated):
        await review.show(token(review))


@guards("C3")
async def test_a_token_for_several_readers(review: Review) -> None:
    """Only our audience comes back from the API server, but another reader could replay it."""
    token = review.token()
    claims = jwt.decode(token, options={"verify_signature": False})
    claims["aud"] = [AUDIENCE, "https://kubernetes.default.svc"]
    headers = {"kid": str(jwt.get_unverified_header(token)["kid"])}
    both = jwt.encode(claims, review.issuer._key.reveal(), algorithm="ES256", headers=headers)
    with pytest.raises(Unauthenticated, match="audience"):
        await review.show(both)
    assert review.api.asked == []


@guards("C3")
async def test_an_expired_token_is_refused_although_its_acceptance_is_kept(review: Review) -> None:
    token = review.token()
    review.clock.advance(3600.0 - GOOD_SECONDS / 2)
    await review.show(token)
    review.clock.advance(GOOD_SECONDS / 2)
    with pytest.raises(Unauthenticated, match="expired"):
        await review.show(token)
    assert len(review.api.asked) == 1


async def test_an_acceptance_is_kept_for_a_while(review: Review) -> None:
    token = review.token()
    for _ in range(3):
        await review.show(token)
    assert len(review.api.asked) == 1
    review.clock.advance(GOOD_SECONDS)
    review.api.deleted = {"u-1"}
    with pytest.raises(Unauthenticated):
        await review.show(token)
    assert len(review.api.asked) == 2


async def test_a_refusal_is_kept_for_seconds(review: Review) -> None:
    """The pod may be new to that API server."""
    token = review.token()
    review.api.deleted = {"u-1"}
    for _ in range(3):
        with pytest.raises(Unauthenticated):
            await review.show(token)
    assert len(review.api.asked) == 1
    review.api.deleted = set()
    assert BAD_SECONDS <= 10.0
    review.clock.advance(BAD_SECONDS)
    assert await review.show(token)


async def test_two_tokens_are_two_questions(review: Review) -> None:
    """What is kept for one is worth nothing for the other, of the same pod though it be."""
    one = review.token()
    review.clock.advance(1.0)
    other = review.token()
    await review.show(one)
    review.api.deleted = {"u-1"}
    with pytest.raises(Unauthenticated):
        await review.show(other)


async def test_who_shows_the_same_at_one_time_asks_once(review: Review) -> None:
    token = review.token()
    review.api.open.clear()
    async with asyncio.TaskGroup() as group:
        shown = [group.create_task(review.show(token)) for _ in range(20)]
        await review.api.until_asked(1)
        review.api.open.set()
    assert len({each.result().name for each in shown}) == 1
    assert len(review.api.asked) == 1


async def test_if_who_asked_hangs_up_the_next_one_asks(review: Review) -> None:
    token = review.token()
    review.api.open.clear()
    async with asyncio.TaskGroup() as group:
        first = group.create_task(review.show(token))
        await review.api.until_asked(1)
        second = group.create_task(review.show(token))
        await asyncio.sleep(0)
        first.cancel()
        await review.api.until_asked(2)
        review.api.open.set()
    assert second.result().name == "shop/web-1 as web"


@guards("C14")
async def test_only_so_many_are_asked_at_a_time(review: Review) -> None:
    """Anybody can show anything, and each is a request to the API server."""
    review.api.open.clear()
    tokens = [review.token(pod=f"web-{number}") for number in range(AT_ONCE + 5)]
    async with asyncio.TaskGroup() as group:
        for token in tokens:
            group.create_task(review.show(token))
        await review.api.until_asked(AT_ONCE)
        await asyncio.sleep(0)
        assert len(review.api.asked) == AT_ONCE
        review.api.open.set()
    assert len(review.api.asked) == len(tokens)


TROUBLE: Mapping[str, bytes] = {
    "no-json": b"<html>",
    "a-list": b"[]",
    "another-kind": b'{"kind": "Status", "status": {"authenticated": true}}',
    "no-status": b'{"kind": "TokenReview"}',
    "deep": b"[" * 100_000,
    "long": b'"' + b"x" * (2 << 20) + b'"',
}


@pytest.mark.parametrize("said", TROUBLE.values(), ids=TROUBLE.keys())
async def test_an_answer_that_is_none_lets_nobody_in_and_refuses_nobody(
    review: Review, said: bytes
) -> None:
    review.api.says = said
    with pytest.raises(NotReady):
        await review.show(review.token())


@pytest.mark.parametrize("status", [301, 401, 403, 404, 429, 500, 503])
async def test_an_api_server_in_trouble_is_asked_again(review: Review, status: int) -> None:
    """Also if it is us whom it does not let: nothing is known of the pod."""
    review.api.fails = status
    token = review.token()
    with pytest.raises(NotReady) as said:
        await review.show(token)
    assert str(said.value) == "credentials cannot be checked now"
    review.api.fails = None
    assert await review.show(token)


async def test_all_who_wait_hear_of_the_trouble(review: Review) -> None:
    """Nobody waits for as many time-outs as there are others."""
    token = review.token()
    review.api.open.clear()
    review.api.fails = 500
    async with asyncio.TaskGroup() as group:
        shown = [group.create_task(_trouble(review, token)) for _ in range(10)]
        await review.api.until_asked(1)
        review.api.open.set()
    assert all(each.result() for each in shown)
    assert len(review.api.asked) == 1


async def _trouble(review: Review, token: str) -> bool:
    with pytest.raises(NotReady):
        await review.show(token)
    return True


async def test_what_we_prove_ourselves_by_may_change(review: Review, tmp_path: Path) -> None:
    """A kubeconfig that somebody else keeps: it is read again once it is refused."""
    await review.show(review.token())
    config = tmp_path / "kubeconfig"
    text = (await asyncio.to_thread(config.read_text)).replace("control-plane", "renewed")
    await asyncio.to_thread(config.write_text, text)
    review.api.expects = "renewed"
    assert await review.show(review.token(pod="web-2"))


async def test_no_token_is_kept_or_logged(
    review: Review, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """At any level, whether it is accepted, refused or could not be asked about."""
    caplog.set_level(0)
    tokens = [review.token(), review.token(pod="web-2"), review.token(pod="web-3", uid="u-3")]
    await review.show(tokens[0])
    review.api.fails = 500
    with pytest.raises(NotReady):
        await review.show(tokens[1])
    review.api.fails = None
    review.api.deleted = {"u-3"}
    with pytest.raises(Unauthenticated):
        await review.show(tokens[2])
    written = capsys.readouterr()
    kept = repr([getattr(review.authenticate, name) for name in vars(review.authenticate)])
    for text in (kept, caplog.text, written.out, written.err):
        assert not any(part in text for token in tokens for part in token.split("."))
