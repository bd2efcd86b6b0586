"""CSDS: shows standard xDS tools how far each client has come, type by type.

It never shows a resource, and so no secret. Who may look is the owner's decision; by default nobody
may.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from typing import Final

import grpc
from envoy.admin.v3 import config_dump_shared_pb2
from envoy.config.core.v3 import base_pb2
from envoy.service.status.v3 import csds_pb2
from envoy.type.matcher.v3 import node_pb2, string_pb2
from google.protobuf.message import DecodeError
from google.protobuf.timestamp_pb2 import Timestamp

from xds.errors import BadRequest, StreamEnded
from xds.status import ClientStatus, TypeStatus
from xds.types import PUSH_ORDER

Context = grpc.aio.ServicerContext[bytes, bytes]
Admit = Callable[[Context], Awaitable[None]]
"""Raises a `StreamEnded` for those who may not look (any longer)."""

_NAMED: Final = 10
"""Rejected resources of one type that are named."""
_SERVICE: Final = "envoy.service.status.v3.ClientStatusDiscoveryService"


ToWall = Callable[[float], float]
"""A time of the event loop in unix seconds."""


def client_statuses(
    request: csds_pb2.ClientStatusRequest, clients: Iterable[ClientStatus], to_wall: ToWall
) -> csds_pb2.ClientStatusResponse:
    """The clients that one of the request's matchers picks; without matchers, all of them.

    A rejection says when it was. Of what is stale there is no field that says since when.
    """
    matchers = tuple(request.node_matchers)
    return csds_pb2.ClientStatusResponse(
        config=[
            _client(each, to_wall)
            for each in clients
            if not matchers or any(_picks(matcher, each.node) for matcher in matchers)
        ]
    )


def _client(client: ClientStatus, to_wall: ToWall) -> csds_pb2.ClientConfig:
    return csds_pb2.ClientConfig(
        node=base_pb2.Node(id=client.node),
        generic_xds_configs=[
            _type(type_url, client.types.get(type_url), to_wall) for type_url in PUSH_ORDER
        ],
    )


def _type(
    type_url: str, status: TypeStatus | None, to_wall: ToWall
) -> csds_pb2.ClientConfig.GenericXdsConfig:
    if status is None or not status.rejected:
        return csds_pb2.ClientConfig.GenericXdsConfig(
            type_url=type_url, config_status=_progress(status)
        )
    return csds_pb2.ClientConfig.GenericXdsConfig(
        type_url=type_url,
        config_status=csds_pb2.ERROR,
        error_state=config_dump_shared_pb2.UpdateFailureState(
            details=_details(status),
            last_update_attempt=_timestamp(to_wall(status.nack.at)) if status.nack else None,
        ),
    )


def _timestamp(seconds: float) -> Timestamp:
    whole = int(seconds)
    return Timestamp(seconds=whole, nanos=int((seconds - whole) * 1_000_000_000))


def _details(status: TypeStatus) -> str:
    """The resources that the client does not take and its words about each, or its last words."""
    found = [f"{each.name}: {each.message}" for each in status.quarantined[:_NAMED]]
    if len(status.quarantined) > _NAMED:
        found.append(f"and {len(status.quarantined) - _NAMED} more")
    if found:
        return "; ".join(found)
    return status.nack.message if status.nack is not None else ""


def _progress(status: TypeStatus | None) -> "csds_pb2.ConfigStatus.ValueType":
    if status is None:  # the client has not asked for the type
        return csds_pb2.NOT_SENT
    if status.settled:
        return csds_pb2.SYNCED
    return csds_pb2.NOT_SENT if status.sent < 0 else csds_pb2.STALE


def _picks(matcher: node_pb2.NodeMatcher, node: str) -> bool:
    if matcher.node_metadatas:
        raise BadRequest("node_metadatas are not kept, so they cannot be matched")
    return not matcher.HasField("node_id") or _matches(matcher.node_id, node)


def _matches(matcher: string_pb2.StringMatcher, text: str) -> bool:
    kind = matcher.WhichOneof("match_pattern")
    if kind not in ("exact", "prefix", "suffix", "contains"):
        raise BadRequest("node_id is matched by exact, prefix, suffix or contains only")
    pattern: str = getattr(matcher, kind)
    if matcher.ignore_case:
        pattern, text = pattern.lower(), text.lower()
    if kind == "exact":
        return text == pattern
    if kind == "prefix":
        return text.startswith(pattern)
    return text.endswith(pattern) if kind == "suffix" else pattern in text


class ClientStatusService:
    """The service, to be added to a gRPC server."""

    def __init__(
        self,
        clients: Callable[[], Sequence[ClientStatus]],
        admit: Admit,
        wall: Callable[[], float],
    ) -> None:
        """`admit` is asked before each answer, so that it can put an end to a long stream. `wall`
        gives unix seconds.
        """
        self._clients = clients
        self._admit = admit
        self._wall = wall

    def handler(self) -> grpc.GenericRpcHandler:
        """Both methods, on bytes."""
        return grpc.method_handlers_generic_handler(
            _SERVICE,
            {
                "FetchClientStatus": grpc.unary_unary_rpc_method_handler(self._fetch),
                "StreamClientStatus": grpc.stream_stream_rpc_method_handler(self._stream),
            },
        )

    async def _fetch(self, body: bytes, context: Context) -> bytes:
        try:
            await self._admit(context)
            return self._answer(body)
        except StreamEnded as reason:
            await context.abort(grpc.StatusCode[reason.status], str(reason))

    async def _stream(self, requests: AsyncIterator[bytes], context: Context) -> None:
        try:
            await self._admit(context)  # before a byte of what it asks is read
            async for body in requests:
                await self._admit(context)
                await context.write(self._answer(body))
        except StreamEnded as reason:
            await context.abort(grpc.StatusCode[reason.status], str(reason))

    def _answer(self, body: bytes) -> bytes:
        try:
            request = csds_pb2.ClientStatusRequest.FromString(body)
        except DecodeError as error:
            raise BadRequest("not a ClientStatusRequest") from error
        ahead = self._wall() - asyncio.get_running_loop().time()
        found = client_statuses(request, self._clients(), lambda at: at + ahead)
        return found.SerializeToString()
