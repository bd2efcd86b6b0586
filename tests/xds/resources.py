"""Small resources to publish, and what a response says about them."""

from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.core.v3 import base_pb2
from envoy.config.endpoint.v3 import endpoint_components_pb2, endpoint_pb2
from envoy.config.listener.v3 import listener_pb2
from envoy.config.route.v3 import route_components_pb2, route_pb2
from envoy.extensions.transport_sockets.tls.v3 import secret_pb2
from google.protobuf import duration_pb2

from xds.publisher import PartChange
from xds.resource import Resource, resource
from xds.types import CDS, EDS, LDS, RDS, SDS, VHDS


def cluster(name: str, version: int = 1, *, service: str = "") -> Resource:
    """An EDS cluster; `version` is its timeout, so that each gives other bytes."""
    message = cluster_pb2.Cluster(
        name=name,
        type=cluster_pb2.Cluster.EDS,
        connect_timeout=duration_pb2.Duration(seconds=version),
        eds_cluster_config=cluster_pb2.Cluster.EdsClusterConfig(service_name=service),
    )
    return resource(CDS, name, message)


def static_cluster(name: str) -> Resource:
    """A cluster without EDS."""
    return resource(CDS, name, cluster_pb2.Cluster(name=name, type=cluster_pb2.Cluster.STATIC))


def endpoints(name: str, version: int = 1) -> Resource:
    """A load assignment with `version` localities."""
    localities = [endpoint_components_pb2.LocalityLbEndpoints(priority=n) for n in range(version)]
    return resource(
        EDS, name, endpoint_pb2.ClusterLoadAssignment(cluster_name=name, endpoints=localities)
    )


def listener(name: str, version: int = 1) -> Resource:
    """A listener; `version` is its prefix."""
    return resource(LDS, name, listener_pb2.Listener(name=name, stat_prefix=str(version)))


def route(name: str, version: int = 1) -> Resource:
    """A route configuration without virtual hosts of its own."""
    headers = [f"x-{version}"]
    message = route_pb2.RouteConfiguration(name=name, internal_only_headers=headers)
    return resource(RDS, name, message)


def virtual_host(name: str, cluster_name: str = "", version: int = 1) -> Resource:
    """A virtual host that sends everything to one cluster."""
    routes = [
        route_components_pb2.Route(
            name=str(version),
            match=route_components_pb2.RouteMatch(prefix="/"),
            route=route_components_pb2.RouteAction(cluster=cluster_name),
        )
    ]
    message = route_components_pb2.VirtualHost(name=name, domains=[name], routes=routes)
    return resource(VHDS, name, message)


def secret(name: str, version: int = 1) -> Resource:
    """A secret without anything secret."""
    shown = base_pb2.DataSource(inline_string=str(version))
    generic = secret_pb2.GenericSecret(secret=shown)
    return resource(SDS, name, secret_pb2.Secret(name=name, generic_secret=generic))


def raw(type_url: str, name: str, size: int) -> Resource:
    """A resource of about `size` bytes."""
    return resource(type_url, name, bytes(size))


def upsert(**by_type: list[Resource]) -> PartChange:
    """`upsert(cds=[...], eds=[...])`."""
    return PartChange(upserts={TYPES[name]: found for name, found in by_type.items()})


def remove(**by_type: list[str]) -> PartChange:
    """`remove(cds=["a"])`."""
    return PartChange(removals={TYPES[name]: found for name, found in by_type.items()})


TYPES = {"cds": CDS, "eds": EDS, "lds": LDS, "rds": RDS, "vhds": VHDS, "sds": SDS}


def one_of_everything(version: int = 1) -> PartChange:
    """A resource of each type, which name each other."""
    return upsert(
        cds=[cluster("a", version)],
        eds=[endpoints("a", version)],
        lds=[listener("l", version)],
        rds=[route("80", version)],
        vhds=[virtual_host("80/x", "a", version)],
        sds=[secret("s", version)],
    )
