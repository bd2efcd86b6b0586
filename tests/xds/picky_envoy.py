"""A model of how Envoy rejects, as measured: what it takes of a rejected response nevertheless,
what it then lists when it comes back, and how it says what is wrong.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

from envoy.config.listener.v3 import listener_pb2
from envoy.config.route.v3 import route_components_pb2
from envoy.service.discovery.v3 import discovery_pb2

from xds.types import CDS, EDS, LDS, RDS, VHDS

Request = discovery_pb2.DeltaDiscoveryRequest
Response = discovery_pb2.DeltaDiscoveryResponse
Resource = discovery_pb2.Resource

TYPES = (CDS, EDS, LDS, RDS, VHDS)


@dataclass
class Culprits:
    """Versions of resources that Envoy does not take, and whether its words name them."""

    refused: set[str] = field(default_factory=set)
    """X-103: messages that nothing can be made of."""
    violating: set[str] = field(default_factory=set)
    """X-102: messages that violate a constraint of theirs."""
    telling: bool = True

    def __contains__(self, version: str) -> bool:
        return version in self.refused or version in self.violating


class PickyEnvoy:
    """One Envoy that subscribes to everything, over any number of streams."""

    def __init__(self, culprits: Culprits, routes: Collection[str]) -> None:
        self.culprits = culprits
        self.routes = routes
        self.running: dict[str, dict[str, Resource]] = {type_url: {} for type_url in TYPES}
        """What it works with."""
        self.listed: dict[str, dict[str, str]] = {type_url: {} for type_url in TYPES}
        """What it says that it has: only what it accepted in whole responses."""
        self.rejections = 0

    def requests(self) -> list[Request]:
        """The first requests of a new stream."""
        names = {EDS: sorted(self.running[CDS]), RDS: sorted(self.routes)}
        return [
            Request(
                type_url=type_url,
                resource_names_subscribe=names.get(type_url, ()),
                initial_resource_versions=self.listed[type_url],
            )
            for type_url in TYPES
        ]

    def take(self, response: Response) -> list[Request]:
        """Process a response: the answer, and a subscription if there is one because of it."""
        kind = response.type_url
        answer = Request(type_url=kind, response_nonce=response.nonce)
        before = set(self.running[CDS])
        error = self._violation(response) or self._apply(response)
        if error is None:
            listed = self.listed[kind]
            listed.update((entry.name, entry.version) for entry in response.resources)
            for name in response.removed_resources:
                listed.pop(name, None)
            if kind == VHDS:  # what has no route configuration is accepted and dropped
                for name in [n for n in listed if n not in self.running[VHDS]]:
                    del listed[name]
        else:
            self.rejections += 1
            answer.error_detail.message = error if self.culprits.telling else "something is wrong"
        subscription = Request(
            type_url=EDS,
            resource_names_subscribe=sorted(self.running[CDS].keys() - before),
            resource_names_unsubscribe=sorted(before - self.running[CDS].keys()),
        )
        changed = subscription.resource_names_subscribe or subscription.resource_names_unsubscribe
        for name in subscription.resource_names_unsubscribe:
            self.running[EDS].pop(name, None)
            self.listed[EDS].pop(name, None)
        return [answer, subscription] if changed else [answer]

    def _violation(self, response: Response) -> str | None:
        names = [entry.name for entry in response.resources] + list(response.removed_resources)
        assert len(set(names)) == len(names), "X-100: a name twice"
        for entry in response.resources:
            if entry.version in self.culprits.violating:
                return f'goo.gle/debugstr\nname: "{entry.name}"\n: Proto constraint validation'
        return None

    def _apply(self, response: Response) -> str | None:
        if response.type_url == VHDS:
            return self._apply_virtual_hosts(response)
        running = self.running[response.type_url]
        if response.type_url == LDS:  # its removals first, those of clusters last
            self._remove(response)
        errors = []
        for entry in response.resources:
            if entry.version in self.culprits.refused:
                errors.append(f"{entry.name}: cannot be made")
            elif response.type_url == LDS and self._address_is_taken(entry):
                errors.append(f"{entry.name}: has duplicate address")
            else:
                running[entry.name] = entry
        if response.type_url == CDS:
            self._remove(response)
        return f"Error adding/updating thing(s) {', '.join(errors)}" if errors else None

    def _remove(self, response: Response) -> None:
        for name in response.removed_resources:
            self.running[response.type_url].pop(name, None)

    def _address_is_taken(self, entry: Resource) -> bool:
        return any(
            _address(other) == _address(entry)
            for name, other in self.running[LDS].items()
            if name != entry.name
        )

    def _apply_virtual_hosts(self, response: Response) -> str | None:
        """All or nothing (X-129); a domain belongs to one (X-128)."""
        table = dict(self.running[VHDS])
        for name in response.removed_resources:
            table.pop(name, None)
        for entry in response.resources:
            if entry.version in self.culprits.refused:
                return "missing ): ("
            if entry.name.rpartition("/")[0] in self.running[RDS]:
                table[entry.name] = entry
        seen: set[tuple[str, str]] = set()
        for name, entry in table.items():
            for domain in _domains(entry):
                key = (name.rpartition("/")[0], domain)
                if key in seen:
                    return f"Only unique values for domains are permitted. Duplicate of {domain}"
                seen.add(key)
        self.running[VHDS] = table
        return None

    def domains(self) -> set[str]:
        """The domains that are served."""
        return {domain for entry in self.running[VHDS].values() for domain in _domains(entry)}


def _domains(entry: Resource) -> Collection[str]:
    return list(route_components_pb2.VirtualHost.FromString(entry.resource.value).domains)


def _address(entry: Resource) -> str:
    return str(listener_pb2.Listener.FromString(entry.resource.value).stat_prefix)
