"""A real grpc.aio stream that drives a `FakeEnvoy`."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import grpc

from tests.fakes.envoy import FakeEnvoy, Push, Request, Response
from xds.types import SDS

PATIENCE = 60.0
"""Seconds that any wait may take."""

METHOD = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"
NOTHING = "nobody has this"

Call = grpc.aio.StreamStreamCall[Request, Response]


class Stream:
    """One stream. Nothing is read unless the test waits for something."""

    def __init__(self, call: Call, envoy: FakeEnvoy) -> None:
        self.envoy = envoy
        self._call = call

    async def until(self, condition: Callable[[], bool]) -> None:
        """Read and answer until something holds."""
        async with asyncio.timeout(PATIENCE):
            while not condition():
                await self._step()

    async def follow(self) -> None:
        """Read and answer, until cancelled."""
        while True:
            await self._step()

    async def synced(self) -> None:
        """Read and answer until virtual hosts have come: the last of a first sync."""
        await self.until(lambda: any(push.kind == "vhds" for push in self.envoy.pushes))

    async def ping(self) -> list[Push]:
        """What was sent before the answer to a question that is asked now.

        The question is for a secret: of all that one push says, secrets come last. It is asked
        again then: once the server answers, it has heard what this client said to the push.
        """
        before = len(self.envoy.pushes)
        for _ in range(2):
            await self._answered(len(self.envoy.pushes))
        found = self.envoy.pushes[before:]
        return [push for push in found if NOTHING not in push.removed]

    async def rejects(self, words: str, edit: Callable[[], object]) -> None:
        """Make an edit, and reject with these words whatever comes of it, from now on."""
        self.envoy.reject = words
        before = len(self.envoy.pushes)
        edit()
        await self.until(lambda: len(self.envoy.pushes) > before)

    async def _answered(self, before: int) -> None:
        await self._call.write(Request(type_url=SDS, resource_names_subscribe=[NOTHING]))
        await self.until(
            lambda: any(NOTHING in push.removed for push in self.envoy.pushes[before:])
        )
        await self._call.write(Request(type_url=SDS, resource_names_unsubscribe=[NOTHING]))

    async def secrets(self, *names: str) -> dict[str, bytes]:
        """Those of the secrets that the server gives, by name; the others it says are not."""
        before = len(self.envoy.pushes)
        await self._call.write(Request(type_url=SDS, resource_names_subscribe=names))

        def answered() -> bool:
            pushes = self.envoy.pushes[before:]
            return set(names) <= {n for push in pushes for n in (*push.names, *push.removed)}

        await self.until(answered)
        held = self.envoy.held[SDS]
        return {name: held[name].resource.value for name in names if name in held}

    async def refused(self) -> grpc.StatusCode:
        """How the stream ended."""
        async with asyncio.timeout(PATIENCE):
            while await self._read() is not None:
                pass
            return grpc.StatusCode(await self._call.code())

    async def details(self) -> str:
        """What the server said when it ended the stream."""
        async with asyncio.timeout(PATIENCE):
            return str(await self._call.details())

    async def _step(self) -> None:
        response = await self._read()
        if response is None:
            raise AssertionError(f"ended: {await self._call.code()} {await self._call.details()}")
        for request in self.envoy.take(response):
            await self._call.write(request)

    async def _read(self) -> Response | None:
        try:
            found = await self._call.read()
        except grpc.aio.AioRpcError:
            return None
        return found if isinstance(found, Response) else None

    async def say(self, request: Request) -> None:
        """Send one more request."""
        await self._call.write(request)

    async def begin(self) -> None:
        """Send the first requests."""
        for request in self.envoy.connect():
            await self._call.write(request)


def secure_channel(address: str, root: bytes, name: str) -> grpc.aio.Channel:
    """A connection of its own to a server whose certificate for `name` the `root` has signed."""
    options = (("grpc.ssl_target_name_override", name), ("grpc.use_local_subchannel_pool", 1))
    credentials = grpc.ssl_channel_credentials(root)
    return grpc.aio.secure_channel(address, credentials, options=options)


@asynccontextmanager
async def connected(
    address: str,
    root: bytes,
    name: str,
    metadata: Sequence[tuple[str, str]],
    envoy: FakeEnvoy | None,
) -> AsyncIterator[Stream]:
    """A stream to a server whose certificate for `name` the `root` has signed.

    Without an Envoy it stays silent: gRPC takes a request that meets the end of its stream for an
    error of its own, so who expects to be refused must not say anything.
    """
    async with secure_channel(address, root, name) as channel:
        method: grpc.aio.StreamStreamMultiCallable[Request, Response] = channel.stream_stream(
            METHOD,
            request_serializer=Request.SerializeToString,
            response_deserializer=Response.FromString,
        )
        call = method(metadata=tuple(metadata))
        stream = Stream(call, envoy or FakeEnvoy(""))
        if envoy is not None:
            await stream.begin()
        try:
            yield stream
        finally:
            call.cancel()
