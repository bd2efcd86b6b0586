"""The pages that are there in any case: our version, whether we are ready, how a browser logs in,
and which proxies there are.
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Final

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from heddle.debug.addresses import INVITATION, LOGIN, PROXIES
from heddle.debug.guard import Caller
from heddle.debug.routes import Access, Route
from heddle.debug.sessions import COOKIE, SESSION_SECONDS, Sessions
from heddle.proxies.listing import as_dict, proxies
from mesh.mesh import Mesh

_JSON: Final = "application/json"


def json_response(value: object) -> web.Response:
    """Plain values as JSON."""
    return web.Response(text=json.dumps(value) + "\n", content_type=_JSON)


def pages(
    *, mesh: Callable[[], Mesh], ready: Callable[[], bool], sessions: Sessions
) -> Sequence[Route]:
    """Those pages."""

    async def proxy_list(request: web.Request, caller: Caller | None) -> web.Response:
        del caller
        found = proxies(mesh(), request.query.get("namespace", ""))
        return json_response([as_dict(each) for each in found])

    async def is_ready(request: web.Request, caller: Caller | None) -> web.Response:
        del request, caller
        if ready():
            return web.Response(text="ready\n")
        return web.Response(status=503, text="not all is read yet\n")

    async def invitation(request: web.Request, caller: Caller | None) -> web.Response:
        if caller is None:  # the door lets nobody else in here
            raise web.HTTPForbidden
        return json_response({"path": f"{LOGIN}?once={sessions.invite(caller.token)}"})

    async def login(request: web.Request, caller: Caller | None) -> web.Response:
        del caller
        cookie = sessions.redeem(request.query.get("once", ""))
        if cookie is None:
            return web.Response(status=403, text="this address works once: ask for a new one\n")
        answer = web.Response(status=303, headers={"Location": "/"})
        answer.set_cookie(
            COOKIE, cookie, max_age=int(SESSION_SECONDS), httponly=True, samesite="Strict"
        )
        return answer

    return (
        Route(path="/version", answer=_version, access=Access.ANYBODY),
        Route(path="/ready", answer=is_ready, access=Access.ANYBODY),
        Route(path=LOGIN, answer=login, access=Access.ANYBODY),
        Route(path=INVITATION, answer=invitation),
        Route(path=PROXIES, answer=proxy_list),
    )


def metrics_page(registry: CollectorRegistry) -> Route:
    """What Prometheus reads: counts, and no names of pods."""

    async def metrics(request: web.Request, caller: Caller | None) -> web.Response:
        del caller
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        body = await asyncio.to_thread(encode, registry)
        return web.Response(body=body, headers={"Content-Type": content_type})

    return Route(path="/metrics", answer=metrics, access=Access.ANYBODY)


async def _version(request: web.Request, caller: Caller | None) -> web.Response:
    """Istio's address: a number with two dots somewhere in a text, which Kiali shows."""
    del caller
    ours = version("heddle")
    if _JSON in request.headers.get("Accept", ""):
        return json_response({"version": ours, "name": "heddle"})
    return web.Response(text=f"{ours}-heddle\n")
