"""The port that answers the kubelet for the application, in the clear (docs/adr/0010).

It knows the paths of the pod's own probes and nothing else, and gives away a status and nothing
else. A probe over HTTP is one request to the application. For TCP and gRPC Envoy has none that a
request could become, so it checks the health of the port itself, and the kubelet is told of that.
"""

from collections.abc import Iterator, Sequence

from mesh.app_probes import AppProbe, GrpcCheck, HttpCheck
from translator.bootstrap_secrets import protocol

Json = dict[str, object]

_TYPE = "type.googleapis.com/envoy."
_FILTERS = f"{_TYPE}extensions.filters."
_POLICY = f"{_TYPE}extensions.http.custom_response.local_response_policy.v3.LocalResponsePolicy"
_SOURCE = "127.0.0.6"
"""What the sidecar sends to the application from: not redirected to the sidecar again."""
_WHILE_UNHEALTHY = "1s"


def probe_routes(probes: Sequence[AppProbe]) -> list[Json]:
    """Those over HTTP: this path, without a query, and GET."""
    return [_route(each, each.check) for each in probes if isinstance(each.check, HttpCheck)]


def _route(probe: AppProbe, check: HttpCheck) -> Json:
    exactly = {":path": probe.path, ":method": "GET"}
    return {
        "match": {
            "path": probe.path,
            "headers": [
                {"name": name, "string_match": {"exact": text}} for name, text in exactly.items()
            ],
        },
        "route": {
            "cluster": _cluster_name(probe),
            "prefix_rewrite": check.path,
            "timeout": f"{probe.timeout}s",
        },
    }


def probe_filters(probes: Sequence[AppProbe]) -> list[Json]:
    """What answers for TCP and gRPC, and what leaves nothing of the application's answers but their
    status.
    """
    checked = (each for each in probes if not isinstance(each.check, HttpCheck))
    return [*map(_health, checked), _bare_status()]


def _health(probe: AppProbe) -> Json:
    """It reads the gauges `membership_healthy` and `membership_total` of the cluster, which
    bootstrap_stats.py has to keep.
    """
    return {
        "name": "envoy.filters.http.health_check",
        "typed_config": {
            "@type": f"{_FILTERS}http.health_check.v3.HealthCheck",
            "pass_through_mode": False,
            "headers": [{"name": ":path", "string_match": {"exact": probe.path}}],
            "cluster_min_healthy_percentages": {_cluster_name(probe): {"value": 100}},
        },
    }


def _bare_status() -> Json:
    """A redirection is as good as any other answer below 400; to the kubelet, which would follow
    it to this port, it is told as a plain success.
    """
    by_class = f"{_TYPE}type.matcher.v3.HttpResponseStatusCodeClassMatchInput"
    return {
        "name": "envoy.filters.http.custom_response",
        "typed_config": {
            "@type": f"{_FILTERS}http.custom_response.v3.CustomResponse",
            "custom_response_matcher": {
                "matcher_tree": {
                    "input": {"name": "class", "typed_config": {"@type": by_class}},
                    "exact_match_map": {"map": {"3xx": _answer("moved", {"status_code": 200})}},
                },
                "on_no_match": _answer("bare", {}),
            },
        },
    }


def _answer(name: str, policy: Json) -> Json:
    return {"action": {"name": name, "typed_config": {"@type": _POLICY, **policy}}}


def probe_clusters(probes: Sequence[AppProbe], address: str) -> list[Json]:
    """The ports of the application, at the pod's address, as the kubelet would call them."""
    return [_cluster(each, address) for each in probes]


def _cluster(probe: AppProbe, address: str) -> Json:
    name = _cluster_name(probe)
    target = {"socket_address": {"address": address, "port_value": probe.port}}
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": f"{probe.timeout}s",
        "upstream_bind_config": {"source_address": {"address": _SOURCE, "port_value": 0}},
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": target}}]}],
        },
        **dict(_kind(probe)),
    }


def _kind(probe: AppProbe) -> Iterator[tuple[str, object]]:
    check = probe.check
    if isinstance(check, HttpCheck):
        # The kubelet never uses a connection twice, and neither may we: the application closes it.
        once = protocol("http_protocol_options", max_requests_per_connection=1)
        yield "typed_extension_protocol_options", once
        if check.tls:
            yield "transport_socket", _unverified_tls()
    elif isinstance(check, GrpcCheck):
        asked = {"service_name": check.service, "authority": "localhost"}
        yield "typed_extension_protocol_options", protocol("http2_protocol_options")
        yield "health_checks", [_health_check(probe, {"grpc_health_check": asked})]
    else:
        yield "health_checks", [_health_check(probe, {"tcp_health_check": {}})]


def _unverified_tls() -> Json:
    versions = {"tls_maximum_protocol_version": "TLSv1_3"}
    return {
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": f"{_TYPE}extensions.transport_sockets.tls.v3.UpstreamTlsContext",
            "common_tls_context": {"tls_params": versions},
        },
    }


def _health_check(probe: AppProbe, check: Json) -> Json:
    """As often as the author wants to be asked, and until all is well every second. Nothing else
    ever uses the cluster, so the times "without traffic" are those that count.
    """
    return {
        "timeout": f"{probe.timeout}s",
        "interval": f"{probe.period}s",
        "no_traffic_interval": _WHILE_UNHEALTHY,
        "no_traffic_healthy_interval": f"{probe.period}s",
        "unhealthy_interval": _WHILE_UNHEALTHY,
        "unhealthy_threshold": 1,  # how many are too many is the kubelet's to count
        "healthy_threshold": 1,
        **check,
    }


def _cluster_name(probe: AppProbe) -> str:
    return probe.path.strip("/").replace("/", "_")
