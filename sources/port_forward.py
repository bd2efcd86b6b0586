"""A port of a pod through the API server, as `kubectl port-forward` reaches it: also one that the
pod has on its own loopback only.

It is Kubernetes' WebSocket form of it (`v4.channel.k8s.io`): the first byte of each message is the
channel, 0 for data and 1 for what went wrong; the first message of each has the port's number. One
WebSocket is one connection.
"""

import asyncio
import socket
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Final, Protocol

import aiohttp

from sources.errors import ApiError
from sources.resource import PODS

PROTOCOL: Final = "v4.channel.k8s.io"
_DATA, _ERROR = 0, 1
_CHUNK: Final = 1 << 16
_LONGEST_REASON: Final = 300


class Upgrading(Protocol):
    """An API server that opens WebSockets."""

    def websocket(
        self,
        path: str,
        query: Mapping[str, str],
        *,
        protocol: str,
        authorization: str | None = None,
    ) -> AbstractAsyncContextManager[aiohttp.ClientWebSocketResponse]:
        """A connection that is upgraded. Raises `ApiError`."""
        ...


class _Told:
    """What the API server says went wrong."""

    text = ""


@asynccontextmanager
async def port_forward(
    api: Upgrading, namespace: str, pod: str, port: int, *, authorization: str | None = None
) -> AsyncIterator[socket.socket]:
    """A socket that leads to a port of a pod, in our own name or in that of whom the header
    `authorization` proves. Raises `ApiError`: also if what it was used for failed with an
    `OSError`, and the API server has said why.
    """
    path = PODS.one(pod, namespace, "portforward")
    told = _Told()
    failed: Exception | None = None
    async with (
        api.websocket(
            path, {"ports": str(port)}, protocol=PROTOCOL, authorization=authorization
        ) as opened,
        _pair() as (near, reader, writer),
        asyncio.TaskGroup() as group,
    ):
        pumps = (
            group.create_task(_inwards(opened, writer, told)),
            group.create_task(_outwards(reader, opened)),
        )
        try:
            yield near
        except Exception as error:  # raised below: a group would wrap it
            failed = error
        for pump in pumps:
            pump.cancel()
    if isinstance(failed, OSError) and told.text:
        raise ApiError(f"port {port} of the pod: {told.text}") from failed
    if failed is not None:
        raise failed


@asynccontextmanager
async def _pair() -> AsyncIterator[tuple[socket.socket, StreamReader, StreamWriter]]:
    """A socket, and what it is connected to."""
    near, far = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=far)
    try:
        yield near, reader, writer
    finally:
        near.close()
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def _inwards(
    opened: aiohttp.ClientWebSocketResponse, writer: StreamWriter, told: _Told
) -> None:
    """What comes from the pod. When that ends, so does the socket."""
    begun: set[int] = set()
    with suppress(OSError):
        async for message in opened:
            if message.type is not aiohttp.WSMsgType.BINARY or not message.data:
                continue
            channel, data = message.data[0], message.data[1:]
            if channel not in begun:
                begun.add(channel)
                data = data[2:]  # the port's number
            if channel == _ERROR and data:
                told.text = data.decode(errors="replace").strip()[:_LONGEST_REASON]
                break
            if channel == _DATA and data:
                writer.write(data)
                await writer.drain()
    writer.close()


async def _outwards(reader: StreamReader, opened: aiohttp.ClientWebSocketResponse) -> None:
    """What goes to the pod."""
    with suppress(OSError, aiohttp.ClientError):
        while data := await reader.read(_CHUNK):
            await opened.send_bytes(bytes([_DATA]) + data)
