"""The pages: addresses, and the answers to them. Each is whole without scripts; htmx fetches the
lists alone.
"""

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from aiohttp import web

from crds.meta import Key
from heddle.conditions import TYPES
from heddle.control_plane import ControlPlane
from heddle.debug.guard import WHOLE_MESH, Caller, Scope
from heddle.debug.proxy_pages import PROXY_ID, pod_scope
from heddle.debug.routes import Access, Answering, Route, whole_mesh
from heddle.demo.mesh_handle import ProxyState
from heddle.page.config import Health
from heddle.page.explain import Asked
from heddle.page.graph_elements import elements
from heddle.page.rendering import HEADERS, Templates
from heddle.page.state import PageState
from heddle.page.static_files import StaticFile, static_files
from heddle.page.sync import COLUMNS
from heddle.proxies.admin import ToAdmin
from xds.status import Clients

LOOK_SECONDS = 0.25
"""How often a page that listens is looked after: sooner would be of no use to eyes."""
QUIET_SECONDS = 15.0
"""After so long without news a page looks again all the same: how long things last has changed."""


def page_routes(
    plane: ControlPlane,
    clients: Clients,
    source: str,
    to_admin: ToAdmin | None = None,
    replica: str = "",
) -> Sequence[Route]:
    """All of them. `clients` are those of the server of `plane`; `source` is what is served, as it
    is named to people; `to_admin` leads to the admin ports of proxies, if they are in reach.
    `replica` is which of several we may be, which each have proxies of their own.
    """
    wall = time.time  # noqa: TID251 - the composition root hands the clock in
    state = PageState(plane, clients, wall=wall, steady=time.monotonic, to_admin=to_admin)
    views = Views(state, Templates(source, replica))
    return (
        Route(path="/", answer=_to_sync, access=Access.ANYBODY),
        Route(path="/static/{name}", answer=_static(static_files()), access=Access.ANYBODY),
        Route(path="/sync", answer=views.sync),
        Route(path="/config", answer=views.config),
        Route(path="/config/object", answer=views.one),
        Route(path="/proxy", answer=views.proxy, scope=_proxy_scope),
        Route(path="/proxy/resource", answer=views.resource, scope=pod_scope),
        Route(path="/explain", answer=views.explain, scope=lambda request: WHOLE_MESH),
        Route(path="/graph", answer=views.graph),
        Route(path="/events", answer=views.events, endless=True),
    )


