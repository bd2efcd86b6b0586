"""An API server that only reviews tokens, over HTTPS, as Kubernetes does: it verifies signature,
expiry and audience, knows which pods are there, and wants to know who asks.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import jwt
from aiohttp import web

from ca.issuer import LocalIssuer
from tests.fakes.cluster_tls import OWN_TOKEN, cluster_tls

_EXTRA = "authentication.kubernetes.io/"


class FakeKubeApi:
    """What a test does with it."""

    def __init__(self, issuer: LocalIssuer, clock: Callable[[], float]) -> None:
        self.asked: list[Mapping[str, object]] = []
        """All that it was asked, in order."""
        self.deleted: set[str] = set()
        """UIDs of pods whose tokens it takes no more."""
        self.fails: int | None = None
        """Answers every request with this status."""
        self.says: bytes | None = None
        """Answers every request with these bytes."""
        self.without: set[str] = set()
        """What it leaves out of its answers: `audiences`, `extra`, `pod-name`, `node-name`, ..."""
        self.open = asyncio.Event()
        self.open.set()
        """While this is not set, nothing is answered."""
        self.expects = OWN_TOKEN
        self._news = asyncio.Event()
        self._issuer = issuer
        self._clock = clock

    async def until_asked(self, count: int) -> None:
        """Waits for so many questions."""
        async with asyncio.timeout(60.0):
            while len(self.asked) < count:
                await self._news.wait()

    async def review(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {self.expects}":
            return web.json_response({"kind": "Status", "code": 401}, status=401)
        body = await request.json()
        self.asked.append(body)
        news, self._news = self._news, asyncio.Event()
        news.set()
        await self.open.wait()
        if self.fails is not None:
            return web.Response(status=self.fails, text="a page of some proxy")
        if self.says is not None:
            return web.Response(body=self.says, content_type="application/json")
        return web.json_response({**body, "status": self._status(body["spec"])}, status=201)

    def _status(self, spec: Mapping[str, object]) -> Mapping[str, object]:
        try:
            claims = self._claims(str(spec["token"]))
        except jwt.PyJWTError as error:
            return {"authenticated": False, "error": f"[invalid bearer token, {error}]"}
        theirs, ours = claims["aud"], spec["audiences"]
        assert isinstance(theirs, list)
        assert isinstance(ours, list)
        both = [each for each in ours if each in theirs]
        if not both or claims["exp"] <= self._clock():  # type: ignore[operator]  # a number
            return {"authenticated": False, "error": "token audiences or times do not match"}
        user = {"username": claims["sub"], "uid": "u", "groups": ["system:serviceaccounts"]}
        extra = self._extra(claims)
        if extra.get(f"{_EXTRA}pod-uid", [""])[0] in self.deleted:
            return {"authenticated": False, "error": "pod has been deleted"}
        if "extra" not in self.without:
            user["extra"] = extra
        status: dict[str, object] = {"authenticated": True, "user": user}
        return status if "audiences" in self.without else {**status, "audiences": both}

    def _claims(self, token: str) -> dict[str, object]:
        key = jwt.PyJWKSet.from_dict(dict(self._issuer.jwks())).keys[0]
        options: jwt.types.Options = {
            "verify_aud": False,
            "verify_exp": False,
            "verify_nbf": False,
            "verify_iat": False,
        }
        return jwt.decode(token, key, algorithms=["ES256"], options=options)

    def _extra(self, claims: Mapping[str, object]) -> dict[str, list[str]]:
        bound = claims.get("kubernetes.io", {})
        assert isinstance(bound, dict)
        found = {}
        for kind in ("pod", "node"):
            for part in ("name", "uid"):
                name = f"{kind}-{part}"
                if kind in bound and name not in self.without:
                    found[_EXTRA + name] = [str(bound[kind][part])]
        return found


@asynccontextmanager
async def kube_api(fake: FakeKubeApi, folder: Path, now: datetime) -> AsyncIterator[Path]:
    """Serves it; a kubeconfig that leads to it."""
    app = web.Application()
    app.router.add_post("/apis/authentication.k8s.io/v1/tokenreviews", fake.review)
    async with cluster_tls(app, folder, now) as config:
        yield config
