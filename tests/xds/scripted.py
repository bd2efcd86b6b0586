"""A client that says exactly what a test tells it to, against a `DeltaStream` without a network."""

from collections.abc import Iterable, Mapping

from envoy.service.discovery.v3 import discovery_pb2

from tests.xds.resources import TYPES
from xds.delta import DeltaStream
from xds.limits import Limits
from xds.observer import Observer
from xds.publisher import PartKey, Publisher
from xds.quarantine import Record
from xds.types import short_name

Response = discovery_pb2.DeltaDiscoveryResponse


class Scripted:
    """One stream of the node `n`, whose time only the test moves."""

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
        self.stream = DeltaStream(
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
        subscribe: Iterable[str] = (),
        unsubscribe: Iterable[str] = (),
        *,
        held: Mapping[str, str] | None = None,
        nonce: str = "",
        error: str | None = None,
        node: str = "",
    ) -> bool:
        """Send a request without looking at what it brings."""
        request = discovery_pb2.DeltaDiscoveryRequest(
            type_url=TYPES.get(kind, kind),
            resource_names_subscribe=subscribe,
            resource_names_unsubscribe=unsubscribe,
            initial_resource_versions=held,
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
        subscribe: Iterable[str] = (),
        unsubscribe: Iterable[str] = (),
        *,
        held: Mapping[str, str] | None = None,
        nonce: str = "",
        error: str | None = None,
    ) -> list[Response]:
        """Send a request and return what it brings."""
        self.send(kind, subscribe, unsubscribe, held=held, nonce=nonce, error=error)
        return self.poll()

    def ack(self, response: Response) -> list[Response]:
        """Accept a response; what that brings."""
        self.send(response.type_url, nonce=response.nonce)
        return self.poll()

    def nack(self, response: Response, message: str = "no") -> list[Response]:
        """Reject a response; what that brings."""
        self.send(response.type_url, nonce=response.nonce, error=message)
        return self.poll()

    def sync(self, kind: str, subscribe: Iterable[str] = ()) -> list[Response]:
        """Ask for a type and accept all that comes until nothing more does."""
        return self.settle(self.ask(kind, subscribe))

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
    """The names of the resources in a response."""
    return [entry.name for entry in response.resources]


def told(responses: Iterable[Response]) -> list[tuple[str, list[str], list[str]]]:
    """Each response as (type, sent names, removed names)."""
    return [(short_name(r.type_url), names(r), sorted(r.removed_resources)) for r in responses]


def versions(responses: Iterable[Response]) -> dict[str, str]:
    """What a client that takes these responses will say that it holds."""
    held: dict[str, str] = {}
    for response in responses:
        for name in response.removed_resources:
            held.pop(name, None)
        held.update((entry.name, entry.version) for entry in response.resources)
    return held
