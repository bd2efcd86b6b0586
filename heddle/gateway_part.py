"""What one gateway workload has of its own, as it was last published, and what a change makes of
it.

A virtual host is translated again only where something about it has changed: a gateway may have
thousands.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from crds.meta import Key
from heddle.delta import Delta
from heddle.encode import Encoded, encode, stamped
from heddle.inline_routes import InlineRoutes
from heddle.stamps import NO_STAMPS, Stamps
from mesh.advance import Dirty
from mesh.gateway_routes import GatewayHost, merged_hosts, server_hosts
from mesh.gateway_servers import Family, GatewayServer, servers_for
from mesh.mesh import Mesh
from mesh.proxy import Proxy
from translator.translate_gateway import Served, frame, served, virtual_host
from xds.publisher import PartChange
from xds.resource import Resource
from xds.types import VHDS


@dataclass(frozen=True, slots=True)
class GatewayKey:
    """Listeners and routes of a gateway workload: all pods of a Deployment share them, those that
    are about to end others. `address` is set in proxy-port mode only.
    """

    namespace: str
    service_account: str
    labels: frozenset[tuple[str, str]]
    address: str
    named_ports: tuple[tuple[str, int], ...]
    draining: bool
    inline: bool = False


def gateway_key(proxy: Proxy, *, inline: bool = False) -> GatewayKey:
    """The gateway workload that a proxy belongs to."""
    return GatewayKey(
        namespace=proxy.namespace,
        service_account=proxy.service_account,
        labels=frozenset(proxy.labels.items()),
        address=proxy.address,
        named_ports=proxy.named_ports,
        draining=proxy.draining,
        inline=inline,
    )


class GatewayPart:
    """The listeners, route configurations and virtual hosts of one gateway workload."""

    def __init__(self, proxy: Proxy, stamps: Stamps = NO_STAMPS, *, inline: bool = False) -> None:
        """`inline`: virtual hosts are sent within their route configurations."""
        self.proxy = proxy
        self._stamps = stamps
        self._inline = InlineRoutes() if inline else None
        self._served: Served | None = None
        self._frame: Encoded = {}
        self._bound: dict[str, frozenset[Key]] = {}
        """The VirtualServices of each Gateway that selects the workload, by its name."""
        self._listed: dict[tuple[Key, int], tuple[GatewayHost, ...]] = {}
        """The hosts of each server, by its Gateway and its place there."""
        self._hosts: dict[tuple[str, str], _Host] = {}
        """By route configuration and host."""

    def update(self, mesh: Mesh, dirty: Dirty) -> PartChange | None:
        """What `dirty` makes different; nothing if it does not concern this gateway."""
        everything = dirty.everything or self._served is None
        guarded = dirty.every_inbound or self.proxy.namespace in dirty.inbound
        moved = everything or dirty.gateways or guarded
        touched = frozenset(self._touched(mesh, dirty.gateway_routes))
        if not moved and not touched:
            return None
        if moved or self._served is None:
            self._served = served(mesh, self.proxy)
            self._listed.clear()
            servers = servers_for(mesh.gateways, self.proxy.labels)
            self._bound = {server.gateway_name: _NONE for server in servers}
        index = mesh.virtual_services.gateways
        self._bound = {name: index.get(name, _NONE) for name in self._bound}
        delta = Delta()
        if moved or _carries(self._served, touched):
            framed = frame(mesh, self.proxy, self._served, vhds=self._inline is None)
            made = encode(framed, self._stamps)
            delta.replace(self._frame, made)
            self._frame = made
        stale = None if everything else dirty.gateway_routes
        delta.replace(*self._rehosted(mesh, self._served, touched, stale))
        done = delta.done()
        return self._inline.fold(done) if self._inline else done

    def _touched(self, mesh: Mesh, stale: Collection[Key]) -> Iterator[str]:
        """The Gateways that had, or have, one of these VirtualServices."""
        if not stale:
            return
        index = mesh.virtual_services.gateways
        for name, before in self._bound.items():
            if not before.isdisjoint(stale) or not index.get(name, _NONE).isdisjoint(stale):
                yield name

    def _rehosted(
        self, mesh: Mesh, given: Served, touched: Collection[str], stale: Collection[Key] | None
    ) -> tuple[Encoded, Encoded]:
        """The virtual hosts that are no longer, or no longer the same, and what they are now;
        without `stale` VirtualServices all are looked at.
        """
        old, self._hosts = self._hosts, {}
        for table in given.tables:
            listed = (self._list(mesh, server, touched) for server in table.servers)
            for host in merged_hosts(listed):
                place = (table.name, host.host)
                known = old.get(place)
                if known is None or stale is None or known.is_stale(host, stale):
                    known = self._made(mesh, table.name, host)
                self._hosts[place] = known
        before = {h.made.name: h.made for h in old.values() if h.made is not None}
        after = {h.made.name: h.made for h in self._hosts.values() if h.made is not None}
        gone = {name: made for name, made in before.items() if name not in after}
        come = {name: made for name, made in after.items() if before.get(name) is not made}
        return {VHDS: gone}, {VHDS: come}

    def _list(
        self, mesh: Mesh, server: GatewayServer, touched: Collection[str]
    ) -> tuple[GatewayHost, ...]:
        key = (server.gateway, server.index)
        if key not in self._listed or server.gateway_name in touched:
            self._listed[key] = server_hosts(mesh, self.proxy.namespace, server)
        return self._listed[key]

    def _made(self, mesh: Mesh, table: str, host: GatewayHost) -> "_Host":
        made = virtual_host(mesh, self.proxy, table, host)
        if made is None:
            return _Host(host)
        return _Host(host, stamped(VHDS, made.name, made, self._stamps))


_NONE: frozenset[Key] = frozenset()


@dataclass(frozen=True, slots=True)
class _Host:
    """A host, and what was made of it, if anything."""

    host: GatewayHost
    made: Resource | None = None

    def is_stale(self, now: GatewayHost, stale: Collection[Key]) -> bool:
        """Whether it is to be made again: it is another host, or one of its rules is another."""
        if self.host is not now and self.host != now:
            return True
        return any(by.virtual_service in stale for by in now.routed_by)


def _carries(given: Served, gateways: Collection[str]) -> bool:
    """Whether one of these Gateways has a server whose connections VirtualServices lead."""
    return any(
        server.gateway_name in gateways
        for listener in given.servers.listeners
        if listener.family is not Family.HTTP
        for server in listener.servers
        if not server.server.is_https
    )
