"""The pages about one proxy: what it holds by its own account, what it is to hold, what it has
accepted; and the other pages of its admin port that only show something.

Istio's addresses lead to the same (`/debug/config_dump`). Whoever asks must be allowed to see the
pod. In a cluster the way to the admin port is the API server's port-forward with the caller's own
token: the control plane itself may not enter any pod.
"""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import re2  # type: ignore[import-untyped]  # ships no types
from aiohttp import web

from heddle.control_plane import ControlPlane
from heddle.debug.addresses import ADMIN, CONFIG_DUMP
from heddle.debug.guard import Caller, Scope
from heddle.debug.pages import json_response
from heddle.debug.routes import Route
from heddle.proxies.admin import NotReadable, ToAdmin
from heddle.proxies.config_dump import config_dump, filtered
from heddle.proxies.dumps import OutOfReach, ProxyDumps
from heddle.proxies.exchange import Answer
from heddle.proxies.redaction import redacted, redacted_text
from heddle.proxies.wanted import Wanted
from heddle.proxies.written import Facts, written
from sources.errors import ApiError
from xds.status import Clients

SOURCES: Final = ("live", "desired", "acked")
PROXY_ID: Final = "proxyID"
_SOURCE: Final = "source"


def proxy_pages(plane: ControlPlane, clients: Clients, to_admin: ToAdmin | None) -> Sequence[Route]:
    """Those pages. Without `to_admin` there is no way to live proxies."""
    pages = ProxyPages(plane, clients, to_admin)
    return (
        Route(path=CONFIG_DUMP, answer=pages.config_dump, scope=pod_scope),
        Route(path=f"/debug{CONFIG_DUMP}", answer=pages.config_dump, scope=pod_scope),
        Route(path=f"{ADMIN}/{{page}}", answer=pages.admin, scope=pod_scope),
    )


def pod_scope(request: web.Request) -> Scope:
    """The pod of `?proxyID=POD.NAMESPACE`."""
    name, dot, namespace = request.query.get(PROXY_ID, "").rpartition(".")
    if not dot or not name or not namespace or "/" in name + namespace:
        raise web.HTTPBadRequest(text="say which proxy: ?proxyID=POD.NAMESPACE\n")
    return Scope(namespace=namespace, pod=name)


class ProxyPages:
    """What answers."""

    def __init__(self, plane: ControlPlane, clients: Clients, to_admin: ToAdmin | None) -> None:
        self._dumps = ProxyDumps(plane, clients, to_admin)

    async def config_dump(self, request: web.Request, caller: Caller | None) -> web.Response:
        """`?source=` is `live` (by default), `desired` or `acked`; the other parameters are
        Envoy's.
        """
        source = request.query.get(_SOURCE, SOURCES[0])
        if source not in SOURCES:
            raise web.HTTPBadRequest(text=f"?source= is one of {', '.join(SOURCES)}\n")
        scope = self._known(request)
        query = _others(request)
        if source == SOURCES[0]:
            return await self._live("config_dump", scope, query, caller)
        wanted = await self._dumps.wanted(scope.namespace, scope.pod)
        facts = self._dumps.facts(scope.namespace, scope.pod)
        return await asyncio.to_thread(_dumped, wanted, facts, source == "acked", query)

    async def admin(self, request: web.Request, caller: Caller | None) -> web.Response:
        """Another page of the admin port."""
        scope = self._known(request)
        return await self._live(request.match_info["page"], scope, _others(request), caller)

    def _known(self, request: web.Request) -> Scope:
        """The pod, if it has a proxy."""
        scope = pod_scope(request)
        if not self._dumps.is_known(scope.namespace, scope.pod):
            raise web.HTTPNotFound(text=f"no {scope} with a proxy is known here\n")
        return scope

    async def _live(
        self, page: str, scope: Scope, query: Mapping[str, str], caller: Caller | None
    ) -> web.Response:
        if caller is None:  # the door lets nobody else in here
            raise web.HTTPForbidden
        try:
            answer = await self._dumps.admin(
                scope.namespace, scope.pod, page, query, caller.authorization
            )
        except OutOfReach as error:
            raise web.HTTPNotImplemented(text=f"{error}: ask for source=desired\n") from None
        except NotReadable as error:
            raise web.HTTPBadRequest(text=f"{error}\n") from None
        except ApiError as error:
            status = error.status or 502
            text = f"{scope} cannot be reached: {error}\n"
            return web.Response(status=status if status in (401, 403, 404) else 502, text=text)
        except OSError as error:
            return web.Response(status=502, text=f"{scope} does not answer: {error}\n")
        return await asyncio.to_thread(_passed_on, answer)


def _others(request: web.Request) -> Mapping[str, str]:
    """The parameters that are not ours."""
    return {k: v for k, v in request.query.items() if k not in (PROXY_ID, _SOURCE)}


def _passed_on(answer: Answer) -> web.Response:
    """An answer of an Envoy, without what is secret. What says that it is JSON and is not, is
    taken as text.
    """
    if answer.body[:1] in (b"{", b"["):
        try:
            shown = redacted(json.loads(answer.body))
        except (ValueError, RecursionError):
            shown = None
        if shown is not None:
            response = json_response(shown)
            response.set_status(answer.status)
            return response
    return web.Response(status=answer.status, text=redacted_text(answer.text))


def _dumped(
    wanted: Sequence[Wanted], facts: Facts, only_accepted: bool, query: Mapping[str, str]
) -> web.Response:
    if other := sorted(query.keys() - {"resource", "mask", "name_regex", "include_eds"}):
        return web.Response(status=400, text=f"config_dump has no parameter {other[0]!r}\n")
    try:
        picked = _named(wanted, query.get("name_regex", ""))
        mask = [path for path in query.get("mask", "").split(",") if path]
        dump = written(config_dump(picked, only_accepted=only_accepted), facts)
        return json_response(filtered(dump, query.get("resource", ""), mask))
    except ValueError as error:
        return web.Response(status=400, text=f"{error}\n")


def _named(wanted: Sequence[Wanted], expression: str) -> Sequence[Wanted]:
    """Those whose whole name is as an expression has it, as Envoy does with `name_regex`."""
    if not expression:
        return wanted
    try:
        matches: Callable[[str], object] = re2.compile(expression).fullmatch
    except re2.error as error:
        raise ValueError(f"name_regex {expression!r} is no regular expression: {error}") from None
    return [each for each in wanted if matches(each.resource.name)]
