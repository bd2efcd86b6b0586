"""The two ways to speak ADS, as the server sees them: delta, and state of the world."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

from envoy.service.discovery.v3 import discovery_pb2
from google.protobuf.message import DecodeError

from xds.delta import DeltaStream
from xds.errors import BadRequest
from xds.limits import Limits
from xds.node import node_id
from xds.observer import Observer
from xds.publisher import PartKey, Publisher
from xds.quarantine import Record
from xds.sotw import SotwStream
from xds.status import Stream

Request = TypeVar("Request", discovery_pb2.DeltaDiscoveryRequest, discovery_pb2.DiscoveryRequest)
Asking = TypeVar("Asking", contravariant=True)


class Conversation(Stream, Protocol[Asking]):
    """A stream of requests of one kind."""

    def receive(self, request: Asking, now: float) -> bool:
        """Take a request; whether `poll` may have something to send because of it."""


class Opener(Protocol[Asking]):
    """Makes a stream."""

    def __call__(
        self,
        publisher: Publisher,
        parts: Iterable[PartKey],
        *,
        node: str,
        now: float,
        wake: Callable[[], None],
        limits: Limits,
        observer: Observer,
        record: Record,
    ) -> Conversation[Asking]:
        """Raises `UnknownPart`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transport(Generic[Request]):
    """One way to speak ADS."""

    request: type[Request]
    open: Opener[Request]
    node_id: Callable[[Request], str]

    def decoded(self, body: bytes) -> Request:
        """The request; raises `BadRequest` for bytes that are none."""
        try:
            return self.request.FromString(body)
        except DecodeError as error:
            raise BadRequest(f"not a {self.request.DESCRIPTOR.name}") from error


DELTA: Final = Transport(
    request=discovery_pb2.DeltaDiscoveryRequest, open=DeltaStream, node_id=node_id
)
SOTW: Final = Transport(request=discovery_pb2.DiscoveryRequest, open=SotwStream, node_id=node_id)
