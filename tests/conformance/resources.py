"""What Envoy is given: small, and different from what the translator makes in nothing that matters
to the protocol.
"""

from collections.abc import Iterable
from pathlib import Path

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.core.v3.address_pb2 import Address, Pipe
from envoy.config.core.v3.base_pb2 import DataSource
from envoy.config.core.v3.config_source_pb2 import AggregatedConfigSource, ApiVersion, ConfigSource
from envoy.config.endpoint.v3.endpoint_components_pb2 import (
    Endpoint,
    LbEndpoint,
    LocalityLbEndpoints,
)
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment
from envoy.config.listener.v3.listener_components_pb2 import Filter, FilterChain
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.route.v3.route_components_pb2 import (
    DirectResponseAction,
    Route,
    RouteAction,
    RouteMatch,
    VirtualHost,
)
from envoy.config.route.v3.route_pb2 import RouteConfiguration, Vhds
from envoy.extensions.filters.http.on_demand.v3.on_demand_pb2 import OnDemand
from envoy.extensions.filters.http.router.v3.router_pb2 import Router
from envoy.extensions.filters.network.http_connection_manager.v3 import (
    http_connection_manager_pb2 as hcm,
)
from envoy.extensions.transport_sockets.tls.v3.common_pb2 import TlsCertificate
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import SdsSecretConfig, Secret
from envoy.extensions.transport_sockets.tls.v3.tls_pb2 import CommonTlsContext, DownstreamTlsContext
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

from xds.publisher import PartChange
from xds.resource import Resource, resource
from xds.tls import Certificate
from xds.types import CDS, EDS, LDS, RDS, SDS, VHDS


def over_ads(fetch_timeout_ms: int = 0) -> ConfigSource:
    """A source over the aggregated stream. The timeout 0 is none."""
    return ConfigSource(
        ads=AggregatedConfigSource(),
        resource_api_version=ApiVersion.V3,
        initial_fetch_timeout=Duration(nanos=fetch_timeout_ms * 1_000_000),
    )


def cluster(name: str, version: int = 1, *, fetch_timeout_ms: int = 0) -> Cluster:
    """An EDS cluster; `version` is its timeout, so that each gives other bytes."""
    source = over_ads(fetch_timeout_ms)
    return Cluster(
        name=name,
        type=Cluster.EDS,
        connect_timeout=Duration(seconds=version),
        eds_cluster_config=Cluster.EdsClusterConfig(eds_config=source),
    )


def static_cluster(name: str) -> Cluster:
    """A cluster that is warm at once, and has no endpoint."""
    return Cluster(
        name=name,
        type=Cluster.STATIC,
        connect_timeout=Duration(seconds=1),
        load_assignment=ClusterLoadAssignment(cluster_name=name),
    )


def invalid_cluster(name: str) -> Cluster:
    """A cluster that violates a constraint of its message."""
    made = static_cluster(name)
    made.connect_timeout.seconds = 0
    return made


def refused_cluster(name: str) -> Cluster:
    """A valid message that Envoy cannot make a cluster of."""
    made = static_cluster(name)
    made.lb_policy = Cluster.CLUSTER_PROVIDED
    return made


def endpoints(name: str, upstream: Path | None) -> ClusterLoadAssignment:
    """One endpoint, or none."""
    found = [LbEndpoint(endpoint=Endpoint(address=_pipe(upstream)))] if upstream else []
    localities = [LocalityLbEndpoints(lb_endpoints=found)] if found else []
    return ClusterLoadAssignment(cluster_name=name, endpoints=localities)


def listener(path: Path, routes: str, *, secret: str = "", on_demand: bool = False) -> Listener:
    """A listener of the name of its socket, with its routes over RDS, and TLS with that secret.

    `on_demand`: it asks for virtual hosts that a request needs and that it does not have.
    """
    filters = [hcm.HttpFilter(name="router", typed_config=_any(Router()))]
    if on_demand:
        filters.insert(0, hcm.HttpFilter(name="on_demand", typed_config=_any(OnDemand())))
    manager = hcm.HttpConnectionManager(
        stat_prefix=path.name,
        rds=hcm.Rds(route_config_name=routes, config_source=over_ads()),
        http_filters=filters,
    )
    chain = FilterChain(filters=[Filter(name="http", typed_config=_any(manager))])
    if secret:
        config = SdsSecretConfig(name=secret, sds_config=over_ads())
        context = DownstreamTlsContext(
            common_tls_context=CommonTlsContext(tls_certificate_sds_secret_configs=[config])
        )
        chain.transport_socket.name = "tls"
        chain.transport_socket.typed_config.Pack(context)
    return Listener(name=path.name, address=_pipe(path), filter_chains=[chain])


def routes(name: str, *, header: str = "1") -> RouteConfiguration:
    """Routes whose virtual hosts all come over VHDS; `header` is added to every answer."""
    made = RouteConfiguration(name=name, vhds=Vhds(config_source=over_ads()))
    added = made.response_headers_to_add.add()
    added.header.key, added.header.value = "routes", header
    return made


def host(
    routes_name: str, domain: str, target: str = "", *, domains: Iterable[str] = ()
) -> VirtualHost:
    """The virtual host of a domain: to a cluster, or 404 from Envoy itself."""
    route = Route(match=RouteMatch(prefix="/"))
    if target:
        route.route.CopyFrom(RouteAction(cluster=target))
    else:
        route.direct_response.CopyFrom(DirectResponseAction(status=404))
    return VirtualHost(
        name=f"{routes_name}/{domain}", domains=list(domains) or [domain], routes=[route]
    )


def secret(name: str, pair: Certificate) -> Secret:
    """A certificate and its key, or what pretends to be."""
    return Secret(
        name=name,
        tls_certificate=TlsCertificate(
            certificate_chain=DataSource(inline_bytes=pair.chain),
            private_key=DataSource(inline_bytes=pair.key),
        ),
    )


_TYPES: dict[type[Message], str] = {
    Cluster: CDS,
    ClusterLoadAssignment: EDS,
    Listener: LDS,
    RouteConfiguration: RDS,
    VirtualHost: VHDS,
    Secret: SDS,
}


def named(message: Message) -> tuple[str, Message]:
    """The message with the name that it has as a resource."""
    name = message.cluster_name if isinstance(message, ClusterLoadAssignment) else None
    found = name if name is not None else getattr(message, "name", "")
    return str(found), message


def change(*messages: Message, removed: Iterable[Message] = ()) -> PartChange:
    """One publish: what is there now, and what no longer is."""
    upserts: dict[str, list[Resource]] = {}
    removals: dict[str, list[str]] = {}
    for message in messages:
        kind = _TYPES[type(message)]
        upserts.setdefault(kind, []).append(resource(kind, *named(message)))
    for message in removed:
        removals.setdefault(_TYPES[type(message)], []).append(named(message)[0])
    return PartChange(upserts=upserts, removals=removals)


def _pipe(path: Path) -> Address:
    return Address(pipe=Pipe(path=str(path)))


def _any(message: Message) -> Any:
    packed = Any()
    packed.Pack(message)
    return packed
