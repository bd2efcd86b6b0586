"""What becomes of each field of Istio's kinds: the one table behind docs/compatibility.md.

A field that is only told of (`untranslated.py`) needs no row here; every other one does, and tests
see to it: that each field has a row, that each row has a field, and that each field that is said to
work is set in a golden. Messages are named, not imported, so that a row is one word.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, is_dataclass
from enum import StrEnum
from types import UnionType
from typing import Union, get_args, get_origin, get_type_hints

from crds.convert import plan
from crds.fields import EMPTY
from crds.kinds import KINDS, NETWORKING, SECURITY
from crds.scalars import Duration
from crds.untranslated import UNTRANSLATED


class Answer(StrEnum):
    """Whether a field does what Istio says of it."""

    YES = "yes"
    NO = "no"
    DIFFERS = "differs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One field. `path` is where it is in the object, from `spec`; `note` is why not, or how it
    differs.
    """

    path: str
    message: type
    field: str
    answer: Answer
    note: str = ""


YES: Mapping[str, str] = {
    "VirtualService": "hosts gateways http tls tcp export_to",
    "HTTPRoute": "name match route redirect direct_response rewrite retries fault mirror "
    "mirrors mirror_percent mirror_percentage cors_policy headers",
    "HTTPMatchRequest": "name uri scheme method authority headers port source_labels gateways "
    "query_params ignore_uri_case without_headers source_namespace stat_prefix",
    "StringMatch": "exact prefix regex",
    "HTTPRouteDestination": "destination weight headers",
    "Destination": "host subset port",
    "PortSelector": "number",
    "HTTPRedirect": "uri prefix_rewrite authority port derive_port scheme",
    "HTTPDirectResponse": "body",
    "Delegate": "name namespace",
    "HTTPBody": "string bytes_",
    "HTTPRewrite": "uri authority uri_regex_rewrite",
    "RegexRewrite": "match rewrite",
    "HTTPRetry": "attempts per_try_timeout retry_on retry_remote_localities "
    "retry_ignore_previous_hosts backoff",
    "HTTPFaultInjection": "delay abort",
    "Delay": "percent fixed_delay percentage",
    "Abort": "grpc_status percentage",
    "Percent": "value",
    "HTTPMirrorPolicy": "destination percentage",
    "CorsPolicy": "allow_origin allow_origins allow_methods allow_headers expose_headers max_age "
    "allow_credentials unmatched_preflights",
    "Headers": "request response",
    "HeaderOperations": "remove",
    "TLSRoute": "match route",
    "TLSMatchAttributes": "sni_hosts destination_subnets port source_labels gateways "
    "source_namespace",
    "TCPRoute": "match route",
    "L4MatchAttributes": "destination_subnets port source_labels gateways source_namespace",
    "RouteDestination": "destination weight",
    "DestinationRule": "host traffic_policy subsets export_to workload_selector",
    "TrafficPolicy": "load_balancer connection_pool outlier_detection port_level_settings "
    "retry_budget tls tunnel proxy_protocol",
    "PortTrafficPolicy": "port load_balancer connection_pool outlier_detection tls",
    "ClientTLSSettings": "mode client_certificate private_key ca_certificates subject_alt_names "
    "sni insecure_skip_verify ca_crl",
    "TunnelSettings": "protocol target_host target_port",
    "ProxyProtocol": "version",
    "Subset": "name labels traffic_policy",
    "LoadBalancerSettings": "simple consistent_hash warmup locality_lb_setting",
    "LocalityLoadBalancerSetting": "distribute failover failover_priority enabled",
    "Distribute": "from_ to",
    "Failover": "from_ to",
    "ZoneAwareLoadBalancerSetting": "enabled failover failover_priority",
    "ConsistentHashLB": "http_header_name http_cookie use_source_ip http_query_parameter_name "
    "ring_hash maglev minimum_ring_size",
    "HTTPCookie": "name path ttl attributes",
    "Attribute": "name value",
    "RingHash": "minimum_ring_size",
    "MagLev": "table_size",
    "WarmupConfiguration": "duration minimum_percent aggression",
    "ConnectionPoolSettings": "tcp http",
    "TCPSettings": "max_connections connect_timeout tcp_keepalive max_connection_duration "
    "idle_timeout",
    "TcpKeepalive": "probes time interval",
    "HTTPSettings": "http1_max_pending_requests http2_max_requests max_requests_per_connection "
    "max_retries idle_timeout h2_upgrade_policy use_client_protocol max_concurrent_streams "
    "http2_keep_alive",
    "ConnectionKeepalive": "interval timeout",
    "OutlierDetection": "split_external_local_origin_errors consecutive_local_origin_failures "
    "consecutive_gateway_errors consecutive_5xx_errors interval base_ejection_time "
    "max_ejection_percent min_health_percent outlier_detection_http_error_codes",
    "RetryBudget": "percent min_retry_concurrency",
    "ServiceEntry": "hosts addresses ports location resolution endpoints workload_selector "
    "export_to subject_alt_names",
    "ServicePort": "number protocol name target_port",
    "WorkloadSelector": "labels match_labels",
    "Sidecar": "workload_selector ingress inbound_connection_pool egress outbound_traffic_policy",
    "IstioIngressListener": "port capture_mode default_endpoint tls connection_pool",
    "IstioEgressListener": "port capture_mode hosts",
    "SidecarPort": "number protocol name",
    "SidecarOutboundTrafficPolicy": "mode egress_proxy",
    "PeerAuthentication": "selector mtls port_level_mtls",
    "MutualTLS": "mode",
    "AuthorizationPolicy": "selector rules provider",
    "ExtensionProvider": "name",
    "PolicyTargetReference": "group kind name",
    "RequestAuthentication": "selector jwt_rules",
    "JWTRule": "issuer audiences jwks from_headers from_params from_cookies "
    "output_payload_to_header output_claim_to_headers forward_original_token timeout "
    "space_delimited_claims",
    "JWTHeader": "name prefix",
    "ClaimToHeader": "header claim",
    "Rule": "from_ to when",
    "From": "source",
    "Source": "principals not_principals request_principals not_request_principals namespaces "
    "not_namespaces service_accounts not_service_accounts ip_blocks not_ip_blocks "
    "remote_ip_blocks not_remote_ip_blocks trust_domains not_trust_domains",
    "To": "operation",
    "Operation": "hosts not_hosts ports not_ports methods not_methods paths not_paths",
    "Condition": "key values not_values",
    "WorkloadEntry": "address ports labels locality weight service_account",
    "Gateway": "servers selector",
    "Server": "port bind hosts tls name",
    "Port": "number protocol name",
    "ServerTLSSettings": "https_redirect server_certificate private_key ca_certificates ca_crl "
    "credential_name credential_names ca_cert_credential_name subject_alt_names "
    "verify_certificate_spki verify_certificate_hash min_protocol_version max_protocol_version "
    "cipher_suites ecdh_curves",
    "TLSCertificate": "server_certificate private_key ca_certificates",
}
"""The fields of each message that do what Istio says."""

