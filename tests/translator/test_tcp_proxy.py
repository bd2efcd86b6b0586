import pytest

from crds.destination_rule import ConnectionPoolSettings, ConsistentHashLB, TCPSettings
from mesh.destinations import Policy
from mesh.routing import Missing, Target
from tests.translator.inputs import HOST, SECOND, hashing, missing, target
from tests.translator.unpacked import tcp
from translator import names, tcp_proxy


@pytest.mark.parametrize(
    ("targets", "cluster"),
    [
        ((target(),), f"outbound|80||{HOST}"),
        ((missing(),), names.BLACKHOLE),
        ((), names.BLACKHOLE),
        ((target("v1", 1), target("v2", 0)), f"outbound|80|v1|{HOST}"),
    ],
)
def test_one_cluster(targets: tuple[Target | Missing, ...], cluster: str) -> None:
    made = tcp(tcp_proxy.to_targets(targets))
    assert (made.cluster, made.stat_prefix) == (cluster, cluster)


def test_weights() -> None:
    made = tcp(tcp_proxy.to_targets((target("v1", 90), missing(10))))
    assert [(one.name, one.weight) for one in made.weighted_clusters.clusters] == [
        (f"outbound|80|v1|{HOST}", 90),
        (names.BLACKHOLE, 10),
    ]


def test_timeouts_are_the_destination_s() -> None:
    settings = TCPSettings(idle_timeout=SECOND, max_connection_duration=SECOND)
    policy = Policy(listener_pool=ConnectionPoolSettings(tcp=settings))
    made = tcp(tcp_proxy.to_targets((target(policy=policy),)))
    assert made.idle_timeout.seconds == 1
    assert made.max_downstream_connection_duration.seconds == 1
    plain = tcp(tcp_proxy.to_targets((target(),)))
    assert not plain.HasField("idle_timeout")
    assert not plain.HasField("max_downstream_connection_duration")


@pytest.mark.parametrize(
    ("settings", "hashed"),
    [
        (ConsistentHashLB(use_source_ip=True), True),
        (ConsistentHashLB(http_header_name="x"), False),
        (ConsistentHashLB(), False),
    ],
)
def test_a_connection_is_hashed_by_its_client_s_address_only(
    settings: ConsistentHashLB, hashed: bool
) -> None:
    made = tcp(tcp_proxy.to_targets((target(policy=hashing(settings)),)))
    assert bool(made.hash_policy) == hashed


@pytest.mark.parametrize("logged", [True, False])
def test_connections_are_logged_where_asked_for(logged: bool) -> None:
    assert bool(tcp(tcp_proxy.to_cluster("c", logged=logged)).access_log) == logged
