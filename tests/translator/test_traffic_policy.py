import pytest
from envoy.extensions.upstreams.http.v3.http_protocol_options_pb2 import HttpProtocolOptions

from crds.destination_rule import (
    ConnectionKeepalive,
    ConnectionPoolSettings,
    H2UpgradePolicy,
    HTTPSettings,
    OutlierDetection,
    RetryBudget,
    TcpKeepalive,
    TCPSettings,
)
from crds.scalars import Duration
from mesh.services import Protocol
from tests.semantics import covers
from tests.translator.inputs import SECOND
from translator import traffic_policy
from translator.traffic_policy import PROTOCOL_OPTIONS

NO_LIMIT = 2**32 - 1


def http(**settings: object) -> ConnectionPoolSettings:
    return ConnectionPoolSettings(http=HTTPSettings(**settings))  # type: ignore[arg-type]


def tcp(**settings: object) -> ConnectionPoolSettings:
    return ConnectionPoolSettings(tcp=TCPSettings(**settings))  # type: ignore[arg-type]


def options(protocol: Protocol, pool: ConnectionPoolSettings | None = None) -> HttpProtocolOptions:
    packed = traffic_policy.protocol_options(protocol, pool)
    assert packed is not None
    made = HttpProtocolOptions()
    assert packed[PROTOCOL_OPTIONS].Unpack(made)
    return made


def test_the_pool_s_connect_timeout_wins_over_the_mesh_s() -> None:
    mesh = Duration(10 * SECOND.nanos)
    assert traffic_policy.connect_timeout(None, mesh).seconds == 10
    assert traffic_policy.connect_timeout(tcp(connect_timeout=SECOND), mesh).seconds == 1
    assert traffic_policy.connect_timeout(tcp(connect_timeout=Duration(0)), mesh).nanos > 0


@pytest.mark.parametrize("pool", [None, ConnectionPoolSettings(), http(), tcp(max_connections=0)])
def test_envoy_s_own_limits_never_apply(pool: ConnectionPoolSettings | None) -> None:
    (limits,) = traffic_policy.circuit_breakers(pool).thresholds
    assert limits.max_connections.value == NO_LIMIT
    assert limits.max_pending_requests.value == NO_LIMIT
    assert limits.max_requests.value == NO_LIMIT
    assert limits.max_retries.value == NO_LIMIT
    assert limits.track_remaining
    assert not limits.HasField("retry_budget")


def test_limits_that_were_asked_for() -> None:
    pool = ConnectionPoolSettings(
        tcp=TCPSettings(max_connections=1),
        http=HTTPSettings(http1_max_pending_requests=2, http2_max_requests=3, max_retries=4),
    )
    (limits,) = traffic_policy.circuit_breakers(pool).thresholds
    assert limits.max_connections.value == 1
    assert limits.max_pending_requests.value == 2
    assert limits.max_requests.value == 3
    assert limits.max_retries.value == 4


@pytest.mark.parametrize(
    ("budget", "percent", "floor"),
    [
        (RetryBudget(), 20.0, 3),
        (RetryBudget(percent=0.0, min_retry_concurrency=7), 0.0, 7),
        (RetryBudget(percent=500.0), 100.0, 3),
    ],
)
def test_a_retry_budget(budget: RetryBudget, percent: float, floor: int) -> None:
    made = traffic_policy.circuit_breakers(None, budget).thresholds[0].retry_budget
    assert (made.budget_percent.value, made.min_retry_concurrency.value) == (percent, floor)


def test_the_interval_of_a_retry_budget_is_sent_though_our_messages_lack_it() -> None:
    """It is field 3 of Envoy's message: here its tag, its length, and 2.5 seconds."""
    budget = RetryBudget(budget_interval=Duration(nanos=2_500_000_000))
    limits = traffic_policy.circuit_breakers(None, budget)
    assert b"\x1a\x08" + b"\x08\x02" + b"\x10\x80\xca\xb5\xee\x01" in limits.SerializeToString()
    assert limits.thresholds[0].retry_budget.min_retry_concurrency.value == 3


def test_no_outlier_detection_unless_asked_for() -> None:
    assert traffic_policy.outlier_detection(None) is None


def test_an_empty_outlier_detection_is_envoy_s_consecutive_5xx_alone() -> None:
    made = traffic_policy.outlier_detection(OutlierDetection())
    assert made is not None
    assert [field.name for field, _ in made.ListFields()] == ["enforcing_success_rate"]
    assert made.enforcing_success_rate.value == 0


def test_outlier_thresholds_are_enforced_and_zero_turns_them_off() -> None:
    made = traffic_policy.outlier_detection(
        OutlierDetection(
            consecutive_5xx_errors=0,
            consecutive_gateway_errors=3,
            split_external_local_origin_errors=True,
            consecutive_local_origin_failures=4,
            interval=SECOND,
            base_ejection_time=SECOND,
            max_ejection_percent=200,
        )
    )
    assert made is not None
    assert made.enforcing_consecutive_5xx.value == 0
    assert made.HasField("enforcing_consecutive_5xx")
    assert not made.HasField("consecutive_5xx")
    assert made.consecutive_gateway_failure.value == 3
    assert made.enforcing_consecutive_gateway_failure.value == 100
    assert made.split_external_local_origin_errors
    assert made.consecutive_local_origin_failure.value == 4
    assert made.interval.seconds == made.base_ejection_time.seconds == 1
    assert made.max_ejection_percent.value == 100