_NOR_ISTIO = "Istio declares it and does not implement it either"

_TARGETS = (
    "a `Gateway` of the Gateway API is the gateway pods of the namespace with its name in the "
    "label `gateway.networking.k8s.io/gateway-name`; the others need waypoints"
)

NO: Mapping[str, Mapping[str, str]] = {
    "Delay": {"exponential_delay": f"refused: {_NOR_ISTIO}; use fixedDelay"},
    "Abort": {"http2_error": f"refused: {_NOR_ISTIO}; use httpStatus or grpcStatus"},
    "ZoneAwareLoadBalancerSetting": {
        "min_cluster_size": "told of with zoneAwareLbSetting: zones of a region are equally near"
    },
    "JWTRule": {"presence": f"refused: {_NOR_ISTIO}; use an AuthorizationPolicy"},
    "PolicyTargetReference": {
        "namespace": "refused, as in Istio: a policy is for objects of its own namespace"
    },
    "OutlierDetection": {
        "consecutive_errors": f"a warning: {_NOR_ISTIO}; use consecutive5xxErrors"
    },
    "Port": {"target_port": f"refused: {_NOR_ISTIO}; the gateway's Service has it"},
    "SidecarPort": {"target_port": f"refused: {_NOR_ISTIO}; use defaultEndpoint"},
}
"""Fields that are refused or have no effect, for good."""

