import pytest
from envoy.config.cluster.v3.cluster_pb2 import Cluster

from crds.destination_rule import (
    ConsistentHashLB,
    LoadBalancerSettings,
    MagLev,
    RingHash,
    SimpleLB,
    WarmupConfiguration,
)
from crds.scalars import Duration
from tests.translator.inputs import SECOND
from translator import load_balancing


def hashed(**settings: object) -> LoadBalancerSettings:
    return LoadBalancerSettings(consistent_hash=ConsistentHashLB(**settings))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "algorithm"),
    [
        (None, "LEAST_REQUEST"),
        (LoadBalancerSettings(), "LEAST_REQUEST"),
        (LoadBalancerSettings(simple=SimpleLB.UNSPECIFIED), "LEAST_REQUEST"),
        (LoadBalancerSettings(simple=SimpleLB.LEAST_CONN), "LEAST_REQUEST"),
        (LoadBalancerSettings(simple=SimpleLB.RANDOM), "RANDOM"),
        (LoadBalancerSettings(simple=SimpleLB.ROUND_ROBIN), "ROUND_ROBIN"),
        (LoadBalancerSettings(simple=SimpleLB.PASSTHROUGH), "CLUSTER_PROVIDED"),
        (hashed(use_source_ip=True), "RING_HASH"),
        (hashed(use_source_ip=True, ring_hash=RingHash()), "RING_HASH"),
        (hashed(use_source_ip=True, maglev=MagLev()), "MAGLEV"),
    ],
)
def test_the_algorithm(settings: LoadBalancerSettings | None, algorithm: str) -> None:
    assert Cluster.LbPolicy.Name(load_balancing.algorithm(settings)) == algorithm


@pytest.mark.parametrize(
    ("settings", "size"),
    [
        (hashed(), 1024),
        (hashed(minimum_ring_size=7), 7),
        (hashed(ring_hash=RingHash(minimum_ring_size=9)), 9),
        (hashed(minimum_ring_size=2**40), 8_388_608),
        (hashed(maglev=MagLev()), None),
        (None, None),
    ],
)
def test_a_ring_has_the_size_asked_for_within_envoy_s_limit(
    settings: LoadBalancerSettings | None, size: int | None
) -> None:
    ring = load_balancing.ring_hash(settings)
    assert (ring and ring.minimum_ring_size.value) == size


@pytest.mark.parametrize(
    ("settings", "size"),
    [
        (hashed(maglev=MagLev(table_size=65_537)), 65_537),
        (hashed(maglev=MagLev(table_size=65_536)), None),
        (hashed(maglev=MagLev(table_size=7_368_787)), None),
        (hashed(maglev=MagLev()), None),
        (hashed(), None),
        (None, None),
    ],
)
def test_a_maglev_table_that_envoy_refuses_is_left_to_its_default(
    settings: LoadBalancerSettings | None, size: int | None
) -> None:
    table = load_balancing.maglev(settings)
    assert (table and table.table_size.value) == size


def test_slow_start_goes_with_the_algorithm() -> None:
    warmup = WarmupConfiguration(duration=SECOND, minimum_percent=20.0, aggression=2.0)
    least = LoadBalancerSettings(warmup=warmup)
    robin = LoadBalancerSettings(warmup=warmup, simple=SimpleLB.ROUND_ROBIN)
    made = load_balancing.least_request(least)
    assert made is not None
    assert made.slow_start_config.slow_start_window.seconds == 1
    assert made.slow_start_config.min_weight_percent.value == 20.0
    assert made.slow_start_config.aggression.default_value == 2.0
    assert load_balancing.round_robin(least) is None
    assert load_balancing.least_request(robin) is None
    assert load_balancing.round_robin(robin) is not None


def test_the_older_form_of_slow_start_counts_if_it_is_alone() -> None:
    old = LoadBalancerSettings(warmup_duration_secs=SECOND)
    both = LoadBalancerSettings(
        warmup_duration_secs=SECOND, warmup=WarmupConfiguration(duration=Duration(2 * SECOND.nanos))
    )
    windows = [
        made.slow_start_config.slow_start_window.seconds
        for made in map(load_balancing.least_request, (old, both))
        if made
    ]
    assert windows == [1, 2]


def test_nothing_is_said_of_slow_start_where_nobody_asked() -> None:
    assert load_balancing.least_request(None) is None
    assert load_balancing.least_request(LoadBalancerSettings()) is None


def test_slow_start_keeps_to_envoy_s_ranges() -> None:
    warmup = WarmupConfiguration(duration=Duration(0), minimum_percent=500.0, aggression=0.0)
    made = load_balancing.least_request(LoadBalancerSettings(warmup=warmup))
    assert made is not None
    assert made.slow_start_config.min_weight_percent.value == 100.0
    assert made.slow_start_config.aggression.default_value > 0
