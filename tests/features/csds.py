"""A standard xDS tool: made from Envoy's API alone, it asks who holds what."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Protocol

import grpc
from envoy.service.status.v3 import csds_pb2

from heddle.injection import SERVER_NAME
from tests.features.served import Served
from tests.features.stream import PATIENCE
from xds.types import short_name

# typings/ has messages only.
STUBS = import_module("envoy.service.status.v3.csds_pb2_grpc")
Request = csds_pb2.ClientStatusRequest
Response = csds_pb2.ClientStatusResponse


class Stub(Protocol):
    """What any tool has that is made from Envoy's API."""

    FetchClientStatus: grpc.aio.UnaryUnaryMultiCallable[Request, Response]
    StreamClientStatus: grpc.aio.StreamStreamMultiCallable[Request, Response]


@asynccontextmanager
async def tool(served: Served) -> AsyncIterator[Stub]:
    """A tool that is connected."""
    credentials = grpc.ssl_channel_credentials(await served.root())
    options = (("grpc.ssl_target_name_override", SERVER_NAME),)
    address = f"127.0.0.1:{served.port}"
    async with grpc.aio.secure_channel(address, credentials, options=options) as channel:
        yield STUBS.ClientStatusDiscoveryServiceStub(channel)


def shown(response: Response) -> dict[str, dict[str, str]]:
    """The status of each type, by node."""
    return {
        client.node.id: {
            short_name(each.type_url): csds_pb2.ConfigStatus.Name(each.config_status)
            for each in client.generic_xds_configs
        }
        for client in response.config
    }


async def until_synced(served: Served, pod: str, kinds: Collection[str]) -> None:
    """Wait until its only client has said of each of these types that it lacks nothing.

    `pod` is that of an inspector.
    """
    async with asyncio.timeout(PATIENCE), tool(served) as stub:
        call = stub.StreamClientStatus(metadata=tuple(served.metadata(pod)))
        found: list[dict[str, str]] = []
        while not any(all(each[kind] == "SYNCED" for kind in kinds) for each in found):
            await asyncio.sleep(0.05)
            await call.write(Request())
            response = await call.read()
            assert isinstance(response, Response)
            found = list(shown(response).values())
        call.cancel()
