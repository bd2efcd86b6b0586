"""The connection pool and outlier detection parts of a DestinationRule's traffic policy."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from crds import checks
from crds.fields import Int32, UInt32
from crds.problem import Problem, error, warning
from crds.scalars import Duration


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpKeepalive:
    """SO_KEEPALIVE; absent values are the operating system's."""

    probes: UInt32 = 0
    time: Duration | None = None
    interval: Duration | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TCPSettings:
    """Settings of HTTP and TCP upstreams alike; 0 connections means no limit."""

    max_connections: Int32 = 0
    connect_timeout: Duration | None = None
    tcp_keepalive: TcpKeepalive | None = None
    max_connection_duration: Duration | None = None
    idle_timeout: Duration | None = None


class H2UpgradePolicy(StrEnum):
    """Whether HTTP/1.1 is spoken as HTTP/2 to the upstream."""

    DEFAULT = "DEFAULT"
    DO_NOT_UPGRADE = "DO_NOT_UPGRADE"
    UPGRADE = "UPGRADE"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionKeepalive:
    """HTTP/2 PING."""

    interval: Duration | None = None
    timeout: Duration | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HTTPSettings:
    """0 means no limit, for retries too. `http2_max_requests` limits HTTP/1.1 as well."""

    http1_max_pending_requests: Int32 = 0
    http2_max_requests: Int32 = 0
    max_requests_per_connection: Int32 = 0
    max_retries: Int32 = 0
    idle_timeout: Duration | None = None
    h2_upgrade_policy: H2UpgradePolicy = H2UpgradePolicy.DEFAULT
    use_client_protocol: bool = False
    max_concurrent_streams: Int32 = 0
    http2_keep_alive: ConnectionKeepalive | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionPoolSettings:
    """Limits of one cluster."""

    tcp: TCPSettings | None = None
    http: HTTPSettings | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutlierDetection:
    """Passive ejection. An absent threshold has Envoy's default, 0 turns it off.
    `consecutive_errors` has no effect in Istio either.
    """

    consecutive_errors: Int32 = 0
    split_external_local_origin_errors: bool = False
    consecutive_local_origin_failures: UInt32 | None = None
    consecutive_gateway_errors: UInt32 | None = None
    consecutive_5xx_errors: UInt32 | None = None
    interval: Duration | None = None
    base_ejection_time: Duration | None = None
    max_ejection_percent: Int32 = 0
    min_health_percent: Int32 = 0
    outlier_detection_http_error_codes: tuple[UInt32, ...] = ()


def check_connection_pool(path: str, pool: ConnectionPoolSettings) -> Iterator[Problem]:
    """Of a policy."""
    if pool == ConnectionPoolSettings():
        yield error("empty", path, "needs `tcp` or `http`")
    if pool.tcp is not None:
        yield from _check_tcp(f"{path}.tcp", pool.tcp)
    if pool.http is not None:
        yield from _check_http(f"{path}.http", pool.http)


def check_outlier_detection(path: str, detection: OutlierDetection) -> Iterator[Problem]:
    """Of a policy."""
    if detection.consecutive_errors:
        message = "has no effect, in Istio neither: use consecutive5xxErrors"
        here = f"{path}.consecutiveErrors"
        yield warning("unsupported", here, message, detection.consecutive_errors)
    if (
        detection.consecutive_local_origin_failures
        and not detection.split_external_local_origin_errors
    ):
        message = "needs splitExternalLocalOriginErrors: true"
        here = f"{path}.consecutiveLocalOriginFailures"
        yield error("no-effect", here, message, detection.consecutive_local_origin_failures)
    yield from checks.at_least_1ms(f"{path}.interval", detection.interval)
    yield from checks.at_least_1ms(f"{path}.baseEjectionTime", detection.base_ejection_time)
    yield from checks.within(f"{path}.maxEjectionPercent", detection.max_ejection_percent, 0, 100)
    yield from checks.within(f"{path}.minHealthPercent", detection.min_health_percent, 0, 100)
    for index, code in enumerate(detection.outlier_detection_http_error_codes):
        yield from checks.within(f"{path}.outlierDetectionHttpErrorCodes[{index}]", code, 100, 599)


def _check_tcp(path: str, tcp: TCPSettings) -> Iterator[Problem]:
    yield from checks.not_negative(path, ("maxConnections", tcp.max_connections))
    yield from checks.at_least_1ms(f"{path}.connectTimeout", tcp.connect_timeout)
    yield from checks.at_least_1ms(f"{path}.maxConnectionDuration", tcp.max_connection_duration)
    if tcp.idle_timeout is not None and tcp.idle_timeout.nanos:
        yield from checks.at_least_1ms(f"{path}.idleTimeout", tcp.idle_timeout)
    if tcp.tcp_keepalive is not None:
        yield from checks.at_least_1ms(f"{path}.tcpKeepalive.time", tcp.tcp_keepalive.time)
        yield from checks.at_least_1ms(f"{path}.tcpKeepalive.interval", tcp.tcp_keepalive.interval)


def _check_http(path: str, http: HTTPSettings) -> Iterator[Problem]:
    yield from checks.not_negative(
        path,
        ("http1MaxPendingRequests", http.http1_max_pending_requests),
        ("http2MaxRequests", http.http2_max_requests),
        ("maxRequestsPerConnection", http.max_requests_per_connection),
        ("maxRetries", http.max_retries),
        ("maxConcurrentStreams", http.max_concurrent_streams),
    )
    yield from checks.at_least_1ms(f"{path}.idleTimeout", http.idle_timeout)
    if http.h2_upgrade_policy is H2UpgradePolicy.UPGRADE and http.use_client_protocol:
        message = "UPGRADE and `useClientProtocol` exclude each other: keep one"
        yield error("one-of", f"{path}.h2UpgradePolicy", message)
    if http.http2_keep_alive is not None:
        for name, value in (
            ("interval", http.http2_keep_alive.interval),
            ("timeout", http.http2_keep_alive.timeout),
        ):
            here = f"{path}.http2KeepAlive.{name}"
            if value is None:
                yield error("no-duration", here, "is missing: interval and timeout go together")
            yield from checks.at_least_1ms(here, value)
