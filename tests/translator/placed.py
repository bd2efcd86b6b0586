"""A whole configuration for an Envoy that has no control plane: load assignments and routes are in
place, where they would come over ADS.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.listener.v3.listener_components_pb2 import Filter
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.route.v3.route_pb2 import RouteConfiguration

from translator import pb
from translator.config import Config
from translator.http_messages import HttpConnectionManager
from translator.translate import in_place


def placed(config: Config) -> Config:
    """The same configuration in clusters and listeners alone; the messages may be changed."""
    given = in_place(config)
    routes = {route.name: route for route in given.routes}
    return replace(
        given,
        clusters=tuple(_clusters(given)),
        listeners=tuple(_listener(each, routes) for each in given.listeners),
    )


def _clusters(config: Config) -> Iterator[Cluster]:
    assignments = {each.cluster_name: each for each in config.endpoints}
    for cluster in config.clusters:
        own = Cluster()
        own.CopyFrom(cluster)
        if cluster.type == Cluster.EDS:
            own.type = Cluster.STATIC
            own.ClearField("eds_cluster_config")
            own.load_assignment.CopyFrom(assignments[cluster.name])
        yield own


def _listener(listener: Listener, routes: Mapping[str, RouteConfiguration]) -> Listener:
    own = Listener()
    own.CopyFrom(listener)
    for chain in (*own.filter_chains, own.default_filter_chain):
        for each in chain.filters:
            _put_routes_in_place(each, routes)
    return own


def _put_routes_in_place(each: Filter, routes: Mapping[str, RouteConfiguration]) -> None:
    manager = HttpConnectionManager()
    if not each.typed_config.Unpack(manager) or not manager.HasField("rds"):
        return
    route = RouteConfiguration()
    route.CopyFrom(routes[manager.rds.route_config_name])
    route.ClearField("vhds")
    manager.route_config.CopyFrom(route)
    each.typed_config.CopyFrom(pb.any_of(manager))
