"""The limits of a cluster: connection pool, circuit breakers, outlier detection, the protocol that
it speaks.

Envoy's own limits (1024 connections, 3 retries, panic at 50 %) never apply: a limit that nobody set
is a surprise. Istio does the same, and so does `0` where it means "no limit".
"""

from collections.abc import Sequence
from dataclasses import replace

from envoy.config.cluster.v3 import cluster_pb2, outlier_detection_pb2
from envoy.config.cluster.v3.circuit_breaker_pb2 import CircuitBreakers
from envoy.config.common.matcher.v3.matcher_pb2 import HttpHeadersMatch, MatchPredicate
from envoy.config.core.v3.address_pb2 import TcpKeepalive as TcpKeepaliveMessage
from envoy.config.core.v3.protocol_pb2 import (
    Http1ProtocolOptions,
    Http2ProtocolOptions,
    KeepaliveSettings,
)
from envoy.config.core.v3.protocol_pb2 import HttpProtocolOptions as CommonOptions
from envoy.config.route.v3.route_components_pb2 import HeaderMatcher
from envoy.extensions.upstreams.http.v3.http_protocol_options_pb2 import HttpProtocolOptions
from envoy.type.matcher.v3.string_pb2 import StringMatcher
from envoy.type.v3.percent_pb2 import Percent
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration as DurationMessage
from google.protobuf.wrappers_pb2 import UInt32Value

