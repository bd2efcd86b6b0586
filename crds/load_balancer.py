"""The load balancing part of a DestinationRule's traffic policy."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import isqrt
from typing import ClassVar

from crds import checks
from crds.fields import EMPTY, UInt32, UInt64
from crds.problem import Problem, error, warning
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


NO_LOCALITY_SETTING = LocalityLoadBalancerSetting()


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


MAX_RING_SIZE = 8_388_608
MAX_TABLE_SIZE = 5_000_011
"""Envoy's limits."""

_LOCALITY_LABELS = (
    "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone",
    "topology.istio.io/subzone",
)
_WARMS_UP = (
    None,
    SimpleLB.UNSPECIFIED,
    SimpleLB.LEAST_CONN,
    SimpleLB.LEAST_REQUEST,
    SimpleLB.ROUND_ROBIN,
)


def check_load_balancer(path: str, settings: LoadBalancerSettings) -> Iterator[Problem]:
    """Of a policy."""
    if settings.consistent_hash is not None:
        yield from _check_hash(f"{path}.consistentHash", settings.consistent_hash)
    yield from checks.at_least_1ms(f"{path}.warmupDurationSecs", settings.warmup_duration_secs)
    if settings.warmup is not None:
        yield from _check_warmup(f"{path}.warmup", settings.warmup)
    warms_up = settings.warmup is not None or settings.warmup_duration_secs is not None
    if warms_up and (settings.simple not in _WARMS_UP or settings.consistent_hash is not None):
        message = "warm-up works with ROUND_ROBIN and LEAST_REQUEST only: it has no effect here"
        yield warning("no-effect", path, message)
    if settings.warmup is not None and settings.warmup_duration_secs is not None:
        message = "has no effect beside `warmup`, which wins: keep that one"
        here = f"{path}.warmupDurationSecs"
        yield warning("warmup-twice", here, message, str(settings.warmup_duration_secs))
    locality, zone = settings.locality_lb_setting, settings.zone_aware_lb_setting
    if locality is not None and zone is not None:
        message = "`localityLbSetting` and `zoneAwareLbSetting` exclude each other: keep one"
        yield error("one-of", path, message)
    if locality is not None:
        yield from check_locality(f"{path}.localityLbSetting", locality)
    if zone is not None:
        yield from _check_failover(f"{path}.zoneAwareLbSetting", zone)
        if zone.min_cluster_size == 0:
            here = f"{path}.zoneAwareLbSetting.minClusterSize"
            yield error("out-of-range", here, "must be at least 1", 0)


def _check_hash(path: str, hashing: ConsistentHashLB) -> Iterator[Problem]:
    cookie = hashing.http_cookie
    if cookie is not None:
        if not cookie.name:
            yield error("no-name", f"{path}.httpCookie.name", "is missing: name the cookie")
        names = [attribute.name for attribute in cookie.attributes]
        yield from checks.duplicates(f"{path}.httpCookie.attributes", names, ".name")
        if "" in names:
            yield error("no-name", f"{path}.httpCookie.attributes", "an attribute has no name")
    size = hashing.minimum_ring_size
    if size and (hashing.ring_hash or hashing.maglev):
        message = "has no place beside ringHash and maglev: use ringHash.minimumRingSize"
        yield error("one-of", f"{path}.minimumRingSize", message, size)
    elif size:
        message = "is deprecated: use ringHash.minimumRingSize"
        yield warning("deprecated", f"{path}.minimumRingSize", message, size)
    if hashing.ring_hash:
        size = hashing.ring_hash.minimum_ring_size
        path = f"{path}.ringHash"
    yield from checks.within(f"{path}.minimumRingSize", size, 0, MAX_RING_SIZE)
    if hashing.maglev and hashing.maglev.table_size:
        yield from _check_table(f"{path}.maglev.tableSize", hashing.maglev.table_size)


def _check_table(path: str, size: int) -> Iterator[Problem]:
    if size >= MAX_TABLE_SIZE or not _is_prime(size):
        message = f"must be a prime number below {MAX_TABLE_SIZE}, such as 65537"
        yield error("bad-table-size", path, message, size)


def _is_prime(number: int) -> bool:
    return number > 1 and all(number % divisor for divisor in range(2, isqrt(number) + 1))


def _check_warmup(path: str, warmup: WarmupConfiguration) -> Iterator[Problem]:
    if warmup.duration is None:
        yield error("no-duration", f"{path}.duration", "is missing: say how long")
    yield from checks.at_least_1ms(f"{path}.duration", warmup.duration)
    yield from checks.within(f"{path}.minimumPercent", warmup.minimum_percent, 0, 100)
    if warmup.aggression is not None and warmup.aggression <= 0:
        yield error("out-of-range", f"{path}.aggression", "must be above 0", warmup.aggression)


def check_locality(path: str, setting: LocalityLoadBalancerSetting) -> Iterator[Problem]:
    """Of a policy, or of the mesh."""
    if setting.distribute and setting.failover:
        yield error("one-of", path, "`distribute` and `failover` exclude each other: keep one")
    for index, rule in enumerate(setting.distribute):
        here = f"{path}.distribute[{index}]"
        yield from _check_place(f"{here}.from", rule.from_)
        for place, weight in rule.to.items():
            yield from _check_place(f'{here}.to["{place}"]', place)
            yield from checks.within(f'{here}.to["{place}"]', weight, 1, 100)
        if sum(rule.to.values()) != 100:
            yield error("bad-sum", f"{here}.to", "must add up to 100", sum(rule.to.values()))
    yield from _check_failover(path, setting)


def _check_place(path: str, place: str) -> Iterator[Problem]:
    steps = place.split("/")
    if "" in steps or "*" in place.removesuffix("*") or len(steps) > 3:
        yield error("bad-locality", path, "must be region/zone/subzone, `*` at its end", place)


def _check_failover(
    path: str, setting: LocalityLoadBalancerSetting | ZoneAwareLoadBalancerSetting
) -> Iterator[Problem]:
    for index, rule in enumerate(setting.failover):
        here = f"{path}.failover[{index}]"
        for name, region in (("from", rule.from_), ("to", rule.to)):
            if "/" in region or "*" in region:
                yield error("bad-locality", f"{here}.{name}", "must be one region", region)
        if rule.from_ == rule.to:
            yield error("bad-locality", here, "leads to itself: name another region", rule.to)
    for index, label in enumerate(setting.failover_priority):
        if setting.failover and label.partition("=")[0] in _LOCALITY_LABELS:
            here = f"{path}.failoverPriority[{index}]"
            yield error("one-of", here, "localities cannot stand beside `failover`", label)
