"""A page of the control plane: its address, who may see it, and what it says.

The application takes a list of these, from whoever has something to show. But for one page on
one's own machine it reads only, so there are no other methods than GET.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum, auto

from aiohttp import web

from heddle.debug.guard import WHOLE_MESH, Caller, Scope

Answering = Callable[[web.Request, Caller | None], Awaitable[web.StreamResponse]]
"""Gives the answer. The caller is None only where anybody may ask."""


class Access(Enum):
    """Who may ask."""

    ANYBODY = auto()
    """What tells nothing of the mesh: whether we are ready, and our version."""
    ALLOWED = auto()
    """Whom the guard lets in."""
    NEIGHBOUR = auto()
    """Whom the guard lets in, and, if the operator wants so, whoever connects from this very pod:
    there that is who may port-forward to it.
    """


def whole_mesh(request: web.Request) -> Scope:
    """All of it, unless the request says `?namespace=`."""
    namespace = request.query.get("namespace", "")
    return Scope(namespace=namespace) if namespace else WHOLE_MESH


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One page. `scope`: what a request is about, which its caller must be allowed to see; it
    raises `web.HTTPBadRequest` for what cannot be asked. `endless`: the answer goes on until the
    caller leaves (server-sent events), and is not bounded in time. `changes`: it is for POST alone,
    and for who shows a token: a browser's cookie is not enough.
    """

    path: str
    answer: Answering
    access: Access = Access.ALLOWED
    scope: Callable[[web.Request], Scope] = whole_mesh
    endless: bool = False
    changes: bool = False
