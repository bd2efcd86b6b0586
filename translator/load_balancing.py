"""How a cluster picks an endpoint: the algorithm of a `loadBalancer` block, with its settings.

Least request if nothing is said, as in Istio. Values that Envoy would refuse the whole cluster for
are brought into range.
"""

from math import isqrt

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.core.v3.base_pb2 import RuntimeDouble
from envoy.type.v3.percent_pb2 import Percent

from crds.destination_rule import (
    ConsistentHashLB,
    LoadBalancerSettings,
    SimpleLB,
    WarmupConfiguration,
)
from translator import pb

_MAX_RING_SIZE = 8_388_608
_DEFAULT_RING_SIZE = 1024
_MAX_MAGLEV_TABLE = 5_000_011
_MIN_AGGRESSION = 0.001
_SIMPLE = {
    SimpleLB.RANDOM: Cluster.RANDOM,
    SimpleLB.ROUND_ROBIN: Cluster.ROUND_ROBIN,
    SimpleLB.PASSTHROUGH: Cluster.CLUSTER_PROVIDED,
}


def algorithm(settings: LoadBalancerSettings | None) -> Cluster.LbPolicy.ValueType:
    """Envoy's name of the algorithm."""
    if settings is None:
        return Cluster.LEAST_REQUEST
    if hash_settings := settings.consistent_hash:
        return Cluster.MAGLEV if hash_settings.maglev is not None else Cluster.RING_HASH
    if settings.simple is None:
        return Cluster.LEAST_REQUEST
    return _SIMPLE.get(settings.simple, Cluster.LEAST_REQUEST)


def is_passthrough(settings: LoadBalancerSettings | None) -> bool:
    """Whether the address that the client chose is used, whatever the service's endpoints are."""
    return algorithm(settings) == Cluster.CLUSTER_PROVIDED


def ring_hash(settings: LoadBalancerSettings | None) -> Cluster.RingHashLbConfig | None:
    """The ring's size; `None` for another algorithm."""
    if settings is None or algorithm(settings) != Cluster.RING_HASH:
        return None
    size = _ring_size(settings.consistent_hash) if settings.consistent_hash else 0
    return Cluster.RingHashLbConfig(
        minimum_ring_size=pb.uint64(min(size or _DEFAULT_RING_SIZE, _MAX_RING_SIZE))
    )


def _ring_size(settings: ConsistentHashLB) -> int:
    if settings.ring_hash is not None:
        return settings.ring_hash.minimum_ring_size
    return settings.minimum_ring_size


def maglev(settings: LoadBalancerSettings | None) -> Cluster.MaglevLbConfig | None:
    """The table's size, if one is given that Envoy takes: a prime; `None` leaves Envoy's 65537."""
    if settings is None or settings.consistent_hash is None:
        return None
    table = settings.consistent_hash.maglev
    if table is None or table.table_size > _MAX_MAGLEV_TABLE or not _is_prime(table.table_size):
        return None
    return Cluster.MaglevLbConfig(table_size=pb.uint64(table.table_size))


def _is_prime(number: int) -> bool:
    return number > 1 and all(number % divisor for divisor in range(2, isqrt(number) + 1))


def least_request(settings: LoadBalancerSettings | None) -> Cluster.LeastRequestLbConfig | None:
    """Slow start, where it is asked for."""
    slow_start = _slow_start(settings)
    if slow_start is None or algorithm(settings) != Cluster.LEAST_REQUEST:
        return None
    return Cluster.LeastRequestLbConfig(slow_start_config=slow_start)


def round_robin(settings: LoadBalancerSettings | None) -> Cluster.RoundRobinLbConfig | None:
    """Slow start, where it is asked for."""
    slow_start = _slow_start(settings)
    if slow_start is None or algorithm(settings) != Cluster.ROUND_ROBIN:
        return None
    return Cluster.RoundRobinLbConfig(slow_start_config=slow_start)


def _slow_start(settings: LoadBalancerSettings | None) -> Cluster.SlowStartConfig | None:
    if settings is None:
        return None
    warmup = settings.warmup or WarmupConfiguration(duration=settings.warmup_duration_secs)
    if warmup.duration is None:
        return None
    return Cluster.SlowStartConfig(
        slow_start_window=pb.positive_duration(warmup.duration),
        min_weight_percent=_percent(warmup.minimum_percent),
        aggression=_aggression(warmup.aggression),
    )


def _percent(value: float | None) -> Percent | None:
    return None if value is None else Percent(value=min(max(value, 0.0), 100.0))


def _aggression(value: float | None) -> RuntimeDouble | None:
    if value is None:
        return None
    return RuntimeDouble(
        default_value=max(value, _MIN_AGGRESSION),
        runtime_key="slow_start.aggression",  # Envoy demands one, nobody sets it
    )
