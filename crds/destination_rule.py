"""DestinationRule: how traffic to a host is balanced, limited and secured. Its messages can all be
imported from here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from crds.connection_pool import (
    ConnectionKeepalive,
    ConnectionPoolSettings,
    H2UpgradePolicy,
    HTTPSettings,
    OutlierDetection,
    TcpKeepalive,
    TCPSettings,
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
)
from crds.meta import Meta
from crds.problem import Problem
from crds.scalars import Duration

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


class TLSmode(StrEnum):
    """How the client secures the connection; ISTIO_MUTUAL uses the mesh's own certificates."""

    DISABLE = "DISABLE"
    SIMPLE = "SIMPLE"
    MUTUAL = "MUTUAL"
    ISTIO_MUTUAL = "ISTIO_MUTUAL"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientTLSSettings:
    """Paths are in the proxy's container; `credential_name` is a Secret."""

    mode: TLSmode = TLSmode.DISABLE
    client_certificate: str = ""
    private_key: str = ""
    ca_certificates: str = ""
    credential_name: str = ""
    subject_alt_names: tuple[str, ...] = ()
    sni: str = ""
    insecure_skip_verify: bool | None = None
    ca_crl: str = ""


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
    """Limits retries to a percentage of the active requests (20 if absent)."""

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
class WorkloadSelector:
    """Client workloads with all of these labels."""

    match_labels: Mapping[str, str] = EMPTY


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationRule:
    """`host` may be a short name of the object's own namespace."""

    meta: Meta
    host: str = ""
    traffic_policy: TrafficPolicy | None = None
    subsets: tuple[Subset, ...] = ()
    export_to: tuple[str, ...] = ()
    workload_selector: WorkloadSelector | None = None


def check(destination_rule: DestinationRule) -> Iterator[Problem]:
    """What is wrong with it, as far as it can be told from it alone."""
    yield from ()
