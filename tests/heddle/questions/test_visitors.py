"""Who is let in at the port of the proxies besides pods: whom the API server lets see the mesh."""

from collections.abc import Mapping

import pytest

from ca.issuer import LocalIssuer
from ca.secret import Token
from ca.tokens import TokenVerifier
from heddle.debug.guard import (
    WHOLE_MESH,
    Caller,
    NobodyToAsk,
    NotAllowed,
    NotAuthenticated,
    Refused,
    Scope,
)
from heddle.identity import PodIdentity, TokenAuthenticator
from heddle.questions.visitors import AUDIENCE, Visitor, VisitorAuthenticator
from xds.errors import Forbidden, NotReady, StreamEnded, Unauthenticated

NOW = 1e9
TTL = 600.0


class Door:
    """Lets in everybody, or nobody for a reason."""

    def __init__(self, refused: Refused | None = None) -> None:
        self.refused = refused
        self.asked: list[Scope] = []

    async def __call__(self, token: Token, scope: Scope) -> Caller:
        self.asked.append(scope)
        if self.refused is not None:
            raise self.refused
        return Caller(name="ann", token=token)


ISSUER = LocalIssuer()


def authenticator(door: Door) -> VisitorAuthenticator:
    verifier = TokenVerifier(
        ISSUER.jwks(), issuer=ISSUER.issuer, audience="heddle", clock=lambda: NOW
    )
    return VisitorAuthenticator(TokenAuthenticator(verifier), door, lambda: NOW)


def shown(audience: str, *, now: float = NOW) -> Mapping[str, str]:
    """The headers of who has a token for an audience."""
    token = ISSUER.issue(
        namespace="shop",
        service_account="web",
        pod="web-1",
        uid="1",
        audience=audience,
        now=now,
        ttl=TTL,
    )
    return {"authorization": f"Bearer {token.reveal().decode()}"}


async def test_a_pod_comes_in_as_ever() -> None:
    door = Door()
    assert isinstance(await authenticator(door)(shown("heddle"), "peer"), PodIdentity)
    assert not door.asked


async def test_a_user_may_see_the_whole_mesh_or_nothing() -> None:
    door = Door()
    found = await authenticator(door)(shown(AUDIENCE), "peer")
    assert found == Visitor(name="ann", expires_at=NOW + TTL)
    assert door.asked == [WHOLE_MESH]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Basic YTpi"},
        {"authorization": "Bearer none"},
        shown("another"),
        shown(AUDIENCE, now=NOW - 2 * TTL),
    ],
    ids=["no header", "no bearer", "no token", "another audience", "expired"],
)
async def test_who_shows_nothing_good_is_not_even_asked_about(headers: Mapping[str, str]) -> None:
    door = Door()
    with pytest.raises(Unauthenticated):
        await authenticator(door)(headers, "peer")
    assert not door.asked


@pytest.mark.parametrize(
    ("refused", "ends"),
    [
        (NotAuthenticated("not a token"), Unauthenticated),
        (NotAllowed("ann may not get pods/proxy of all namespaces"), Forbidden),
        (NobodyToAsk("away"), NotReady),
    ],
)
async def test_whom_the_api_server_does_not_let_in(
    refused: Refused, ends: type[StreamEnded]
) -> None:
    """Who may not look hears why; of an API server that is away nothing follows."""
    with pytest.raises(ends):
        await authenticator(Door(refused))(shown(AUDIENCE), "peer")
