"""A model of Envoy's half of delta ADS, as measured on the real one (xDS rules X-01 to X-130).

It withholds the ACK of clusters until they are warm, asks for endpoints and routes as clusters and
listeners name them, drops virtual hosts of route configurations that it does not hold, ignores the
removals that Envoy ignores, and on a reconnect says what it holds.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field

from envoy.config.route.v3.route_components_pb2 import VirtualHost
from envoy.service.discovery.v3 import discovery_pb2

from xds.types import CDS, EDS, LDS, RDS, VHDS

Request = discovery_pb2.DeltaDiscoveryRequest
Response = discovery_pb2.DeltaDiscoveryResponse


@dataclass
class Held:
    """What the client runs of one type: version and content by name."""

    versions: dict[str, str] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)

    def take(self, response: Response) -> None:
        for entry in response.resources:
            self.versions[entry.name] = entry.version
            self.contents[entry.name] = entry.resource.value

    def drop(self, name: str) -> None:
        self.versions.pop(name, None)
        self.contents.pop(name, None)


class ModelEnvoy:
    """One Envoy, over any number of streams. `send` delivers a request some time later."""

    def __init__(self, send: Callable[[Request], None]) -> None:
        self.send = send
        self.held = {type_url: Held() for type_url in (CDS, EDS, LDS, RDS, VHDS)}
        self.wanted: dict[str, set[str]] = {EDS: set(), RDS: set()}
        self.warming: set[str] = set()
        self.cold: set[str] = set()
        """Clusters that have never been warm."""
        self.withheld: list[tuple[str, set[str]]] = []
        self.opened: set[str] = set()
        self.rejected: set[tuple[str, str, str]] = set()
        self.rejecting = False
        """It rejected something on this stream."""
        self.nonces: set[str] = set()
        self.booted = False
        """Clusters were answered once: listeners are asked for as soon as all are warm."""

    # Connecting

    def connect(self) -> None:
        """Open a new stream: all that was asked on the old one is asked again."""
        before = set(self.opened)
        self.opened.clear()
        self.withheld.clear()
        self.nonces.clear()
        self.rejected.clear()
        self.rejecting = False
        if not self.warming:  # Envoy asks for clusters only once those it has are warm
            self._open(CDS)
        if EDS in before:
            self._open(EDS)
        for type_url in (LDS, RDS, VHDS):
            if type_url in before:
                self._open(type_url)

    def _open(self, type_url: str) -> None:
        self.opened.add(type_url)
        request = Request(
            type_url=type_url,
            resource_names_subscribe=sorted(self.wanted.get(type_url, ())),
            initial_resource_versions=self.held[type_url].versions,
        )
        if len(self.opened) == 1:
            request.node.id = "n"
        self.send(request)

    # Taking responses

    def take(self, response: Response, *, reject: bool = False) -> None:
        """Process one response, and answer it now or when its clusters are warm."""
        self._check(response)
        if reject:
            self.rejecting = True
            self.rejected.update((response.type_url, r.name, r.version) for r in response.resources)
            self.rejected.update((response.type_url, n, "") for n in response.removed_resources)
            self._answer(response, "rejected")
            if response.type_url == CDS:
                self.booted = True
            if response.type_url == EDS:  # a cluster goes on with what it has
                self.warming -= _answered(response)
            self._warmed()
            return
        # What was rejected before and is accepted now is no longer missing.
        self.rejected -= {(response.type_url, r.name, r.version) for r in response.resources}
        if response.type_url == CDS:
            self.booted = True
            self._take_clusters(response)
            return
        if response.type_url == EDS:
            self._take_endpoints(response)
        elif response.type_url == LDS:
            self._take_listeners(response)
        elif response.type_url == RDS:
            self.held[RDS].take(response)  # removals are ignored
            if VHDS not in self.opened and response.resources:
                self._open(VHDS)
        elif response.type_url == VHDS:
            self._take_virtual_hosts(response)
        self._answer(response)
        self._warmed()

    def _check(self, response: Response) -> None:
        sent = [entry.name for entry in response.resources]
        assert len(set(sent)) == len(sent), "X-100: a name twice"
        assert not set(sent) & set(response.removed_resources), "X-100: sent and removed"
        assert response.nonce, "X-20"
        assert response.nonce not in self.nonces, "X-20"
        self.nonces.add(response.nonce)
        assert all(entry.resource.type_url == response.type_url for entry in response.resources)

    def _take_clusters(self, response: Response) -> None:
        held = self.held[CDS]
        self.cold |= {entry.name for entry in response.resources} - held.versions.keys()
        held.take(response)
        for name in response.removed_resources:
            held.drop(name)
            self.warming.discard(name)
            self.cold.discard(name)
        named = {entry.name for entry in response.resources}
        self.warming |= named
        self._subscribe(EDS, add=named, remove=set(response.removed_resources))
        self.withheld.append((response.nonce, named))
        self._warmed()

    def _take_endpoints(self, response: Response) -> None:
        self.held[EDS].take(response)
        self.warming -= _answered(response)

    def _take_listeners(self, response: Response) -> None:
        held = self.held[LDS]
        held.take(response)
        for name in response.removed_resources:
            held.drop(name)
        routes = {json.loads(content)["route"] for content in held.contents.values()}
        self._subscribe(RDS, add=routes - self.wanted[RDS], remove=self.wanted[RDS] - routes)

    def _take_virtual_hosts(self, response: Response) -> None:
        held = self.held[VHDS]
        for entry in response.resources:
            if entry.name.rpartition("/")[0] in self.held[RDS].versions:
                held.versions[entry.name] = entry.version
                held.contents[entry.name] = entry.resource.value
        for name in response.removed_resources:
            held.drop(name)

    def _subscribe(self, type_url: str, *, add: set[str], remove: set[str]) -> None:
        wanted = self.wanted[type_url]
        add, remove = add - wanted, remove & wanted
        self.wanted[type_url] = (wanted | add) - remove
        for name in remove:
            self.held[type_url].drop(name)
            if type_url == RDS:
                for host in [h for h in self.held[VHDS].versions if h.startswith(f"{name}/")]:
                    self.held[VHDS].drop(host)
        if not add and not remove:
            return
        if type_url not in self.opened:
            self._open(type_url)
            return
        self.send(
            Request(
                type_url=type_url,
                resource_names_subscribe=sorted(add),
                resource_names_unsubscribe=sorted(remove),
            )
        )

    def _warmed(self) -> None:
        """X-29, X-130: acknowledge clusters that are warm, but none before an earlier one."""
        self.cold &= self.warming
        while self.withheld and not (self.withheld[0][1] & self.warming):
            nonce, _ = self.withheld.pop(0)
            self.send(Request(type_url=CDS, response_nonce=nonce))
        if self.warming:
            return
        if CDS not in self.opened:
            self._open(CDS)
        if LDS not in self.opened and self.booted:
            self._open(LDS)

    def _answer(self, response: Response, error: str = "") -> None:
        request = Request(type_url=response.type_url, response_nonce=response.nonce)
        if error:
            request.error_detail.message = error
        self.send(request)

    # What it runs

    def clusters(self) -> set[str]:
        """The clusters that it has, warm or not."""
        return set(self.held[CDS].versions)

    def routed(self) -> set[str]:
        """The clusters that its virtual hosts send requests to."""
        hosts = map(VirtualHost.FromString, self.held[VHDS].contents.values())
        return {route.route.cluster for host in hosts for route in host.routes}


def _answered(response: Response) -> set[str]:
    return {entry.name for entry in response.resources} | set(response.removed_resources)
