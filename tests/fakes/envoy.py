"""An Envoy that only keeps its configuration: what it asks for, and what it has been given.

Sans-I/O: responses go in, requests come out. It asks as Envoy does (clusters, their endpoints,
listeners once the clusters are warm, the route configurations that they name, virtual hosts), and
accepts everything unless told to `reject`; new clusters once they have their endpoints.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.listener.v3 import listener_pb2
from envoy.config.route.v3 import route_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import (
    http_connection_manager_pb2 as hcm,
)
from envoy.service.discovery.v3 import discovery_pb2

from xds.types import CDS, EDS, LDS, RDS, SDS, VHDS, short_name

Request = discovery_pb2.DeltaDiscoveryRequest
Response = discovery_pb2.DeltaDiscoveryResponse

_KINDS = (CDS, EDS, LDS, RDS, VHDS)
_ALL = (*_KINDS, SDS)


@dataclass(frozen=True, slots=True)
class Push:
    """One response: its type (`cds`, ...), what it brought, what it took."""

    kind: str
    names: tuple[str, ...]
    removed: tuple[str, ...] = ()


class FakeEnvoy:
    """A client of the node `node`. It keeps what it holds when its stream ends."""

    def __init__(self, node: str, metadata: Mapping[str, str] | None = None) -> None:
        """`metadata` is what the node says of itself besides its id."""
        self._metadata = dict(metadata or {})
        self.held: dict[str, dict[str, discovery_pb2.Resource]] = {kind: {} for kind in _ALL}
        self.pushes: list[Push] = []
        """All responses, of all streams."""
        self.reject = ""
        """Answer with this error instead of accepting."""
        self._node = node
        self._asked: dict[str, set[str]] = {}
        self._began: set[str] = set()
        self._withheld: list[Request] = []
        self._without: set[str] = set()
        """Clusters of which it was told that they have no endpoints: they are warm too."""

    def versions(self) -> dict[tuple[str, str], str]:
        """What it holds, by type and name."""
        return {
            (short_name(kind), name): resource.version
            for kind, resources in self.held.items()
            for name, resource in resources.items()
        }

    def connect(self) -> list[Request]:
        """The first requests of a new stream: clusters, or all that it held on the one before."""
        known, self._began = self._began or {CDS}, set()
        self._withheld.clear()
        return [self._first(kind) for kind in _KINDS if kind in known]

    def take(self, response: Response) -> list[Request]:
        """Takes a response; its acknowledgement, and what is asked for because of it."""
        kind = response.type_url
        self.pushes.append(
            Push(
                short_name(kind),
                tuple(resource.name for resource in response.resources),
                tuple(response.removed_resources),
            )
        )
        answer = Request(type_url=kind, response_nonce=response.nonce)
        if self.reject:
            answer.error_detail.code = 13
            answer.error_detail.message = self.reject
            return [answer]
        for name in response.removed_resources:
            self.held[kind].pop(name, None)
        self.held[kind].update((resource.name, resource) for resource in response.resources)
        if kind == EDS:
            self._without.update(response.removed_resources)
            self._without -= self.held[EDS].keys()
        if kind != CDS:
            return [answer, *self._follow(kind)]
        self._withheld.append(answer)
        return self._follow(kind)

    def _follow(self, kind: str) -> list[Request]:
        found: list[Request] = []
        if kind == CDS:
            found += self._subscribe(EDS, self._endpoint_names())
        if kind in (CDS, EDS) and self._warm():
            found += self._withheld
            self._withheld.clear()
            if LDS not in self._began:
                found.append(self._first(LDS))
        if kind == LDS:
            found += self._subscribe(RDS, self._route_names())
        if kind == RDS and VHDS not in self._began and self._wants_virtual_hosts():
            found.append(self._first(VHDS))
        return found

    def _first(self, kind: str) -> Request:
        self._began.add(kind)
        request = Request(
            type_url=kind,
            resource_names_subscribe=sorted(self._asked.get(kind, ())),
            initial_resource_versions={n: r.version for n, r in self.held[kind].items()},
        )
        request.node.id = self._node
        request.node.metadata.update(self._metadata)
        request.node.user_agent_name = "envoy"
        version = request.node.user_agent_build_version.version
        version.major_number, version.minor_number = 1, 40
        return request

    def _subscribe(self, kind: str, names: Iterable[str]) -> list[Request]:
        before, now = self._asked.get(kind, set()), set(names)
        self._asked[kind] = now
        for name in before - now:
            self.held[kind].pop(name, None)
        if kind == EDS:
            self._without &= now
        if kind not in self._began:
            return [self._first(kind)] if now else []
        if before == now:
            return []
        return [
            Request(
                type_url=kind,
                resource_names_subscribe=sorted(now - before),
                resource_names_unsubscribe=sorted(before - now),
            )
        ]

    def _endpoint_names(self) -> Iterable[str]:
        for name, resource in self.held[CDS].items():
            cluster = cluster_pb2.Cluster.FromString(resource.resource.value)
            if cluster.type == cluster_pb2.Cluster.EDS:
                yield cluster.eds_cluster_config.service_name or name

    def _warm(self) -> bool:
        return set(self._endpoint_names()) <= self.held[EDS].keys() | self._without

    def _route_names(self) -> Iterable[str]:
        for resource in self.held[LDS].values():
            listener = listener_pb2.Listener.FromString(resource.resource.value)
            for chain in (*listener.filter_chains, listener.default_filter_chain):
                for each in chain.filters:
                    manager = hcm.HttpConnectionManager()
                    if each.typed_config.Unpack(manager) and manager.HasField("rds"):
                        yield manager.rds.route_config_name

    def _wants_virtual_hosts(self) -> bool:
        return any(
            route_pb2.RouteConfiguration.FromString(resource.resource.value).HasField("vhds")
            for resource in self.held[RDS].values()
        )
