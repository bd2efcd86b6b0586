"""The ways to a pod's admin port: through its own network on this machine, through the API server
in a cluster.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from socket import socket
from typing import Final

from heddle.proxies.admin import ADMIN_PORT, ToAdmin
from sources.port_forward import Upgrading, port_forward

CONNECT_SECONDS: Final = 5.0

Connect = Callable[[str, int, float], Awaitable[socket]]
"""Connects to a port of a pod, given as namespace/name, within so many seconds."""


def through_runner(connect: Connect) -> ToAdmin:
    """To pods that run on this machine."""

    @asynccontextmanager
    async def to_admin(
        namespace: str, pod: str, authorization: str | None
    ) -> AsyncIterator[socket]:
        del authorization  # who has this run's token may see all of it
        with await connect(f"{namespace}/{pod}", ADMIN_PORT, CONNECT_SECONDS) as connected:
            yield connected

    return to_admin


def through_api_server(api: Upgrading) -> ToAdmin:
    """To pods of a cluster, with the rights of who asks: the API server decides."""

    @asynccontextmanager
    async def to_admin(
        namespace: str, pod: str, authorization: str | None
    ) -> AsyncIterator[socket]:
        async with port_forward(
            api, namespace, pod, ADMIN_PORT, authorization=authorization
        ) as connected:
            yield connected

    return to_admin
