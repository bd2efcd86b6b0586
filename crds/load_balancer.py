"""The load balancing part of a DestinationRule's traffic policy."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from crds.fields import EMPTY, UInt32, UInt64
from crds.scalars import Duration


class SimpleLB(StrEnum):
    """Algorithms without settings; UNSPECIFIED and LEAST_CONN mean LEAST_REQUEST."""

    UNSPECIFIED = "UNSPECIFIED"
    LEAST_CONN = "LEAST_CONN"
    RANDOM = "RANDOM"
    PASSTHROUGH = "PASSTHROUGH"
    ROUND_ROBIN = "ROUND_ROBIN"
    LEAST_REQUEST = "LEAST_REQUEST"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """An extra attribute of a generated cookie (`SameSite`)."""

    name: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HTTPCookie:
    """Generated if missing and `ttl` is set; 0s makes a session cookie."""

    name: str = ""
    path: str = ""
    ttl: Duration | None = None
    attributes: tuple[Attribute, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RingHash:
    """0 means Envoy's 1024."""

    minimum_ring_size: UInt64 = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MagLev:
    """0 means Envoy's 65537."""

    table_size: UInt64 = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsistentHashLB:
    """Session affinity: what is hashed, and with which algorithm (ring hash if none is named)."""

    ONE_OF: ClassVar = (
        ("http_header_name", "http_cookie", "use_source_ip", "http_query_parameter_name"),
        ("ring_hash", "maglev"),
    )

    http_header_name: str | None = None
    http_cookie: HTTPCookie | None = None
    use_source_ip: bool | None = None
    http_query_parameter_name: str | None = None
    ring_hash: RingHash | None = None
    maglev: MagLev | None = None
    minimum_ring_size: UInt64 = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class WarmupConfiguration:
    """Slow start of new endpoints."""

    duration: Duration | None = None
    minimum_percent: float | None = None
    aggression: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribute:
    """From a client locality `region/zone/subzone` (`*` at the end) to localities, in percent."""

    from_: str = ""
    to: Mapping[str, UInt32] = EMPTY


@dataclass(frozen=True, slots=True, kw_only=True)
class Failover:
    """From one region to the next."""

    from_: str = ""
    to: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalityLoadBalancerSetting:
    """Overrides the mesh's locality settings as a whole."""

    distribute: tuple[Distribute, ...] = ()
    failover: tuple[Failover, ...] = ()
    failover_priority: tuple[str, ...] = ()
    enabled: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneAwareLoadBalancerSetting:
    """Envoy's zone-aware routing within a region."""

    enabled: bool | None = None
    failover: tuple[Failover, ...] = ()
    failover_priority: tuple[str, ...] = ()
    min_cluster_size: UInt64 | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendUtilization:
    """Weights from ORCA load reports. The periods are strings in the CRD, with no rule on them."""

    weight_stabilization_period: str = ""
    weight_expiration_period: str = ""
    weight_update_period: str = ""
    error_utilization_penalty_percent: UInt32 = 0
    metric_names_for_computing_utilization: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadBalancerSettings:
    """`warmup` wins over `warmup_duration_secs`, its older form."""

    ONE_OF: ClassVar = (("simple", "consistent_hash", "backend_utilization"),)

    simple: SimpleLB | None = None
    consistent_hash: ConsistentHashLB | None = None
    backend_utilization: BackendUtilization | None = None
    locality_lb_setting: LocalityLoadBalancerSetting | None = None
    zone_aware_lb_setting: ZoneAwareLoadBalancerSetting | None = None
    warmup_duration_secs: Duration | None = None
    warmup: WarmupConfiguration | None = None
