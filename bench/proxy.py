"""One simulated sidecar, without I/O: responses go in, requests come out, as Envoy would send them.

Clusters first, then their endpoints by name, then listeners, then the route configurations that
they name, then one nameless subscription to virtual hosts. It accepts everything. Equal proxies are
sent equal bytes, so what they hold is decoded once for all of them.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.core.v3 import base_pb2
from envoy.config.listener.v3 import listener_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import (
    http_connection_manager_pb2,
)
from envoy.service.discovery.v3 import discovery_pb2

from bench.wire import Envelope, acknowledgement, envelope
from xds.types import CDS, EDS, LDS, RDS, VHDS

NOTHING: Final[frozenset[str]] = frozenset()
_REFERRING: Final = {CDS: EDS, LDS: RDS}
"""What the resources of a type name, and so make a proxy ask for."""
_KEPT_BODIES: Final = 64


class Memory:
    """What equal proxies have in common: the names found in a response, and the requests for them.

    Only clusters and listeners are ever decoded, and each distinct response once.
    """

    def __init__(self) -> None:
        self._names: dict[bytes, frozenset[str]] = {}
        self._requests: dict[tuple[str, frozenset[str]], bytes] = {}
        self._unions: dict[tuple[frozenset[str], frozenset[str]], frozenset[str]] = {}

    def referred(self, body: bytes, head: Envelope) -> frozenset[str]:
        """The endpoints that clusters name, or the route configurations that listeners name."""
        start, end = head.nonce_at
        key = body[:start] + body[end:]
        known = self._names.get(key)
        if known is None:
            if len(self._names) >= _KEPT_BODIES:
                self._names.clear()
            known = self._names[key] = _referred(body, head.type_url)
        return known

    def subscription(self, type_url: str, names: frozenset[str]) -> bytes:
        """The request that asks for these names, or with none for everything."""
        known = self._requests.get((type_url, names))
        if known is None:
            request = discovery_pb2.DeltaDiscoveryRequest(
                type_url=type_url, resource_names_subscribe=sorted(names)
            )
            known = self._requests[type_url, names] = request.SerializeToString()
        return known

    def union(self, one: frozenset[str], other: frozenset[str]) -> frozenset[str]:
        """The names in either, one object for all proxies."""
        known = self._unions.get((one, other))
        if known is None:
            known = self._unions[one, other] = one | other
        return known


class Proxy:
    """`received` counts resources by type; `wanted` is how many of each make it synced."""

    def __init__(self, memory: Memory, wanted: Mapping[str, int], *, inline: bool = False) -> None:
        """`inline`: route configurations have their virtual hosts in them."""
        self._inline = inline
        self._memory = memory
        self._wanted = wanted
        self._asked: dict[str, frozenset[str]] = {}
        self.received: Counter[str] = Counter()

    def hello(self, node: base_pb2.Node) -> bytes:
        """The first request of the stream."""
        self._asked[CDS] = NOTHING
        request = discovery_pb2.DeltaDiscoveryRequest(node=node, type_url=CDS)
        return request.SerializeToString()

    def receive(self, body: bytes) -> tuple[Envelope, list[bytes]]:
        """Takes a response; what it says, and the requests that answer it."""
        head = envelope(body)
        kind = head.type_url
        self.received[kind] += head.resources
        requests = [acknowledgement(kind, head.nonce)]
        named = _REFERRING.get(kind)
        if named is not None:
            requests += self._ask(named, self._memory.referred(body, head))
        elif kind == EDS and LDS not in self._asked and self._is_warm():
            requests += self._ask_all(LDS)
        elif kind == RDS and VHDS not in self._asked and not self._inline:
            requests += self._ask_all(VHDS)
        return head, requests

    def is_synced(self) -> bool:
        """Whether it holds everything that it is to hold at first."""
        return all(self.received[kind] >= number for kind, number in self._wanted.items())

    def _is_warm(self) -> bool:
        """Whether there are endpoints for every cluster: Envoy asks for listeners only then."""
        return self.received[EDS] >= len(self._asked[EDS])

    def _ask(self, kind: str, names: frozenset[str]) -> list[bytes]:
        asked = self._asked.get(kind, NOTHING)
        new = names if not asked else names - asked
        if not new:
            return []
        self._asked[kind] = self._memory.union(asked, new)
        return [self._memory.subscription(kind, new)]

    def _ask_all(self, kind: str) -> list[bytes]:
        self._asked[kind] = NOTHING
        return [self._memory.subscription(kind, NOTHING)]


def node(number: int, namespace: str, labels: Mapping[str, str]) -> base_pb2.Node:
    """A sidecar's node, in Istio's form."""
    made = base_pb2.Node(
        id=f"sidecar~10.{64 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"
        f"~client-{number}.{namespace}~{namespace}.svc.cluster.local",
        user_agent_name="envoy",
    )
    made.user_agent_build_version.version.major_number = 1
    made.user_agent_build_version.version.minor_number = 40
    made.metadata.update({"NAMESPACE": namespace, "LABELS": dict(labels)})
    return made


def _referred(body: bytes, type_url: str) -> frozenset[str]:
    response = discovery_pb2.DeltaDiscoveryResponse.FromString(body)
    found: set[str] = set()
    for resource in response.resources:
        if type_url == CDS:
            found |= _endpoint_names(cluster_pb2.Cluster.FromString(resource.resource.value))
        else:
            found |= _route_names(listener_pb2.Listener.FromString(resource.resource.value))
    return frozenset(found)


def _endpoint_names(cluster: cluster_pb2.Cluster) -> set[str]:
    if cluster.type != cluster_pb2.Cluster.EDS:
        return set()
    return {cluster.eds_cluster_config.service_name or cluster.name}


def _route_names(listener: listener_pb2.Listener) -> set[str]:
    found = set()
    for chain in (*listener.filter_chains, listener.default_filter_chain):
        for each in chain.filters:
            manager = http_connection_manager_pb2.HttpConnectionManager()
            if each.typed_config.Unpack(manager) and manager.HasField("rds"):
                found.add(manager.rds.route_config_name)
    return found
