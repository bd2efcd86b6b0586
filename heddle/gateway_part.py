"""What one gateway workload has of its own, as it was last published, and what a change makes of
it.

A virtual host is translated again only where something about it has changed: a gateway may have
thousands.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from crds.meta import Key
from heddle.delta import Delta
from heddle.encode import Encoded, encode
from heddle.inline_routes import InlineRoutes
from mesh.advance import Dirty
from mesh.gateway_servers import servers_for
from mesh.mesh import Mesh
from mesh.proxy import Proxy
from translator.config import Config
from translator.translate_gateway import Place, gateway, place
from xds.publisher import PartChange
from xds.resource import Resource
from xds.types import VHDS


@dataclass(frozen=True, slots=True)
class GatewayKey:
    """Listeners and routes of a gateway workload: all pods of a Deployment share them. `address` is
    set in proxy-port mode only.
    """

    namespace: str
    service_account: str
    labels: frozenset[tuple[str, str]]
    address: str
    named_ports: tuple[tuple[str, int], ...]
    inline: bool = False


def gateway_key(proxy: Proxy, *, inline: bool = False) -> GatewayKey:
    """The gateway workload that a proxy belongs to."""
    return GatewayKey(
        namespace=proxy.namespace,
        service_account=proxy.service_account,
        labels=frozenset(proxy.labels.items()),
        address=proxy.address,
        named_ports=proxy.named_ports,
        inline=inline,
    )


class GatewayPart:
    """The listeners, route configurations and virtual hosts of one gateway workload."""

    def __init__(self, proxy: Proxy, *, inline: bool = False) -> None:
        """`inline`: virtual hosts are sent within their route configurations."""
        self.proxy = proxy
        self._inline = InlineRoutes() if inline else None
        self._frame: Encoded = {}
        self._places: dict[Place, Resource | None] = {}
        self._routed: frozenset[Key] = frozenset()

    def update(self, mesh: Mesh, dirty: Dirty) -> PartChange | None:
        """What `dirty` makes different; nothing if it does not concern this gateway."""
        routed = frozenset(_routed(mesh, self.proxy))
        stale = dirty.gateway_routes & (routed | self._routed)
        everything = dirty.everything or not self._frame
        moved = dirty.gateways or self.proxy.namespace in dirty.inbound
        if not (stale or everything or moved):
            return None
        self._routed = routed
        made = gateway(mesh, self.proxy, vhds=self._inline is None)
        known = {} if everything else self._places
        places = {
            where: known[where]
            if where in known and stale.isdisjoint(_routing(where))
            else self._virtual_host(mesh, where)
            for where in made.places
        }
        delta = Delta()
        frame = encode(made.frame)
        delta.replace(self._frame, frame)
        delta.replace(*_changed(self._places, places, kept=frame[VHDS]))
        self._frame, self._places = frame, places
        done = delta.done()
        return self._inline.fold(done) if self._inline else done

    def _virtual_host(self, mesh: Mesh, where: Place) -> Resource | None:
        host = place(mesh, self.proxy, where)
        if host is None:
            return None
        return next(iter(encode(Config(virtual_hosts=(host,)))[VHDS].values()))


def _routed(mesh: Mesh, proxy: Proxy) -> Iterable[Key]:
    """The VirtualServices that name a Gateway of the workload."""
    names = {server.gateway_name for server in servers_for(mesh.gateways, proxy.labels)}
    for name in names:
        yield from mesh.virtual_services.gateways.get(name, ())


def _routing(where: Place) -> frozenset[Key]:
    return frozenset(by.virtual_service for by in where.host.routed_by)


def _changed(
    old: Mapping[Place, Resource | None],
    new: Mapping[Place, Resource | None],
    *,
    kept: Mapping[str, Resource],
) -> tuple[Encoded, Encoded]:
    """The virtual hosts that are no longer, or no longer the same, and what they are now."""
    before = {made.name: made for made in old.values() if made is not None}
    after = {made.name: made for made in new.values() if made is not None}
    gone = {name: made for name, made in before.items() if name not in after and name not in kept}
    come = {name: made for name, made in after.items() if before.get(name) is not made}
    return {VHDS: gone}, {VHDS: come}
