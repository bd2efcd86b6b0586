"""The outbound side of one scope as it was last published, and what a change of some hosts makes of
it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

from crds.fields import EMPTY
from crds.mesh_config import MeshConfig
from heddle.delta import Delta
from heddle.dns_table import DnsNames
from heddle.encode import Encoded, encode
from heddle.host_cache import ABSENT, Host, HostCache
from heddle.inline_routes import InlineRoutes
from heddle.shared_listeners import SharedListeners
from heddle.stamps import NO_STAMPS, Stamps
from mesh.dns_names import dns_names
from mesh.localities import Place
from mesh.mesh import Mesh
from mesh.outgoing import OUTGOING, outgoing
from mesh.scope import Scope
from translator import frames, parts
from translator.config import Config
from translator.secrets import FileSecret
from xds.publisher import PartChange


class Outbound:
    """One scope's hosts and their frame. `update` returns what to publish for its parts:
    configuration, and the endpoints for each place that is held.
    """

    def __init__(self, scope: Scope, stamps: Stamps = NO_STAMPS, *, inline: bool = False) -> None:
        """`inline`: virtual hosts are sent within their route configurations. Of a gateway's scope
        only the clusters are kept.
        """
        self.scope = scope
        self._stamps = stamps
        self._inline = InlineRoutes() if inline else None
        self._hosts: dict[str, Host] = {}
        self._ports: Counter[int] = Counter()
        self._secrets: Counter[FileSecret] = Counter()
        self._frame: Encoded = {}
        self._listeners = SharedListeners(stamps)
        self._dns = DnsNames(scope) if scope.dns else None
        self._outgoing = OUTGOING
        self._placed: dict[Place, dict[str, Encoded]] = {}

    def hold(self, place: Place) -> frozenset[str]:
        """From now on `update` makes endpoints for clients of a place too; the hosts that they are
        still to be made of.
        """
        self._placed.setdefault(place, {})
        return frozenset(self._hosts)

    def release(self, place: Place) -> None:
        """No longer."""
        self._placed.pop(place, None)

    @property
    def places(self) -> tuple[Place, ...]:
        """Those that endpoints are made for."""
        return tuple(self._placed)

    def hosts(self) -> frozenset[str]:
        """Those that the scope sees."""
        return frozenset(self._hosts)

    def sees(self, host: str) -> bool:
        """Whether the scope sees it."""
        return host in self._hosts

    def update(
        self, mesh: Mesh, cache: HostCache, hosts: Iterable[str], *, reframe: bool = False
    ) -> tuple[PartChange, Mapping[Place, PartChange]]:
        """Looks at `hosts` again (and with `reframe` at what they share), and says what has become
        different.
        """
        change, endpoints = Delta(), {place: Delta() for place in self._placed}
        before = self._shared()
        for name in hosts:
            old, new = self._hosts.get(name, ABSENT), self._host(mesh, cache, name)
            self._ports.subtract(old.http_ports)
            self._ports.update(new.http_ports)
            self._secrets.subtract(old.secrets)
            self._secrets.update(new.secrets)
            self._listeners.replace(name, old, new)
            change.replace(old.resources, new.resources)
            if self._dns is not None:
                self._dns.replace(name, dns_names(mesh, new.chosen))
            for place, held in self._placed.items():
                placed = cache.placed(mesh, new, place)
                endpoints[place].replace(held.pop(name, EMPTY), placed)
                if any(placed.values()):
                    held[name] = placed
            if new is ABSENT:
                self._hosts.pop(name, None)
            else:
                self._hosts[name] = new
        after = self._shared()
        reframe |= self._redirected(mesh)
        if reframe or not self._frame or before != after:
            frame = encode(self._made(mesh.config), self._stamps)
            change.replace(self._frame, frame)
            self._frame = frame
        listening = parts.listening(mesh.config, ipv6=self.scope.ipv6, outgoing=self._outgoing)
        for made in self._listeners.remade(after[0], listening, everything=reframe):
            change.replace(*made)
        for made in self._dns.remade() if self._dns is not None else ():
            change.replace(*made)
        done = change.done()
        placements = {place: delta.done() for place, delta in endpoints.items()}
        return self._inline.fold(done) if self._inline else done, placements

    def _host(self, mesh: Mesh, cache: HostCache, name: str) -> Host:
        found = cache.host(mesh, self.scope, name)
        return found.upstream() if self.scope.is_gateway else found

    def _redirected(self, mesh: Mesh) -> bool:
        """Whether unknown traffic goes elsewhere than before."""
        before, self._outgoing = self._outgoing, outgoing(mesh, self.scope)
        return self._outgoing != before

    def _shared(self) -> tuple[frozenset[int], frozenset[FileSecret]]:
        """What the frame is made for: the hosts' ports, and the certificates that they name."""
        return frozenset(+self._ports), frozenset(+self._secrets)

    def _made(self, config: MeshConfig) -> Config:
        ports, secrets = self._shared()
        if self.scope.is_gateway:
            return frames.upstream_frame(config, secrets)
        vhds = self._inline is None
        return frames.frame(
            self.scope.mode,
            ports,
            config,
            outgoing=self._outgoing,
            ipv6=self.scope.ipv6,
            vhds=vhds,
            secrets=secrets,
        )
