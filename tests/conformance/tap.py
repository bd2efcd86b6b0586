"""A tap between an Envoy and the real server: it hears all, and can make the server misbehave.

It passes both directions on unchanged, except for what a test holds back and for what it injects.
Answers to injected responses stay here, for the server never sent those.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

import grpc
from envoy.service.discovery.v3 import discovery_pb2
from google.protobuf.message import Message

from tests.conformance.conversation import PATIENCE, Conversation, Request, Response

_SERVICE = "envoy.service.discovery.v3.AggregatedDiscoveryService"
_INJECTED = "injected-"

Context = grpc.aio.ServicerContext[bytes, bytes]
Call = grpc.aio.StreamStreamCall[Request, Response]


class _Cut(Exception):
    """The test ends the stream."""


class Tap:
    """Everything between one Envoy and one server."""

    def __init__(self, target: Path) -> None:
        self.target = target
        """The server of the next stream."""
        self._streams: list[Conversation] = []
        self._began = asyncio.Event()
        self._nonces = count(1)
        self._holds: Callable[[Response], bool] = lambda _: False
        self._held: list[Response] = []
        self._out: asyncio.Queue[Response | None] = asyncio.Queue()
        self._open = asyncio.Event()
        self._open.set()

    @property
    def stream(self) -> Conversation:
        """The newest stream."""
        return self._streams[-1]

    async def connected(self, number: int = 1) -> Conversation:
        """The stream of that number, counted from 1, once it is there."""
        async with asyncio.timeout(PATIENCE):
            while len(self._streams) < number:
                self._began.clear()
                await self._began.wait()
        return self._streams[number - 1]

    async def reconnected(self, *, meanwhile: Callable[[], object] = lambda: None) -> Conversation:
        """Cut the stream, let something happen while there is none, and return the next one."""
        number = len(self._streams) + 1
        self._open.clear()
        self._out.put_nowait(None)
        meanwhile()
        self._open.set()
        return await self.connected(number)

    def mark(self) -> None:
        """`sent` now means what is sent from here on."""
        if self._streams:
            self.stream.mark = len(self.stream.responses)

    # Misbehaving

    def hold(self, which: Callable[[Response], bool]) -> None:
        """Keep back what the server sends, if `which` says so."""
        self._holds = which

    def release(self) -> None:
        """Pass on what was held, and hold nothing more."""
        self._holds = lambda _: False
        held, self._held = self._held, []
        for response in held:
            self._out.put_nowait(response)

    def forget(self) -> None:
        """Drop what was held, and hold nothing more."""
        self._held.clear()
        self.release()

    def inject(
        self,
        type_url: str,
        *resources: tuple[str, Message] | discovery_pb2.Resource,
        removed: tuple[str, ...] = (),
    ) -> str:
        """Send Envoy a response that the server knows nothing of; its nonce."""
        nonce = f"{_INJECTED}{next(self._nonces)}"
        response = Response(type_url=type_url, nonce=nonce, removed_resources=removed)
        for each in resources:
            response.resources.append(
                each if isinstance(each, discovery_pb2.Resource) else entry(*each)
            )
        self._out.put_nowait(response)
        return nonce

    async def injected(
        self,
        type_url: str,
        *resources: tuple[str, Message] | discovery_pb2.Resource,
        removed: tuple[str, ...] = (),
    ) -> Request:
        """Inject, and wait for Envoy's answer."""
        nonce = self.inject(type_url, *resources, removed=removed)
        return await self.stream.answered(nonce)

    # Serving

    async def serve(self, context: Context) -> None:
        """One stream of Envoy's, from its first request to its end."""
        await self._open.wait()
        self._out = asyncio.Queue()
        self._held.clear()
        said = Conversation()
        self._streams.append(said)
        self._began.set()
        async with grpc.aio.insecure_channel(f"unix:{self.target}") as channel:
            call: Call = channel.stream_stream(
                f"/{_SERVICE}/DeltaAggregatedResources",
                request_serializer=_serialized,
                response_deserializer=Response.FromString,
            )()
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._up(context, call, said))
                    tasks.create_task(self._down(call))
                    tasks.create_task(self._deliver(context, said, self._out))
            except* _Cut:
                pass
            finally:
                call.cancel()
        await context.abort(grpc.StatusCode.UNAVAILABLE, "cut")

    async def _up(self, context: Context, call: Call, said: Conversation) -> None:
        while isinstance(body := await context.read(), bytes):
            request = Request.FromString(body)
            said.note(request)
            if (passed := _without_injected(request)) is not None:
                await call.write(passed)
        raise _Cut

    async def _down(self, call: Call) -> None:
        try:
            while isinstance(response := await call.read(), Response):
                if self._holds(response):
                    self._held.append(response)
                else:
                    self._out.put_nowait(response)
        except grpc.aio.AioRpcError:
            pass
        raise _Cut

    async def _deliver(
        self, context: Context, said: Conversation, out: asyncio.Queue[Response | None]
    ) -> None:
        while (response := await out.get()) is not None:
            said.note(response)
            await context.write(response.SerializeToString())
        raise _Cut


def entry(name: str, message: Message, version: str = "i") -> discovery_pb2.Resource:
    """One resource of a response."""
    made = discovery_pb2.Resource(name=name, version=version)
    made.resource.Pack(message)
    return made


def _serialized(request: Request) -> bytes:
    return request.SerializeToString()


def _without_injected(request: Request) -> Request | None:
    """What the server may hear of it."""
    if not request.response_nonce.startswith(_INJECTED):
        return request
    if not (request.resource_names_subscribe or request.resource_names_unsubscribe):
        return None
    passed = Request()
    passed.CopyFrom(request)
    passed.ClearField("response_nonce")
    passed.ClearField("error_detail")
    return passed


@asynccontextmanager
async def tapping(target: Path, path: Path) -> AsyncIterator[Tap]:
    """A tap that listens at `path` and passes on to the server at `target`."""
    tap = Tap(target)

    async def delta(_: AsyncIterator[bytes], context: Context) -> None:
        await tap.serve(context)

    server = grpc.aio.server(options=[("grpc.max_send_message_length", -1)])
    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.stream_stream_rpc_method_handler(delta)
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(_SERVICE, {"DeltaAggregatedResources": handler}),)
    )
    server.add_insecure_port(f"unix:{path}")
    await server.start()
    try:
        yield tap
    finally:
        await server.stop(0)
