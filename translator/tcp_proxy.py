"""The network filters that carry connections without routing what is in them."""

from collections.abc import Sequence

from envoy.config.accesslog.v3.accesslog_pb2 import AccessLog
from envoy.config.listener.v3.listener_components_pb2 import Filter
from envoy.extensions.filters.network.mongo_proxy.v3.mongo_proxy_pb2 import MongoProxy
from envoy.extensions.filters.network.tcp_proxy.v3.tcp_proxy_pb2 import TcpProxy
from envoy.type.v3.hash_policy_pb2 import HashPolicy

from crds.connection_pool import TCPSettings
from crds.destination_rule import TunnelSettings
from mesh.destinations import NO_POLICY, Policy
from mesh.routing import Missing, Target
from mesh.services import Protocol
from translator import dynamic_dns, names, pb
from translator.access_log import access_log
from translator.hash_policy import consistent_hash
from translator.shares import Share, shares

_NO_TCP = TCPSettings()


def to_cluster(cluster: str, *, logged: bool = False) -> Filter:
    """Everything to one cluster."""
    return _filter(TcpProxy(stat_prefix=cluster, cluster=cluster, access_log=_log(logged)))


def to_targets(targets: Sequence[Target | Missing], *, logged: bool = False) -> Filter:
    """To each destination its share of the connections; to the blackhole if there is none.

    Timeouts and hashing are those of the first destination: Envoy has one of each for the filter.
    """
    parts = shares(targets)
    if not parts:
        return to_cluster(names.BLACKHOLE, logged=logged)
    policy = next((part.target.policy for part in parts if part.target), NO_POLICY)
    only = parts[0].cluster if len(parts) == 1 else None
    tcp = _settings(policy)
    longest = tcp.max_connection_duration
    return _filter(
        TcpProxy(
            stat_prefix=parts[0].cluster,
            cluster=only,
            weighted_clusters=None if only else _weighted(parts),
            idle_timeout=None if tcp.idle_timeout is None else pb.duration(tcp.idle_timeout),
            max_downstream_connection_duration=pb.positive_duration(longest) if longest else None,
            hash_policy=_hash_policy(policy),
            tunneling_config=_tunnel(policy.tunnel) if policy.tunnel else None,
            access_log=_log(logged),
        )
    )


def of_port(
    protocol: Protocol, targets: Sequence[Target | Missing], *, logged: bool = False
) -> tuple[Filter, ...]:
    """The network filters of a port. MongoDB is looked at in passing, for its statistics; MySQL and
    Redis are not (istio-api.md S-40). Where the TLS greeting says where to go, that is looked up
    first.
    """
    parts = shares(targets)
    stats = parts[0].cluster if parts else names.BLACKHOLE
    named = next((p.target.named_port for p in parts if p.target and p.target.named_port), 0)
    lookup = (dynamic_dns.by_server_name(named),) if named else ()
    return (*observers(protocol, stats), *lookup, to_targets(targets, logged=logged))


def observers(protocol: Protocol, stat_prefix: str) -> tuple[Filter, ...]:
    """The filters that only look at what passes, by the protocol of the port."""
    if protocol is not Protocol.MONGO:
        return ()
    proxy = MongoProxy(stat_prefix=stat_prefix)
    return (Filter(name="envoy.filters.network.mongo_proxy", typed_config=pb.any_of(proxy)),)


def _filter(proxy: TcpProxy) -> Filter:
    return Filter(name="envoy.filters.network.tcp_proxy", typed_config=pb.any_of(proxy))


def _log(logged: bool) -> tuple[AccessLog, ...]:
    return (access_log(),) if logged else ()


def _weighted(parts: Sequence[Share]) -> TcpProxy.WeightedCluster:
    return TcpProxy.WeightedCluster(
        clusters=[
            TcpProxy.WeightedCluster.ClusterWeight(name=part.cluster, weight=part.weight)
            for part in parts
        ]
    )


def _settings(policy: Policy) -> TCPSettings:
    return (policy.listener_pool.tcp if policy.listener_pool else None) or _NO_TCP


def _tunnel(tunnel: TunnelSettings) -> TcpProxy.TunnelingConfig:
    """The destination is an HTTP proxy then, which is asked to go on to the target."""
    host = f"[{tunnel.target_host}]" if ":" in tunnel.target_host else tunnel.target_host
    return TcpProxy.TunnelingConfig(
        hostname=pb.text(names.host_port(host, tunnel.target_port)),
        use_post=tunnel.protocol == "POST",
    )


def _hash_policy(policy: Policy) -> tuple[HashPolicy, ...]:
    """The client's address is all that a connection has to hash."""
    asked = consistent_hash(policy)
    if asked is None or not asked.use_source_ip:
        return ()
    return (HashPolicy(source_ip=HashPolicy.SourceIp()),)
