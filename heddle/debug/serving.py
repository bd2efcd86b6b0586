"""Puts the pages of a control plane together, and answers at an address until told to stop."""

import secrets
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import socket

import structlog
from prometheus_client import CollectorRegistry

from ca.secret import Token
from heddle.control_plane import ControlPlane
from heddle.debug.application import Door, application, hosts_of, listening
from heddle.debug.explain_pages import explain_pages
from heddle.debug.guard import EitherGuard, Guard, RunGuard
from heddle.debug.level_page import level_page
from heddle.debug.pages import metrics_page, pages
from heddle.debug.proxy_pages import proxy_pages
from heddle.debug.review_guard import Create, ReviewGuard
from heddle.debug.routes import Route
from heddle.debug.run_file import Run, announced
from heddle.debug.sessions import Invitation, Sessions
from heddle.local.errors import LocalError
from heddle.proxies.admin import ToAdmin
from xds.status import Clients

log = structlog.get_logger(__name__)

_TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class DebugSettings:
    """`host` is the one that `listener` is bound to. `source` is what is served, for the run file:
    there is none without it, and so no token of this machine. `review` posts to an API server,
    which then says who may see what. `neighbours`: see `Access.NEIGHBOUR`; `remote`: see `Door`.
    `metrics` are served here, too, if there are any. `to_admin` leads to the pods' Envoys, if they
    are in reach.
    """

    listener: socket
    host: str
    source: str | None = None
    review: Create | None = None
    neighbours: bool = False
    remote: bool = False
    metrics: CollectorRegistry | None = None
    to_admin: ToAdmin | None = None
    run_files: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What answers: its `port`, and what lets a browser of whoever runs us in."""

    port: int
    invitation: Invitation


@asynccontextmanager
async def debugging(
    settings: DebugSettings,
    plane: ControlPlane,
    clients: Clients,
    more: Sequence[Route] = (),
) -> AsyncIterator[Shown]:
    """Answers. `more` are further pages. Without a place for the run file it goes without one."""
    sessions = Sessions(clock=time.monotonic, secret=lambda: secrets.token_urlsafe(_TOKEN_BYTES))
    token = Token(secrets.token_urlsafe(_TOKEN_BYTES).encode())
    every = (*routes(settings, plane, clients, sessions), *more)
    door = Door(
        every,
        _guard(settings, token),
        sessions,
        hosts=hosts_of(settings.host),
        neighbours=settings.neighbours,
        remote=settings.remote,
    )
    with ExitStack() as stack:
        async with listening(application(every, door), settings.listener) as port:
            if settings.source is not None:
                host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host
                address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
                run = Run(source=settings.source, address=address, token=token)
                try:
                    stack.enter_context(announced(run, settings.run_files))
                except (OSError, LocalError) as error:
                    # Proxies are served all the same: on a read-only file system, for example.
                    log.warning("commands do not find this control plane", reason=str(error))
            log.info("shows itself", host=settings.host, port=port)
            yield Shown(port=port, invitation=Invitation(sessions, token))


def routes(
    settings: DebugSettings, plane: ControlPlane, clients: Clients, sessions: Sessions
) -> Sequence[Route]:
    """All pages: what is to be shown besides goes here."""
    to_admin, in_cluster = settings.to_admin, settings.review is not None
    return (
        *pages(mesh=lambda: plane.engine.mesh, ready=lambda: plane.pods.synced, sessions=sessions),
        *(() if settings.metrics is None else (metrics_page(settings.metrics),)),
        *proxy_pages(plane, clients, to_admin),
        *(() if to_admin is None or in_cluster else (level_page(to_admin),)),
        *explain_pages(plane),
    )


def _guard(settings: DebugSettings, token: Token) -> Guard:
    guards: list[Guard] = []
    if settings.source is not None:
        guards.append(RunGuard(token))
    if settings.review is not None:
        guards.append(ReviewGuard(settings.review, clock=time.monotonic))
    return EitherGuard(guards)
