"""What a proxy is to hold, and how much of it the proxy has accepted, resource by resource.

Of a proxy that is connected its own stream says it: what it has subscribed to, and how far it has
come. Of one that is not, what it would be given if it connected now.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from heddle.engine import Engine
from heddle.identity import Held
from mesh.proxy import Proxy
from xds.containment import Quarantined
from xds.publisher import Publisher
from xds.resource import Resource
from xds.status import Client
from xds.types import PUSH_ORDER

_AT_ONCE: Final = 8
"""Hosts that are translated without a pause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A resource that a proxy is to hold. `accepted`: it holds this very content; `rejected`: in
    its own words, why it does not.
    """

    type_url: str
    resource: Resource
    accepted: bool = False
    rejected: str = ""


def of_client(client: Client) -> Iterator[Wanted]:
    """What a client is to hold."""
    for state in client.stream.exchanges():
        refused = {each.name: each for each in state.quarantined}
        for holding in state.holdings():
            yield Wanted(
                type_url=state.type_url,
                resource=holding.resource,
                accepted=holding.accepted,
                rejected=_words(refused.get(holding.resource.name)),
            )


def _words(kept: Quarantined | None) -> str:
    return kept.message if kept is not None else ""


def client_of(clients: Iterable[Client], namespace: str, pod: str) -> Client | None:
    """The newest stream of a pod, as its token named it."""
    found = [
        client
        for client in clients
        if isinstance(client.key, Held) and client.key.pod == (namespace, pod)
    ]
    return found[-1] if found else None


def steps_of_newcomer(
    engine: Engine, publisher: Publisher, proxy: Proxy
) -> Iterator[tuple[Wanted, ...]]:
    """What a proxy would be given now, as the last step; those before it make what nobody held, and
    leave time for others between them.
    """
    while not engine.prepare(proxy, hosts=_AT_ONCE):
        yield ()
    parts = engine.select(proxy)
    yield tuple(
        Wanted(type_url=type_url, resource=resource)
        for type_url in PUSH_ORDER
        for resource in _merged(publisher, parts, type_url).values()
    )


def _merged(publisher: Publisher, parts: Iterable[object], type_url: str) -> Mapping[str, Resource]:
    return {
        name: resource
        for part in parts
        for name, resource in publisher.resources(part, type_url).items()
    }