class Views:
    """The answers."""

    def __init__(self, state: PageState, templates: Templates) -> None:
        self._state = state
        self._templates = templates

    async def sync(self, request: web.Request, caller: Caller | None) -> web.Response:
        """How far each proxy has come."""
        del caller
        view = self._state.sync(*_filter(request))
        return self._list(request, "sync", view=view, states=list(ProxyState), columns=COLUMNS)

    async def config(self, request: web.Request, caller: Caller | None) -> web.Response:
        """The mesh objects."""
        del caller
        view = await self._state.config(*_filter(request))
        return self._list(request, "config", view=view, states=list(Health), condition_types=TYPES)

    async def one(self, request: web.Request, caller: Caller | None) -> web.Response:
        """One mesh object."""
        del caller
        names = (request.query.get(each, "") for each in ("group", "kind", "of", "name"))
        view = await self._state.object(Key(*names), _namespace(request))
        if view is None:
            return self._missing(request, "/config", "object")
        return self._page(request, "object.html", here="/config", view=view)

    async def proxy(self, request: web.Request, caller: Caller | None) -> web.Response:
        """One proxy; without a name those that there are."""
        if not request.query.get(PROXY_ID):
            proxies = self._state.proxies(_namespace(request))
            return self._page(request, "proxies.html", here="/proxy", proxies=proxies)
        pod, view = pod_scope(request), None
        if caller is not None:
            view = await self._state.proxy(pod.namespace, pod.pod, caller)
        if view is None:
            return self._missing(request, "/proxy", "proxy")
        return self._page(request, "proxy.html", here="/proxy", view=view)

    async def resource(self, request: web.Request, caller: Caller | None) -> web.Response:
        """One resource of a proxy."""
        pod, view = pod_scope(request), None
        kind, name = request.query.get("kind", ""), request.query.get("name", "")
        if caller is not None:
            view = await self._state.resource(pod.namespace, pod.pod, kind, name, caller)
        if view is None:
            return self._missing(request, "/proxy", "resource")
        return self._page(request, "resource.html", here="/proxy", view=view)

    async def explain(self, request: web.Request, caller: Caller | None) -> web.Response:
        """What becomes of a call. It has two ends, so who asks must be allowed to see all."""
        del caller
        said = request.query
        asked, answer = await self._state.explain(
            Asked(
                source=said.get("from", ""),
                url=said.get("to", ""),
                method=said.get("method", "GET"),
                headers=said.get("headers", ""),
            )
        )
        callers = self._state.proxies("")
        return self._page(
            request, "explain.html", here="/explain", asked=asked, answer=answer, callers=callers
        )

    async def graph(self, request: web.Request, caller: Caller | None) -> web.Response:
        """Services, and who may call them."""
        del caller
        namespace, wanted, _ = _filter(request)
        view = await self._state.graph(namespace, wanted)
        drawn = json.dumps(elements(view))
        return self._page(request, "graph.html", here="/graph", view=view, elements=drawn)

    async def events(self, request: web.Request, caller: Caller | None) -> web.StreamResponse:
        """Says whenever what is shown may differ, until the page is closed."""
        del caller
        answer = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        )
        with suppress(ConnectionError):  # the page was closed while it was told something
            await answer.prepare(request)
            await self._tell(request, answer)
        return answer

    async def _tell(self, request: web.Request, answer: web.StreamResponse) -> None:
        told, quiet = self._state.revision, 0.0
        await answer.write(b": listening\n\n")
        while request.transport is not None and not request.transport.is_closing():
            await asyncio.sleep(LOOK_SECONDS)
            quiet += LOOK_SECONDS
            if (now := self._state.revision) != told or quiet >= QUIET_SECONDS:
                told, quiet = now, 0.0
                await answer.write(b"event: changed\ndata:\n\n")

    def _list(self, request: web.Request, name: str, **values: object) -> web.Response:
        """A page with a list, or, for htmx, the list alone."""
        said = request.headers
        # Going back in history asks for the whole page.
        swapped = "HX-Request" in said and "HX-History-Restore-Request" not in said
        template = f"{name}_list.html" if swapped else f"{name}.html"
        return self._page(request, template, here=f"/{name}", swapped=swapped, **values)

    def _missing(self, request: web.Request, here: str, what: str) -> web.Response:
        answer = self._page(request, "missing.html", here=here, what=what)
        answer.set_status(404)
        return answer

    def _page(self, request: web.Request, template: str, **values: object) -> web.Response:
        text = self._templates.render(template, namespace=_namespace(request), **values)
        return web.Response(text=text, content_type="text/html", headers=HEADERS)


def _proxy_scope(request: web.Request) -> Scope:
    """The proxy that is named, or all that there are to choose from."""
    return pod_scope(request) if request.query.get(PROXY_ID) else whole_mesh(request)


def _namespace(request: web.Request) -> str:
    """The namespace that all is to be of, and that the caller may see; `""` is the whole mesh."""
    return request.query.get("namespace", "")


def _filter(request: web.Request) -> tuple[str, str, str]:
    """The namespace, the part of a name and the state that are asked for."""
    return _namespace(request), request.query.get("q", ""), request.query.get("state", "")


async def _to_sync(request: web.Request, caller: Caller | None) -> web.Response:
    del request, caller
    return web.Response(status=303, headers={"Location": "/sync"})


def _static(files: Mapping[str, StaticFile]) -> Answering:
    async def answer(request: web.Request, caller: Caller | None) -> web.Response:
        del caller
        found = files.get(request.match_info["name"])
        if found is None:
            raise web.HTTPNotFound(text="there is no such file\n")
        headers = {"ETag": found.tag, "Cache-Control": "no-cache"}
        if request.headers.get("If-None-Match") == found.tag:
            return web.Response(status=304, headers=headers)
        return web.Response(body=found.body, content_type=found.content_type, headers=headers)

    return answer