from crds.client_tls import ClientTLSSettings
from crds.destination_rule import (
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
from translator import pb
from translator.client_tls import names_from_requests

PROTOCOL_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
"""The key of `protocol_options` in a cluster."""

_NO_POOL = ConnectionPoolSettings()
_NO_TCP = TCPSettings()
_NO_HTTP = HTTPSettings()
_MAX_STREAMS = 2**31 - 1
_DEFAULT_RETRY_PERCENT = 20.0
_BUDGET_INTERVAL = b"\x1a"
"""`budget_interval` (3, a message) on the wire: newer than the messages that we build with. An
Envoy that does not know it either leaves it out (envoyproxy/envoy#44147).
"""
_DEFAULT_RETRY_CONCURRENCY = 3


def outbound_pool(
    pool: ConnectionPoolSettings | None, *, http2: bool, keepalive: TcpKeepalive | None
) -> ConnectionPoolSettings:
    """With the mesh's own settings where the pool leaves them open."""
    tcp, http = _tcp(pool), _http(pool)
    if http2 and http.h2_upgrade_policy is H2UpgradePolicy.DEFAULT and not http.use_client_protocol:
        http = replace(http, h2_upgrade_policy=H2UpgradePolicy.UPGRADE)
    tcp = replace(tcp, tcp_keepalive=tcp.tcp_keepalive or keepalive)
    return ConnectionPoolSettings(tcp=tcp, http=http)


def inbound_pool(pool: ConnectionPoolSettings | None) -> ConnectionPoolSettings:
    """Without the upgrade to HTTP/2: it is for the way between sidecars, not for the workload."""
    http = replace(_http(pool), h2_upgrade_policy=H2UpgradePolicy.DEFAULT)
    return ConnectionPoolSettings(tcp=_tcp(pool), http=http)


def connect_timeout(pool: ConnectionPoolSettings | None, default: Duration) -> DurationMessage:
    """The pool's own, or the mesh's."""
    given = _tcp(pool).connect_timeout
    return pb.positive_duration(default if given is None else given)


def circuit_breakers(
    pool: ConnectionPoolSettings | None, budget: RetryBudget | None = None
) -> CircuitBreakers:
    """No limits but those that were asked for."""
    tcp, http = _tcp(pool), _http(pool)
    return CircuitBreakers(
        thresholds=(
            CircuitBreakers.Thresholds(
                max_connections=_limit(tcp.max_connections),
                max_pending_requests=_limit(http.http1_max_pending_requests),
                max_requests=_limit(http.http2_max_requests),
                max_retries=_limit(http.max_retries),
                retry_budget=_retry_budget(budget),
                track_remaining=True,
            ),
        )
    )


def _limit(value: int) -> UInt32Value:
    return pb.uint32(value if value > 0 else pb.UINT32_MAX)


def _retry_budget(budget: RetryBudget | None) -> CircuitBreakers.Thresholds.RetryBudget | None:
    if budget is None:
        return None
    share = _DEFAULT_RETRY_PERCENT if budget.percent is None else budget.percent
    made = CircuitBreakers.Thresholds.RetryBudget(
        budget_percent=Percent(value=min(max(share, 0.0), 100.0)),
        min_retry_concurrency=pb.uint32(budget.min_retry_concurrency or _DEFAULT_RETRY_CONCURRENCY),
    )
    if budget.budget_interval is None:
        return made
    interval = pb.duration(budget.budget_interval).SerializeToString()
    field = _BUDGET_INTERVAL + bytes((len(interval),)) + interval
    return made.FromString(made.SerializeToString(deterministic=True) + field)


def outlier_detection(
    settings: OutlierDetection | None,
) -> outlier_detection_pb2.OutlierDetection | None:
    """A threshold that is absent is Envoy's (5xx) or not enforced (gateway errors); 0 is never
    enforced.
    """
    if settings is None:
        return None
    return outlier_detection_pb2.OutlierDetection(
        consecutive_5xx=_threshold(settings.consecutive_5xx_errors),
        enforcing_consecutive_5xx=_enforcing(settings.consecutive_5xx_errors),
        consecutive_gateway_failure=_threshold(settings.consecutive_gateway_errors),
        enforcing_consecutive_gateway_failure=_enforcing(settings.consecutive_gateway_errors),
        enforcing_success_rate=pb.uint32(0),
        split_external_local_origin_errors=settings.split_external_local_origin_errors,
        consecutive_local_origin_failure=_threshold(settings.consecutive_local_origin_failures),
        enforcing_consecutive_local_origin_failure=_enforcing(
            settings.consecutive_local_origin_failures
        ),
        interval=_positive(settings.interval),
        base_ejection_time=_positive(settings.base_ejection_time),
        max_ejection_percent=(
            pb.uint32(min(settings.max_ejection_percent, 100))
            if settings.max_ejection_percent > 0
            else None
        ),
    )


def _threshold(value: int | None) -> UInt32Value | None:
    return pb.uint32(value) if value else None


def _enforcing(value: int | None) -> UInt32Value | None:
    return None if value is None else pb.uint32(100 if value > 0 else 0)


def panic_threshold(settings: OutlierDetection | None) -> Percent:
    """Off unless asked for: in a panic Envoy sends requests to endpoints that it knows to be
    down.
    """
    health = 0 if settings is None else settings.min_health_percent
    return Percent(value=float(min(max(health, 0), 100)))


def connection_options(
    pool: ConnectionPoolSettings | None,
) -> cluster_pb2.UpstreamConnectionOptions | None:
    """TCP keepalive, where it is asked for."""
    keepalive = _tcp(pool).tcp_keepalive
    if keepalive is None:
        return None
    return cluster_pb2.UpstreamConnectionOptions(tcp_keepalive=_tcp_keepalive(keepalive))


def _tcp_keepalive(keepalive: TcpKeepalive) -> TcpKeepaliveMessage:
    return TcpKeepaliveMessage(
        keepalive_probes=pb.uint32(keepalive.probes) if keepalive.probes else None,
        keepalive_time=_whole_seconds(keepalive.time),
        keepalive_interval=_whole_seconds(keepalive.interval),
    )


def _whole_seconds(value: Duration | None) -> UInt32Value | None:
    return None if value is None else pb.uint32(max(round(value.seconds), 1))


def protocol_options(
    protocol: Protocol,
    pool: ConnectionPoolSettings | None,
    outliers: OutlierDetection | None = None,
    tls: ClientTLSSettings | None = None,
) -> dict[str, Any] | None:
    """`typed_extension_protocol_options` of a cluster: HTTP/2 for gRPC and HTTP/2 ports, HTTP/1.1
    for other HTTP, the client's own where that is detected (istio-api.md S-74); none for TCP. Which
    answers are errors to outlier detection stands there too, and whether TLS takes the server's
    name from the request.
    """
    detected = protocol is Protocol.UNSPECIFIED
    if not (protocol.is_http or detected):
        return None
    http = _http(pool)
    errors = _errors(outliers.outlier_detection_http_error_codes) if outliers else None
    if http.use_client_protocol or detected:
        return _as_downstream(pool, errors, tls)
    explicit = (
        HttpProtocolOptions.ExplicitHttpConfig(http2_protocol_options=_http2(http))
        if speaks_http2(protocol, pool)
        else HttpProtocolOptions.ExplicitHttpConfig(http_protocol_options=Http1ProtocolOptions())
    )
    return _packed(
        HttpProtocolOptions(
            common_http_protocol_options=_common(pool),
            upstream_http_protocol_options=names_from_requests(tls),
            explicit_http_config=explicit,
            outlier_detection=errors,
        )
    )


def speaks_http2(protocol: Protocol, pool: ConnectionPoolSettings | None) -> bool:
    """Whether the cluster of a port speaks HTTP/2 whatever its client speaks."""
    http = _http(pool)
    if not protocol.is_http or http.use_client_protocol:
        return False
    return protocol.is_http2 or http.h2_upgrade_policy is H2UpgradePolicy.UPGRADE


def _errors(codes: Sequence[int]) -> HttpProtocolOptions.OutlierDetection | None:
    """5xx unless codes are given: then these and no others."""
    rules = [
        MatchPredicate(
            http_response_headers_match=HttpHeadersMatch(
                headers=[HeaderMatcher(name=":status", string_match=StringMatcher(exact=str(code)))]
            )
        )
        for code in dict.fromkeys(codes)
    ]
    if not rules:
        return None
    any_of_them = MatchPredicate(or_match=MatchPredicate.MatchSet(rules=rules))
    return HttpProtocolOptions.OutlierDetection(
        error_matcher=any_of_them if len(rules) > 1 else rules[0]  # a set needs two
    )


def downstream_protocol_options() -> dict[str, Any]:
    """`typed_extension_protocol_options` of a cluster that speaks whatever its client speaks."""
    return _as_downstream(None, None, None)


def _as_downstream(
    pool: ConnectionPoolSettings | None,
    errors: HttpProtocolOptions.OutlierDetection | None,
    tls: ClientTLSSettings | None,
) -> dict[str, Any]:
    return _packed(
        HttpProtocolOptions(
            common_http_protocol_options=_common(pool),
            upstream_http_protocol_options=names_from_requests(tls),
            use_downstream_protocol_config=HttpProtocolOptions.UseDownstreamHttpConfig(
                http_protocol_options=Http1ProtocolOptions(),
                http2_protocol_options=_http2(_http(pool)),
            ),
            outlier_detection=errors,
        )
    )


def _packed(options: HttpProtocolOptions) -> dict[str, Any]:
    return {PROTOCOL_OPTIONS: pb.any_of(options)}


def _common(pool: ConnectionPoolSettings | None) -> CommonOptions | None:
    tcp, http = _tcp(pool), _http(pool)
    idle = tcp.idle_timeout if http.idle_timeout is None else http.idle_timeout
    if idle is None and not http.max_requests_per_connection and not tcp.max_connection_duration:
        return None
    return CommonOptions(
        idle_timeout=None if idle is None else pb.duration(idle),
        max_connection_duration=_positive(tcp.max_connection_duration),
        max_requests_per_connection=(
            pb.uint32(http.max_requests_per_connection)
            if http.max_requests_per_connection > 0
            else None
        ),
    )


def _http2(http: HTTPSettings) -> Http2ProtocolOptions:
    keepalive = http.http2_keep_alive
    return Http2ProtocolOptions(
        max_concurrent_streams=(
            pb.uint32(min(http.max_concurrent_streams, _MAX_STREAMS))
            if http.max_concurrent_streams > 0
            else None
        ),
        connection_keepalive=(
            KeepaliveSettings(
                interval=pb.positive_duration(keepalive.interval),
                timeout=pb.positive_duration(keepalive.timeout),
            )
            if keepalive and keepalive.interval and keepalive.timeout
            else None
        ),
    )


def _positive(value: Duration | None) -> DurationMessage | None:
    return None if value is None else pb.positive_duration(value)


def _tcp(pool: ConnectionPoolSettings | None) -> TCPSettings:
    return (pool or _NO_POOL).tcp or _NO_TCP


def _http(pool: ConnectionPoolSettings | None) -> HTTPSettings:
    return (pool or _NO_POOL).http or _NO_HTTP
