"""A client that says exactly what a test tells it to, against a `SotwStream` without a network."""

from collections.abc import Iterable

from envoy.service.discovery.v3 import discovery_pb2

from tests.xds.resources import TYPES
from xds.limits import Limits
from xds.observer import Observer
from xds.publisher import PartKey, Publisher
from xds.quarantine import Record
from xds.sotw import SotwStream
from xds.types import short_name

Response = discovery_pb2.DiscoveryResponse


class SotwScripted:
    """One stream of the node `n`, whose time only the test moves. It repeats its names, as a
    state-of-the-world client does in every request.
    """

    def __init__(
        self,
        publisher: Publisher,
        parts: Iterable[PartKey] = ("p",),
        *,
        limits: Limits | None = None,
        observer: Observer | None = None,
        record: Record | None = None,
    ) -> None:
        self.now = 1000.0
        self.woken = 0
        self._names: dict[str, tuple[str, ...]] = {}
        self.stream = SotwStream(
            publisher,
            parts,
            node="n",
            now=self.now,
            wake=self._wake,
            limits=limits,
            observer=observer,
            record=record,
        )

    def _wake(self) -> None:
        self.woken += 1

    def send(
        self,
        kind: str,
        names: Iterable[str] | None = None,
        *,
        version: str = "",
        nonce: str = "",
        error: str | None = None,
        node: str = "",
    ) -> bool:
        """Send a request; without `names`, with those of the request before it."""
        type_url = TYPES.get(kind, kind)
        if names is not None:
            self._names[type_url] = tuple(names)
        request = discovery_pb2.DiscoveryRequest(
            type_url=type_url,
            resource_names=self._names.get(type_url, ()),
            version_info=version,
            response_nonce=nonce,
        )
        request.node.id = node
        if error is not None:
            request.error_detail.message = error
        return self.stream.receive(request, self.now)

    def poll(self) -> list[Response]:
        """What the server has to say now."""
        return [Response.FromString(body) for body in self.stream.poll(self.now)]

    def ask(
        self,
        kind: str,
        names: Iterable[str] | None = None,
        *,
        version: str = "",
        nonce: str = "",
        error: str | None = None,
    ) -> list[Response]:
        """Send a request and return what it brings."""
        self.send(kind, names, version=version, nonce=nonce, error=error)
        return self.poll()

    def ack(self, response: Response, names: Iterable[str] | None = None) -> list[Response]:
        """Accept a response; what that brings."""
        version, nonce = response.version_info, response.nonce
        return self.ask(response.type_url, names, version=version, nonce=nonce)

    def nack(self, response: Response, message: str = "no") -> list[Response]:
        """Reject a response; what that brings."""
        return self.ask(response.type_url, nonce=response.nonce, error=message)

    def sync(self, kind: str, names: Iterable[str] | None = None) -> list[Response]:
        """Ask for a type and accept all that comes until nothing more does."""
        return self.settle(self.ask(kind, names))

    def settle(self, responses: list[Response] | None = None) -> list[Response]:
        """Accept responses, and what follows, until nothing more does; all of them."""
        seen: list[Response] = []
        pending = self.poll() if responses is None else responses
        while pending:
            seen.extend(pending)
            pending = [more for response in pending for more in self.ack(response)]
        return seen

    def later(self, seconds: float) -> list[Response]:
        """Let time pass; what that brings."""
        self.now += seconds
        return self.poll()


def names(response: Response) -> list[str]:
    """The names of the resources in a response, which field 1 of each message is."""
    return [_name(entry.value) for entry in response.resources]


def _name(message: bytes) -> str:
    assert message[:1] == b"\x0a"
    return message[2 : 2 + message[1]].decode()


def told(responses: Iterable[Response]) -> list[tuple[str, list[str]]]:
    """Each response as (type, names)."""
    return [(short_name(r.type_url), names(r)) for r in responses]