@pytest.mark.parametrize(
    ("settings", "percent"),
    [
        (None, 0),
        (OutlierDetection(), 0),
        (OutlierDetection(min_health_percent=30), 30),
        (OutlierDetection(min_health_percent=300), 100),
    ],
)
def test_there_is_no_panic_unless_asked_for(
    settings: OutlierDetection | None, percent: float
) -> None:
    assert traffic_policy.panic_threshold(settings).value == percent


def test_tcp_keepalive() -> None:
    assert traffic_policy.connection_options(None) is None
    keepalive = TcpKeepalive(probes=3, time=Duration(7_600_000_000), interval=Duration(1_000_000))
    made = traffic_policy.connection_options(tcp(tcp_keepalive=keepalive))
    assert made is not None
    assert made.tcp_keepalive.keepalive_probes.value == 3
    assert made.tcp_keepalive.keepalive_time.value == 8
    assert made.tcp_keepalive.keepalive_interval.value == 1
    empty = traffic_policy.connection_options(tcp(tcp_keepalive=TcpKeepalive()))
    assert empty is not None
    assert not empty.tcp_keepalive.ListFields()


@pytest.mark.parametrize(
    ("protocol", "pool", "spoken"),
    [
        (Protocol.HTTP, None, "http_protocol_options"),
        (Protocol.GRPC_WEB, None, "http2_protocol_options"),
        (Protocol.HTTP2, None, "http2_protocol_options"),
        (Protocol.GRPC, None, "http2_protocol_options"),
        (Protocol.HTTP, http(h2_upgrade_policy=H2UpgradePolicy.UPGRADE), "http2_protocol_options"),
        (
            Protocol.HTTP,
            http(h2_upgrade_policy=H2UpgradePolicy.DO_NOT_UPGRADE),
            "http_protocol_options",
        ),
    ],
)
def test_the_protocol_spoken_to_the_upstream(
    protocol: Protocol, pool: ConnectionPoolSettings | None, spoken: str
) -> None:
    explicit = options(protocol, pool).explicit_http_config
    assert explicit.WhichOneof("protocol_config") == spoken


@pytest.mark.parametrize("protocol", [Protocol.TCP, Protocol.TLS, Protocol.MONGO])
def test_a_tcp_port_has_no_http_options(protocol: Protocol) -> None:
    assert traffic_policy.protocol_options(protocol, None) is None


@covers("S-74")
def test_where_the_protocol_is_detected_it_is_the_client_s() -> None:
    made = options(Protocol.UNSPECIFIED, None)
    assert made.HasField("use_downstream_protocol_config")


def test_the_client_s_protocol_where_asked_for() -> None:
    made = options(Protocol.HTTP, http(use_client_protocol=True))
    assert made.WhichOneof("upstream_protocol_options") == "use_downstream_protocol_config"


def test_connection_lifetimes() -> None:
    pool = ConnectionPoolSettings(
        tcp=TCPSettings(idle_timeout=SECOND, max_connection_duration=SECOND),
        http=HTTPSettings(max_requests_per_connection=5),
    )
    made = options(Protocol.HTTP, pool).common_http_protocol_options
    assert made.idle_timeout.seconds == 1
    assert made.max_connection_duration.seconds == 1
    assert made.max_requests_per_connection.value == 5


def test_the_http_idle_timeout_wins_over_tcp_s() -> None:
    pool = ConnectionPoolSettings(
        tcp=TCPSettings(idle_timeout=SECOND), http=HTTPSettings(idle_timeout=Duration(0))
    )
    made = options(Protocol.HTTP, pool).common_http_protocol_options
    assert made.HasField("idle_timeout")
    assert made.idle_timeout.seconds == 0
    assert not made.HasField("max_requests_per_connection")


def test_http2_settings_stay_in_envoy_s_range() -> None:
    keepalive = ConnectionKeepalive(interval=SECOND, timeout=Duration(0))
    made = options(
        Protocol.HTTP2, http(max_concurrent_streams=2**31 - 1, http2_keep_alive=keepalive)
    ).explicit_http_config.http2_protocol_options
    assert made.max_concurrent_streams.value == 2**31 - 1
    assert made.connection_keepalive.interval.seconds == 1
    assert made.connection_keepalive.timeout.nanos > 0


def test_half_a_keepalive_is_none() -> None:
    made = options(Protocol.HTTP2, http(http2_keep_alive=ConnectionKeepalive(interval=SECOND)))
    assert not made.explicit_http_config.http2_protocol_options.HasField("connection_keepalive")
