"""What tests of containment share: a client that rejects, and what a stream says of it."""

from envoy.config.route.v3.route_components_pb2 import VirtualHost

from tests.xds.scripted import Response, Scripted, names
from xds.exchange import Exchange
from xds.quarantine import Quarantine, Record
from xds.resource import Resource, resource
from xds.types import VHDS

HINT = "Error adding/updating cluster(s) {}: no such thing"


def exchange(client: Scripted, type_url: str) -> Exchange:
    return next(e for e in client.stream.exchanges() if e.type_url == type_url)


def quarantined(client: Scripted) -> list[str]:
    return [each.name for e in client.stream.exchanges() for each in e.quarantined]


def respond(client: Scripted, responses: list[Response], bad: set[str]) -> list[list[str]]:
    """Reject all that has one of these names in it, accept the rest; what was sent."""
    seen: list[list[str]] = []
    while responses:
        response = responses.pop(0)
        seen.append(names(response))
        answer = client.nack if bad.intersection(names(response)) else client.ack
        responses.extend(answer(response))
    return seen


def host(name: str, *domains: str) -> Resource:
    """The virtual host `80/NAME` of NAME.test and these."""
    message = VirtualHost(name=f"80/{name}", domains=[f"{name}.test", *domains])
    return resource(VHDS, f"80/{name}", message)


def record(quarantine: Quarantine, node: str, *, release: str = "1", who: str = "") -> Record:
    return quarantine.record(node, release=release, principal=who or None)
