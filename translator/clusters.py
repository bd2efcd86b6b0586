"""Clusters: one for each port of a service and of each of its subsets, one for each port of the
workload itself, and the three that take what belongs to no service.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.core.v3.address_pb2 import BindConfig, ExtraSourceAddress, SocketAddress
from envoy.config.core.v3.base_pb2 import Metadata
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment
from google.protobuf.duration_pb2 import Duration as DurationMessage

from crds.destination_rule import ConnectionPoolSettings, TcpKeepalive
from crds.fields import EMPTY
from crds.http_retry import HTTPRetry
from crds.load_balancer import NO_LOCALITY_SETTING, LocalityLoadBalancerSetting
from crds.mesh_config import CertificateSource
from crds.meta import Key
from crds.scalars import Duration
from mesh import hosts
from mesh.client_tls import is_closed
from mesh.destinations import Policy
from mesh.endpoints import Endpoint
from mesh.localities import Place
from mesh.locality_balance import LocalityBalance, locality_balance
from mesh.protection import LOCAL_DOMAIN
from mesh.services import Port, Protocol, Resolution, Service
from translator import client_tls, dynamic_dns, load_balancing, names, pb, traffic_policy
from translator.cluster_security import UNKNOWN, Callee, Side, security
from translator.endpoints import load_assignment
from translator.provenance import metadata

INBOUND_SOURCE = "127.0.0.6"
INBOUND_IPV6_SOURCE = "::6"
"""The address from which the sidecar calls its own workload; the interception rules let it through.
"""


_CONNECT_TIMEOUT = Duration(10_000_000_000)
_SHORTEST_REFRESH = Duration(1_000_000_000)
_DNS_REFRESH_RATE = Duration(60_000_000_000)


_TYPES = {
    Resolution.CLIENT_SIDE: Cluster.EDS,
    Resolution.DNS: Cluster.STRICT_DNS,
    Resolution.DNS_ROUND_ROBIN: Cluster.LOGICAL_DNS,
    Resolution.NONE: Cluster.ORIGINAL_DST,
    Resolution.DYNAMIC_DNS: None,
}
"""`None` is the dynamic forward proxy, which is none of Envoy's own types."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What the mesh settings say of every cluster, and of retries on routes that do not. `http2`:
    HTTP/1.1 is sent on as HTTP/2. `domains` are the trust domains; `automatic_tls` secures what
    stays in the mesh, with certificates from `source`.
    """

    connect_timeout: Duration = _CONNECT_TIMEOUT
    dns_refresh_rate: Duration = _DNS_REFRESH_RATE
    http2: bool = False
    locality: LocalityLoadBalancerSetting = NO_LOCALITY_SETTING
    tcp_keepalive: TcpKeepalive | None = None
    retries: HTTPRetry | None = None
    domains: tuple[str, ...] = (LOCAL_DOMAIN,)
    automatic_tls: bool = True
    source: CertificateSource = CertificateSource.HEDDLE


DEFAULTS = Defaults()


def outbound_cluster(
    service: Service,
    port: Port,
    subset: str,
    policy: Policy,
    defaults: Defaults = DEFAULTS,
    *,
    endpoints: Iterable[Endpoint] = (),
    labels: Mapping[str, str] = EMPTY,
    place: Place | None = None,
    callee: Callee = UNKNOWN,
    rule: Key | None = None,
) -> Cluster:
    """The cluster of a service's port, or of a subset of it (`""`: all endpoints).

    `endpoints`, the subset's `labels` and the clients' `place`, if it matters, are needed where
    Envoy resolves names (DNS) and not read otherwise; a DNS service without any endpoint is its
    own. `rule` is the DestinationRule that has the subset, or else the policy.
    """
    name = names.outbound_cluster(port.number, subset, service.host)
    told = metadata(config=rule, of=service.key)
    if service.subject_alt_names:
        policy = replace(
            policy, tls=client_tls.naming_server(policy.tls, service.subject_alt_names)
        )
    if is_closed(policy):
        return _without_endpoints(name, defaults, told)
    resolved = _resolved(service, port, endpoints, labels)
    type_ = _discovery(service.resolution, policy, len(resolved))
    balancer = policy.load_balancer
    pool = traffic_policy.outbound_pool(
        policy.connection_pool, http2=defaults.http2, keepalive=defaults.tcp_keepalive
    )
    dynamic = type_ is None
    own = dynamic or type_ == Cluster.ORIGINAL_DST
    side = Side(
        service=service,
        port=port,
        subset=subset,
        http2=traffic_policy.speaks_http2(port.protocol, pool),
        addressed=own,
        automatic=defaults.automatic_tls,
        source=defaults.source,
    )
    secured = security(side, policy, callee)
    return Cluster(
        name=name,
        type=type_,
        cluster_type=dynamic_dns.cluster_type() if dynamic else None,
        eds_cluster_config=(
            Cluster.EdsClusterConfig(eds_config=pb.over_ads()) if type_ == Cluster.EDS else None
        ),
        load_assignment=(
            _assignment(name, type_, resolved, locality_balance(policy, defaults.locality), place)
            if _is_dns(type_)
            else None
        ),
        dns_refresh_rate=refresh_rate(defaults) if _is_dns(type_) else None,
        dns_failure_refresh_rate=failure_refresh_rate(defaults) if _is_dns(type_) else None,
        respect_dns_ttl=_is_dns(type_),
        dns_lookup_family=Cluster.V4_PREFERRED if _is_dns(type_) else Cluster.AUTO,
        connect_timeout=traffic_policy.connect_timeout(pool, defaults.connect_timeout),
        lb_policy=Cluster.CLUSTER_PROVIDED if own else load_balancing.algorithm(balancer),
        ring_hash_lb_config=None if own else load_balancing.ring_hash(balancer),
        maglev_lb_config=None if own else load_balancing.maglev(balancer),
        least_request_lb_config=None if own else load_balancing.least_request(balancer),
        round_robin_lb_config=None if own else load_balancing.round_robin(balancer),
        common_lb_config=Cluster.CommonLbConfig(
            healthy_panic_threshold=traffic_policy.panic_threshold(policy.outlier_detection),
            locality_weighted_lb_config=None if own else _weighted_localities(policy, defaults),
        ),
        circuit_breakers=traffic_policy.circuit_breakers(pool, policy.retry_budget),
        outlier_detection=traffic_policy.outlier_detection(policy.outlier_detection),
        upstream_connection_options=traffic_policy.connection_options(pool),
        typed_extension_protocol_options=traffic_policy.protocol_options(
            port.protocol, pool, policy.outlier_detection, policy.tls
        ),
        transport_socket=secured.socket,
        transport_socket_matches=secured.matches,
        metadata=told,
    )


def _assignment(
    name: str,
    type_: Cluster.DiscoveryType.ValueType | None,
    endpoints: tuple[Endpoint, ...],
    balance: LocalityBalance | None,
    place: Place | None,
) -> ClusterLoadAssignment:
    """LOGICAL_DNS has one endpoint, always."""
    if type_ == Cluster.LOGICAL_DNS or place is None:
        return load_assignment(name, endpoints, EMPTY)
    return load_assignment(name, endpoints, EMPTY, balance, place)


def _weighted_localities(
    policy: Policy, defaults: Defaults
) -> Cluster.CommonLbConfig.LocalityWeightedLbConfig | None:
    """Without it Envoy does not read the weights of localities."""
    balance = locality_balance(policy, defaults.locality)
    if balance is None or not balance.distribute:
        return None
    return Cluster.CommonLbConfig.LocalityWeightedLbConfig()


def has_assignment(policy: Policy) -> bool:
    """Whether the endpoints of a service that the mesh knows are sent, and used."""
    return not (is_closed(policy) or load_balancing.is_passthrough(policy.load_balancer))


def _discovery(
    resolution: Resolution, policy: Policy, resolved: int
) -> Cluster.DiscoveryType.ValueType | None:
    if load_balancing.is_passthrough(policy.load_balancer):
        return Cluster.ORIGINAL_DST
    if resolution is Resolution.DNS_ROUND_ROBIN and resolved != 1:
        return Cluster.STRICT_DNS  # Envoy refuses LOGICAL_DNS unless it has exactly one endpoint
    return _TYPES[resolution]


def _is_dns(type_: Cluster.DiscoveryType.ValueType | None) -> bool:
    return type_ in (Cluster.STRICT_DNS, Cluster.LOGICAL_DNS)


def refresh_rate(defaults: Defaults) -> DurationMessage:
    """How often Envoy asks for the addresses of a name."""
    return pb.duration(max(defaults.dns_refresh_rate, _SHORTEST_REFRESH))


def failure_refresh_rate(defaults: Defaults) -> Cluster.RefreshRate:
    """A name that is not known yet is asked for again soon, and then ever less often: Envoy would
    wait for a whole period.
    """
    return Cluster.RefreshRate(
        base_interval=pb.duration(_SHORTEST_REFRESH), max_interval=refresh_rate(defaults)
    )


def _resolved(
    service: Service, port: Port, endpoints: Iterable[Endpoint], labels: Mapping[str, str]
) -> tuple[Endpoint, ...]:
    """What Envoy resolves: the endpoints of the subset, or the service's own name if it has
    none.
    """
    known = tuple(endpoints)
    if not known and not hosts.is_wildcard(service.host):
        target = port.target if isinstance(port.target, int) else port.number
        return (Endpoint(address=service.host, port=target),)
    chosen = tuple(one for one in known if labels.items() <= one.labels.items())
    return chosen[:1] if service.resolution is Resolution.DNS_ROUND_ROBIN else chosen


def inbound_cluster(
    port: int,
    protocol: Protocol,
    *,
    address: str | None = None,
    target: int | None = None,
    ipv6: bool = False,
    pool: ConnectionPoolSettings | None = None,
    sidecar: Key | None = None,
    defaults: Defaults = DEFAULTS,
) -> Cluster:
    """The workload's own port, for which `sidecar` may have a listener. With `address` (proxy-port
    mode, the loopback or a Unix socket) it is called there, otherwise at the connection's own
    destination, which with `ipv6` may be an IPv6 address; at the port `target`, if that is another.
    """
    name = names.inbound_cluster(port)
    pool = traffic_policy.inbound_pool(pool)
    own = address is None
    target = port if target is None else target
    return Cluster(
        name=name,
        type=Cluster.ORIGINAL_DST if own else Cluster.STATIC,
        lb_policy=Cluster.CLUSTER_PROVIDED if own else Cluster.ROUND_ROBIN,
        load_assignment=(
            None
            if address is None
            else load_assignment(name, (Endpoint(address=address, port=target),), EMPTY)
        ),
        original_dst_lb_config=(
            Cluster.OriginalDstLbConfig(upstream_port_override=pb.uint32(target))
            if own and target != port
            else None
        ),
        upstream_bind_config=_bind_to_source(ipv6) if own else None,
        connect_timeout=traffic_policy.connect_timeout(pool, defaults.connect_timeout),
        circuit_breakers=traffic_policy.circuit_breakers(pool),
        upstream_connection_options=traffic_policy.connection_options(pool),
        typed_extension_protocol_options=traffic_policy.protocol_options(protocol, pool),
        metadata=metadata(of=sidecar),
    )


def _bind_to_source(ipv6: bool) -> BindConfig:
    """Envoy takes the source that is of the destination's family."""
    other = SocketAddress(address=INBOUND_IPV6_SOURCE, port_value=0)
    return BindConfig(
        source_address=SocketAddress(address=INBOUND_SOURCE, port_value=0),
        extra_source_addresses=(ExtraSourceAddress(address=other),) if ipv6 else (),
    )


