"""The Workload API of SPIRE's agent, as far as Envoy uses it: SDS over a Unix socket, state of the
world, with the names that the agent serves unless it is told otherwise.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret
from envoy.service.discovery.v3.discovery_pb2 import DiscoveryRequest, DiscoveryResponse

from translator import pb

_SERVICE = "envoy.service.secret.v3.SecretDiscoveryService"
_SECRET = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"

Context = grpc.aio.ServicerContext[DiscoveryRequest, DiscoveryResponse]


class FakeSpire:
    """An agent that has one workload."""

    def __init__(self, secrets: Mapping[str, Secret]) -> None:
        self._secrets = dict(secrets)
        self._version = 1
        self._news = asyncio.Event()
        self.rejected: list[str] = []
        """What Envoy had to say against a secret."""

    def rotate(self, secrets: Mapping[str, Secret]) -> None:
        """Gives everybody other secrets."""
        self._secrets = dict(secrets)
        self._version += 1
        self._tell()

    def _tell(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    def handler(self) -> grpc.GenericRpcHandler:
        method: grpc.RpcMethodHandler[DiscoveryRequest, DiscoveryResponse] = (
            grpc.stream_stream_rpc_method_handler(
                self._stream,
                request_deserializer=DiscoveryRequest.FromString,
                response_serializer=DiscoveryResponse.SerializeToString,
            )
        )
        return grpc.method_handlers_generic_handler(_SERVICE, {"StreamSecrets": method})

    async def _stream(self, requests: AsyncIterator[DiscoveryRequest], context: Context) -> None:
        first = await anext(requests)
        names = tuple(first.resource_names)
        if not names or not set(names) <= self._secrets.keys():
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"unknown resource {names}")
        async with asyncio.TaskGroup() as group:
            answers = group.create_task(self._read(requests))
            while not answers.done():
                news = self._news
                await context.write(self._response(names))
                await news.wait()

    async def _read(self, requests: AsyncIterator[DiscoveryRequest]) -> None:
        async for request in requests:
            if request.HasField("error_detail"):
                self.rejected.append(request.error_detail.message)
        self._tell()  # the stream that has ended is among those that wait

    def _response(self, names: tuple[str, ...]) -> DiscoveryResponse:
        return DiscoveryResponse(
            type_url=_SECRET,
            version_info=str(self._version),
            nonce=str(self._version),
            resources=[pb.any_of(self._secrets[name]) for name in names],
        )


@asynccontextmanager
async def spire(socket: Path, secrets: Mapping[str, Secret]) -> AsyncIterator[FakeSpire]:
    """Serves it at a socket."""
    fake, server = FakeSpire(secrets), grpc.aio.server()
    server.add_generic_rpc_handlers((fake.handler(),))
    server.add_insecure_port(f"unix:{socket}")
    await server.start()
    try:
        yield fake
    finally:
        await server.stop(0)
