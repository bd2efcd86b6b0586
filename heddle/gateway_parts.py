"""The parts of all gateways that are held: what each has of its own."""

from collections.abc import Hashable, Mapping

from heddle.gateway_part import GatewayKey, GatewayPart, gateway_key
from heddle.stamps import NO_STAMPS, Stamps
from mesh.advance import Dirty
from mesh.mesh import Mesh
from mesh.proxy import Proxy
from xds.publisher import PartChange, Publisher


class GatewayParts:
    """The gateways."""

    def __init__(self, publisher: Publisher, stamps: Stamps = NO_STAMPS) -> None:
        self._publisher = publisher
        self._stamps = stamps
        self._held: dict[GatewayKey, GatewayPart] = {}

    def update(self, mesh: Mesh, dirty: Dirty) -> Mapping[Hashable, PartChange]:
        """What changes make different."""
        made = {key: part.update(mesh, dirty) for key, part in self._held.items()}
        return {key: change for key, change in made.items() if change is not None}

    def hold(self, mesh: Mesh, proxy: Proxy, *, inline: bool) -> Mapping[Hashable, PartChange]:
        """What is to be published so that a gateway's part exists."""
        key = gateway_key(proxy, inline=inline)
        if key in self._held:
            return {}
        part = GatewayPart(proxy, self._stamps, inline=inline)
        self._held[key] = part
        return {key: part.update(mesh, Dirty(everything=True)) or PartChange()}

    def held(self) -> Mapping[GatewayKey, Proxy]:
        """The gateways that are kept, each with a proxy of the workload."""
        return {key: part.proxy for key, part in self._held.items()}

    def drop(self, key: GatewayKey) -> None:
        """Lets go of a gateway."""
        self._held.pop(key, None)
        self._publisher.drop(key)