def passthrough_cluster(defaults: Defaults = DEFAULTS) -> Cluster:
    """Takes what belongs to no service to where the client meant it to go."""
    return _original_destination(names.PASSTHROUGH, defaults, None)


def inbound_passthrough_cluster(defaults: Defaults = DEFAULTS, *, ipv6: bool = False) -> Cluster:
    """Takes what arrives on a port of no service to the workload."""
    return _original_destination(names.INBOUND_PASSTHROUGH, defaults, _bind_to_source(ipv6))


def _original_destination(name: str, defaults: Defaults, source: BindConfig | None) -> Cluster:
    return Cluster(
        name=name,
        type=Cluster.ORIGINAL_DST,
        lb_policy=Cluster.CLUSTER_PROVIDED,
        upstream_bind_config=source,
        connect_timeout=pb.positive_duration(defaults.connect_timeout),
        circuit_breakers=traffic_policy.circuit_breakers(None),
        typed_extension_protocol_options=traffic_policy.downstream_protocol_options(),
    )


def blackhole_cluster(defaults: Defaults = DEFAULTS) -> Cluster:
    """Has no endpoint: requests to it get a 503, connections are closed. What does not exist is
    routed here.
    """
    return _without_endpoints(names.BLACKHOLE, defaults)


def _without_endpoints(name: str, defaults: Defaults, told: Metadata | None = None) -> Cluster:
    return Cluster(
        name=name,
        type=Cluster.STATIC,
        connect_timeout=pb.positive_duration(defaults.connect_timeout),
        metadata=told,
    )
