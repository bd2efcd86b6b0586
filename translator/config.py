"""What a proxy holds, as Envoy messages: the output of every translation."""

from collections.abc import Iterable
from dataclasses import dataclass

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.route.v3.route_components_pb2 import VirtualHost
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Messages by kind. Virtual hosts are resources of their own; each belongs to the route
    configuration before its slash.
    """

    clusters: tuple[Cluster, ...] = ()
    endpoints: tuple[ClusterLoadAssignment, ...] = ()
    listeners: tuple[Listener, ...] = ()
    routes: tuple[RouteConfiguration, ...] = ()
    virtual_hosts: tuple[VirtualHost, ...] = ()
    secrets: tuple[Secret, ...] = ()


def joined(configs: Iterable[Config]) -> Config:
    """Several configurations as one, each kind in the order of names: Envoy does not care, readers
    do.
    """
    every = tuple(configs)
    return Config(
        clusters=tuple(sorted((m for c in every for m in c.clusters), key=lambda m: m.name)),
        endpoints=tuple(
            sorted((m for c in every for m in c.endpoints), key=lambda m: m.cluster_name)
        ),
        listeners=tuple(sorted((m for c in every for m in c.listeners), key=lambda m: m.name)),
        routes=tuple(sorted((m for c in every for m in c.routes), key=lambda m: m.name)),
        virtual_hosts=tuple(
            sorted((m for c in every for m in c.virtual_hosts), key=lambda m: m.name)
        ),
        secrets=tuple(sorted((m for c in every for m in c.secrets), key=lambda m: m.name)),
    )
