"""The pages that explain: the way of a call (`/debug/trace`), who may call (`/debug/authz`), what
acts on a pod or a service (`/debug/describe`).

An answer speaks of both ends of a call, so whoever asks must be allowed to see the whole mesh.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from aiohttp import web

from heddle.control_plane import ControlPlane
from heddle.debug.addresses import AUTHZ, DESCRIBE, TRACE
from heddle.debug.guard import WHOLE_MESH, Caller, Scope
from heddle.debug.pages import json_response
from heddle.debug.routes import Answering, Route
from heddle.explained.describing import described
from heddle.explained.situation import Situation
from heddle.explained.tracing import Called, Peer, checked, headers_of, traced

Answer = Callable[[Situation, web.Request], Mapping[str, object]]


def explain_pages(plane: ControlPlane) -> Sequence[Route]:
    """Those pages."""
    return tuple(
        Route(path=path, answer=_answering(plane, answer), scope=_everything)
        for path, answer in ((TRACE, _trace), (AUTHZ, _authz), (DESCRIBE, _describe))
    )


def _everything(request: web.Request) -> Scope:
    del request
    return WHOLE_MESH


def _answering(plane: ControlPlane, answer: Answer) -> Answering:
    async def answered(request: web.Request, caller: Caller | None) -> web.Response:
        del caller
        engine = plane.engine
        now = Situation(mesh=engine.mesh, proxies=tuple(engine.proxies()), origin=plane.origin)
        try:
            return json_response(await asyncio.to_thread(answer, now, request))
        except ValueError as error:
            return web.Response(status=400, text=f"{error}\n")

    return answered


def _trace(now: Situation, request: web.Request) -> Mapping[str, object]:
    query = request.query
    called = Called(
        url=query.get("to", ""),
        method=query.get("method", "GET"),
        headers=headers_of(query.get("headers", "").splitlines()),
    )
    return traced(now, query.get("from", ""), called)


def _authz(now: Situation, request: web.Request) -> Mapping[str, object]:
    query = request.query
    port = query.get("port", "0")
    peer = Peer(
        source=query.get("from", ""),
        port=int(port) if port.isdecimal() else 0,
        path=query.get("path", "/"),
        method=query.get("method", "GET"),
        host=query.get("host", ""),
        headers=headers_of(query.get("headers", "").splitlines()),
        plaintext="plaintext" in query,
        tcp="tcp" in query,
    )
    return checked(now, query.get("at", ""), peer)


def _describe(now: Situation, request: web.Request) -> Mapping[str, object]:
    return described(now, request.query.get("kind", ""), request.query.get("name", ""))
