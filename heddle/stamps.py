"""Where the objects of a resource are written, told in the resource itself (docs/adr/0017).

Generations and lines move by edits that are not about a resource, and what differs in one byte
Envoy replaces or drains. So they are no part of its version: what is sent says where its objects
stood when it last changed, and is not sent again because they moved.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.listener.v3.listener_components_pb2 import FilterChain
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.route.v3.route_components_pb2 import Route, VirtualHost
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from envoy.extensions.filters.http.rbac.v3.rbac_pb2 import RBAC as HttpRBAC
from envoy.extensions.filters.network.rbac.v3.rbac_pb2 import RBAC as NetworkRBAC
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct

from crds.meta import Key
from explain.authorization import rule_source
from translator.http_messages import HttpConnectionManager
from translator.names import chain_port, parse_cluster
from translator.provenance import HEDDLE, decisive

GENERATION: Final = "generation"
WRITTEN: Final = "written"
"""`file:line`."""
SERVICE: Final = "service"
"""Of what leads to the workload: the Service behind it."""
POLICIES: Final = "policies"
"""Of what takes calls: the rules of its RBAC filters."""
STAMPS: Final = (GENERATION, WRITTEN, SERVICE, POLICIES)
"""The fields of the metadata `heddle` that are no part of a resource's version, but for the
`generation` of a route, which is.
"""
_OBJECT: Final = "object"
_RBAC: Final = b"filters.http.rbac"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """Which generation of an object it is, 0 if it has none, and the file and line that it starts
    at, if it is from a file.
    """

    generation: int = 0
    written: str = ""


UNWRITTEN = Stamp()


def unwritten(_: Key) -> Stamp:
    """Nothing is known of any object."""
    return UNWRITTEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamps:
    """What is known of objects; `services` lead to the ports of the workload that it is about."""

    of: Callable[[Key], Stamp] = unwritten
    services: Mapping[int, Key] = field(default_factory=dict)

    def put(self, message: Message) -> None:
        """Says it in the message and its parts. A message that has no metadata stays as it is."""
        match message:
            case Cluster():
                self._put_cluster(message)
            case VirtualHost():
                self._put_virtual_host(message)
            case RouteConfiguration():
                for host in message.virtual_hosts:
                    self._put_virtual_host(host)
            case Listener():
                for chain in message.filter_chains:
                    self._put_chain(chain)
                if message.HasField("default_filter_chain"):
                    self._put_chain(message.default_filter_chain)

    def _put_cluster(self, cluster: Cluster) -> None:
        self._put_named(cluster)
        name = parse_cluster(cluster.name) if self.services else None
        if name is not None and name.direction == "inbound":
            self._put_service(cluster, name.port)

    def _put_virtual_host(self, host: VirtualHost) -> None:
        self._put_named(host)
        for route in host.routes:
            self._put_named(route)

    def _put_chain(self, chain: FilterChain) -> None:
        self._put_named(chain)
        self._put_requests(chain, chain_port(chain.name))
        stamps = {name: self.of(rule_source(name).object) for name in sorted(_policies(chain))}
        known = {name: stamp for name, stamp in stamps.items() if stamp != UNWRITTEN}
        if known:
            policies = _ours(chain).fields[POLICIES].struct_value
            for name, stamp in known.items():
                _say(policies.fields[name].struct_value, stamp)

    def _put_requests(self, chain: FilterChain, port: int) -> None:
        """Of what leads to a port of the workload: also in the routes within the chain."""
        if port not in self.services:
            return
        self._put_service(chain, port)
        for each in chain.filters:
            if each.typed_config.Is(HttpConnectionManager.DESCRIPTOR):
                manager = HttpConnectionManager.FromString(each.typed_config.value)
                for host in manager.route_config.virtual_hosts:
                    self._put_service(host, port)
                    for route in host.routes:
                        self._put_service(route, port)
                each.typed_config.value = manager.SerializeToString(deterministic=True)

    def _put_named(self, part: "_Part") -> None:
        """Of the object that has a say in it, or else of the one that it stands for."""
        key = decisive(part.metadata) if part.HasField("metadata") else None
        stamp = UNWRITTEN if key is None else self.of(key)
        if stamp != UNWRITTEN:
            _say(_ours(part), stamp)

    def _put_service(self, part: "_Part", port: int) -> None:
        key = self.services.get(port)
        if key is not None:
            service = _ours(part).fields[SERVICE].struct_value
            service.fields[_OBJECT].string_value = str(key)
            _say(service, self.of(key))


NO_STAMPS = Stamps()
_Part = Cluster | VirtualHost | Route | FilterChain


def _ours(part: _Part) -> Struct:
    return part.metadata.filter_metadata[HEDDLE]


def _say(fields: Struct, stamp: Stamp) -> None:
    if stamp.generation:
        fields.fields[GENERATION].number_value = stamp.generation
    if stamp.written:
        fields.fields[WRITTEN].string_value = stamp.written


def _policies(chain: FilterChain) -> Iterator[str]:
    """The names of the policies of all RBAC filters in it."""
    for each in chain.filters:
        carried = each.typed_config
        if carried.Is(NetworkRBAC.DESCRIPTOR):
            network = NetworkRBAC.FromString(carried.value)
            yield from (*network.rules.policies, *network.shadow_rules.policies)
        elif _RBAC in carried.value and carried.Is(HttpConnectionManager.DESCRIPTOR):
            for inner in HttpConnectionManager.FromString(carried.value).http_filters:
                if inner.typed_config.Is(HttpRBAC.DESCRIPTOR):
                    http = HttpRBAC.FromString(inner.typed_config.value)
                    yield from (*http.rules.policies, *http.shadow_rules.policies)