DIFFERS: Mapping[str, Mapping[str, str]] = {
    "HTTPRoute": {
        "delegate": "a delegate that does not exist answers 503; Istio drops the rule, so that the "
        "next one takes its requests",
        "timeout": "a gRPC client's own, shorter `grpc-timeout` is kept by the client, not by its "
        "sidecar, on a rule that has a timeout",
    },
    "IstioEgressListener": {
        "bind": "must be one address for a listener with `captureMode: NONE`, where Istio also "
        "listens at all of them"
    },
    "IstioIngressListener": {
        "bind": "must be one address for a listener with `captureMode: NONE`, where Istio also "
        "listens at all of them"
    },
    "HTTPRedirect": {
        "redirect_code": "301, 302, 303, 307 and 308 only: Istio's webhook takes any 3xx, and "
        "Envoy then refuses the whole route table"
    },
    "HeaderOperations": dict.fromkeys(
        ("set", "add"),
        "a `%` that begins no command of Envoy's is a warning and sent as it is written; Istio "
        "refuses it",
    ),
    "HTTPDirectResponse": {"status": "200 to 599: Istio also takes 600, which is no status"},
    "ServerTLSSettings": {
        "tls_certificates": "the authorities of clients are those of the first one that names any",
    },
    "Abort": {"http_status": "200 to 599: Istio also takes 600, which is no status"},
    "ClientTLSSettings": {
        "credential_name": "a Secret of the proxy's namespace, for gateways and with a "
        "workloadSelector for sidecars; without one sidecars get a 503 (and it is told), where "
        "Istio sends in the clear; a `configmap://` is closed too",
    },
    "RetryBudget": {
        "budget_interval": "an Envoy that does not know it yet counts the requests that are active"
    },
    "RequestAuthentication": {"target_ref": _TARGETS, "target_refs": _TARGETS},
    "JWTRule": {
        "jwks_uri": "asked by Envoy only, never by the control plane, every five minutes; without "
        "it, and without `jwks`, no token is valid: the issuer is not asked where its keys are",
    },
    "AuthorizationPolicy": {
        "target_ref": _TARGETS,
        "target_refs": _TARGETS,
        "action": "CUSTOM: a workload's policies may name several providers, which are asked one "
        "after the other; what an HTTP provider cannot be asked, connections, is refused, where "
        "Istio lets it in",
    },
    "LoadBalancerSettings": {
        "warmup_duration_secs": "with `warmup` beside it, that one wins, as in Istio"
    },
}
"""Fields that work, but not in all respects as in Istio."""


def kinds() -> tuple[type, ...]:
    """The kinds of Istio's that are read."""
    return tuple(kind.type for (group, _), kind in KINDS.items() if group in (NETWORKING, SECURITY))


def rows(kind: type) -> Iterator[Row]:
    """The fields of a kind, message by message, each message where it first occurs. Raises
    `KeyError` for a field that nothing is said of.
    """
    places: dict[type, _Place] = {}
    lost: list[tuple[type, _Place]] = []
    _visit(kind, _Place("", ""), places, lost)
    for message, place in ((m, p) for m, p in lost if m not in places):
        _visit(message, place, places, lost)
    for message, place in places.items():
        for name, path, _ in _fields(message, place.path):
            answer, note = _answer(message, name, place)
            yield Row(path=path, message=message, field=name, answer=answer, note=note)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a message occurs. `without`: the field that holds it has no effect, so none in it
    has.
    """

    path: str
    without: str


def _visit(
    message: type,
    place: _Place,
    places: dict[type, _Place],
    lost: list[tuple[type, _Place]],
) -> None:
    """Puts what is only to be found below a field without effect off: `lost`."""
    places[message] = place
    for name, path, inner in _fields(message, place.path):
        if inner is None or inner.message in places:
            continue
        if place.without or _answer(message, name, place)[0] is not Answer.NO:
            _visit(inner.message, _Place(path + inner.suffix, place.without), places, lost)
        else:
            lost.append((inner.message, _Place(path + inner.suffix, f"see `{path}`")))


@dataclass(frozen=True, slots=True)
class _Inner:
    """The message that a field holds, and how its path goes on below the field."""

    message: type
    suffix: str = ""


def _fields(message: type, path: str) -> Iterator[tuple[str, str, _Inner | None]]:
    hints = get_type_hints(message, include_extras=True)
    for attribute, name in plan(message).names.items():
        yield attribute, f"{path}.{name}".removeprefix("."), _inner(hints[attribute])


def _inner(hint: object) -> _Inner | None:
    origin, args = get_origin(hint), get_args(hint)
    if origin is tuple and (item := _inner(args[0])):
        return _Inner(item.message, "[]")
    if origin is Mapping and (item := _inner(args[1])):
        return _Inner(item.message, "{}")
    if origin in (Union, UnionType):
        return next((found for arg in args if (found := _inner(arg))), None)
    if isinstance(hint, type) and is_dataclass(hint) and hint is not Duration:
        return _Inner(hint)
    return None


def _answer(message: type, field: str, place: _Place) -> tuple[Answer, str]:
    if place.without:
        return Answer.NO, place.without
    told = UNTRANSLATED.get(message, EMPTY).get(field)
    if told is not None:
        return (Answer.NO if told.always else Answer.DIFFERS), told.message
    name = message.__name__
    if field in NO.get(name, EMPTY):
        return Answer.NO, NO[name][field]
    if field in DIFFERS.get(name, EMPTY):
        return Answer.DIFFERS, DIFFERS[name][field]
    if field in YES.get(name, "").split():
        return Answer.YES, ""
    raise KeyError(f"crds/compatibility.py says nothing of {name}.{field}")
