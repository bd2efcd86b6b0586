"""DestinationRule: how traffic to a host is balanced, limited and secured. Its messages can all be
imported from here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from crds import checks
from crds.client_tls import ClientTLSSettings, TLSmode, check_tls
from crds.connection_pool import (
    ConnectionKeepalive,
    ConnectionPoolSettings,
    H2UpgradePolicy,
    HTTPSettings,
    OutlierDetection,
    TcpKeepalive,
    TCPSettings,
    check_connection_pool,
    check_outlier_detection,
)
from crds.destination import PortSelector
from crds.fields import EMPTY, UInt32
from crds.load_balancer import (
    Attribute,
    BackendUtilization,
    ConsistentHashLB,
    Distribute,
    Failover,
    HTTPCookie,
    LoadBalancerSettings,
    LocalityLoadBalancerSetting,
    MagLev,
    RingHash,
    SimpleLB,
    WarmupConfiguration,
    ZoneAwareLoadBalancerSetting,
    check_load_balancer,
)
from crds.meta import Meta
from crds.names import MAX_PORT, is_ip
from crds.problem import Problem, error, warning
from crds.scalars import Duration
from crds.selector import WorkloadSelector

__all__ = [
    "Attribute",
    "BackendUtilization",
    "ClientTLSSettings",
    "ConnectionKeepalive",
    "ConnectionPoolSettings",
    "ConsistentHashLB",
    "DestinationRule",
    "Distribute",
    "Failover",
    "H2UpgradePolicy",
    "HTTPCookie",
    "HTTPSettings",
    "LoadBalancerSettings",
    "LocalityLoadBalancerSetting",
    "MagLev",
    "OutlierDetection",
    "PortSelector",
    "PortTrafficPolicy",
    "ProxyProtocol",
    "ProxyProtocolVersion",
    "RetryBudget",
    "RingHash",
    "SimpleLB",
    "Subset",
    "TCPSettings",
    "TLSmode",
    "TcpKeepalive",
    "TrafficPolicy",
    "TunnelSettings",
    "WarmupConfiguration",
    "WorkloadSelector",
    "ZoneAwareLoadBalancerSetting",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class TunnelSettings:
    """Tunnels TCP and TLS through an HTTP proxy; no `protocol` means CONNECT."""

    protocol: str = ""
    target_host: str = ""
    target_port: UInt32 = 0


class ProxyProtocolVersion(StrEnum):
    """Of the PROXY header."""

    V1 = "V1"
    V2 = "V2"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyProtocol:
    """Sends a PROXY header to the upstream."""

    version: ProxyProtocolVersion = ProxyProtocolVersion.V1


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryBudget:
    """Limits retries to a percentage of the active requests (20 if absent), or of those within an
    interval.
    """

    percent: float | None = None
    min_retry_concurrency: UInt32 = 0
    budget_interval: Duration | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PortTrafficPolicy:
    """For one port of the service; its blocks replace those of the policy around it."""

    port: PortSelector | None = None
    load_balancer: LoadBalancerSettings | None = None
    connection_pool: ConnectionPoolSettings | None = None
    outlier_detection: OutlierDetection | None = None
    tls: ClientTLSSettings | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficPolicy:
    """The policy of a host or of a subset."""

    load_balancer: LoadBalancerSettings | None = None
    connection_pool: ConnectionPoolSettings | None = None
    outlier_detection: OutlierDetection | None = None
    tls: ClientTLSSettings | None = None
    port_level_settings: tuple[PortTrafficPolicy, ...] = ()
    tunnel: TunnelSettings | None = None
    proxy_protocol: ProxyProtocol | None = None
    retry_budget: RetryBudget | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subset:
    """Endpoints with these labels (none: all), under a name that routes can send to."""

    name: str = ""
    labels: Mapping[str, str] = EMPTY
    traffic_policy: TrafficPolicy | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationRule:
    """`host` may be a short name of the own namespace; with a `workload_selector` it is for what
    these workloads call.
    """

    meta: Meta
    host: str = ""
    traffic_policy: TrafficPolicy | None = None
    subsets: tuple[Subset, ...] = ()
    export_to: tuple[str, ...] = ()
    workload_selector: WorkloadSelector | None = None


MAX_PORT_SETTINGS = 4096


def check(destination_rule: DestinationRule) -> Iterator[Problem]:
    """What is wrong with it, as far as it can be told from it alone."""
    yield from checks.host("spec.host", destination_rule.host)
    if destination_rule.traffic_policy is not None:
        yield from _check_policy("spec.trafficPolicy", destination_rule.traffic_policy)
    for index, subset in enumerate(destination_rule.subsets):
        yield from _check_subset(f"spec.subsets[{index}]", subset)
    names = [subset.name for subset in destination_rule.subsets]
    yield from checks.duplicates("spec.subsets", names, ".name")
    own = destination_rule.meta.namespace
    yield from checks.export_to(destination_rule.export_to, own)
    if destination_rule.workload_selector is not None:
        yield from _check_selector(destination_rule.workload_selector)
        for index, name in enumerate(destination_rule.export_to):
            if name not in (".", own):
                message = "a rule with a workloadSelector is for its own namespace only: write `.`"
                yield error("bad-export", f"spec.exportTo[{index}]", message, name)


def _check_subset(path: str, subset: Subset) -> Iterator[Problem]:
    yield from checks.dns_label(f"{path}.name", subset.name)
    yield from checks.labels(f"{path}.labels", subset.labels)
    if subset.traffic_policy is not None:
        yield from _check_policy(f"{path}.trafficPolicy", subset.traffic_policy)


def _check_selector(selector: WorkloadSelector) -> Iterator[Problem]:
    path = "spec.workloadSelector.matchLabels"
    if not selector.match_labels:
        yield warning("no-labels", path, "is empty: the rule is for all of the namespace")
    yield from checks.labels(path, selector.match_labels)


def _check_policy(path: str, policy: TrafficPolicy) -> Iterator[Problem]:
    if policy == TrafficPolicy():
        yield error("empty", path, "sets nothing: remove it, or give it a setting")
    yield from _check_blocks(path, policy)
    count = len(policy.port_level_settings)
    yield from checks.at_most(f"{path}.portLevelSettings", count, MAX_PORT_SETTINGS)
    for index, port in enumerate(policy.port_level_settings):
        yield from _check_port_policy(f"{path}.portLevelSettings[{index}]", port)
    if policy.tunnel is not None and policy.proxy_protocol is not None:
        yield error("one-of", path, "`tunnel` and `proxyProtocol` exclude each other: keep one")
    if policy.tunnel is not None:
        yield from _check_tunnel(f"{path}.tunnel", policy.tunnel)
    if policy.retry_budget is not None:
        yield from checks.within(f"{path}.retryBudget.percent", policy.retry_budget.percent, 0, 100)


def _check_blocks(path: str, policy: TrafficPolicy | PortTrafficPolicy) -> Iterator[Problem]:
    if policy.load_balancer is not None:
        yield from check_load_balancer(f"{path}.loadBalancer", policy.load_balancer)
    if policy.connection_pool is not None:
        yield from check_connection_pool(f"{path}.connectionPool", policy.connection_pool)
    if policy.outlier_detection is not None:
        yield from check_outlier_detection(f"{path}.outlierDetection", policy.outlier_detection)
    if policy.tls is not None:
        yield from check_tls(f"{path}.tls", policy.tls)


def _check_port_policy(path: str, policy: PortTrafficPolicy) -> Iterator[Problem]:
    if policy.port is None:
        yield error("no-port", f"{path}.port", "is missing: name the port by its number")
    elif not 1 <= policy.port.number <= MAX_PORT:
        message = f"is never matched: a port is 1 to {MAX_PORT}"
        yield warning("impossible-port", f"{path}.port.number", message, policy.port.number)
    if policy == PortTrafficPolicy(port=policy.port):
        message = "sets nothing: give it loadBalancer, connectionPool, outlierDetection or tls"
        yield error("empty", path, message)
    yield from _check_blocks(path, policy)


def _check_tunnel(path: str, tunnel: TunnelSettings) -> Iterator[Problem]:
    if tunnel.protocol not in ("", "CONNECT", "POST"):
        message = "must be CONNECT or POST"
        yield error("bad-protocol", f"{path}.protocol", message, tunnel.protocol)
    if not is_ip(tunnel.target_host):
        yield from checks.host(f"{path}.targetHost", tunnel.target_host, wildcard=False)
    yield from checks.port(f"{path}.targetPort", tunnel.target_port)
