"""The parts of all gateways that are held: what each has of its own, and its certificates."""

from collections.abc import Hashable, Iterable, Mapping
from typing import TypeAlias

from heddle.gateway_credentials import CredentialsKey, Secrets
from heddle.gateway_part import GatewayKey, GatewayPart, gateway_key
from mesh.advance import Dirty
from mesh.mesh import Mesh
from mesh.proxy import Proxy
from mesh.store import Change
from xds.publisher import PartChange, Publisher
from xds.types import SDS

GatewayPartKey: TypeAlias = GatewayKey | CredentialsKey


class GatewayParts:
    """The gateways, and the Secrets that their servers name."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._secrets = Secrets()
        self._held: dict[GatewayKey, GatewayPart] = {}

    def update(
        self, mesh: Mesh, changes: Iterable[Change], dirty: Dirty
    ) -> Mapping[Hashable, PartChange]:
        """Takes changes in; what they make different."""
        touched = self._secrets.take(changes)
        made: dict[Hashable, PartChange] = {}
        for key, part in self._held.items():
            change = part.update(mesh, dirty)
            if change is not None:
                made[key] = change
            moved = dirty.gateways or key.namespace in dirty.inbound or key.namespace in touched
            if moved:
                made[CredentialsKey(key)] = self._credentials(mesh, key)
        return made

    def hold(self, mesh: Mesh, proxy: Proxy, *, inline: bool) -> Mapping[Hashable, PartChange]:
        """What is to be published so that a gateway's parts exist."""
        key = gateway_key(proxy, inline=inline)
        if key in self._held:
            return {}
        part = GatewayPart(proxy, inline=inline)
        self._held[key] = part
        made = part.update(mesh, Dirty(everything=True)) or PartChange()
        return {key: made, CredentialsKey(key): self._credentials(mesh, key)}

    def _credentials(self, mesh: Mesh, key: GatewayKey) -> PartChange:
        found = self._secrets.resources(mesh, self._held[key].proxy)
        return self._publisher.difference(CredentialsKey(key), {SDS: found.values()})

    def held(self) -> Mapping[GatewayKey, Proxy]:
        """The gateways that are kept, each with a proxy of the workload."""
        return {key: part.proxy for key, part in self._held.items()}

    def drop(self, key: GatewayKey) -> None:
        """Lets go of a gateway."""
        self._held.pop(key, None)
        self._publisher.drop(key)
        self._publisher.drop(CredentialsKey(key))
