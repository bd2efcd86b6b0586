"""Every field of the mesh's own objects is either translated or told to be not yet: none is dropped
in silence. When the translator learns a field, its line moves from one table to the other.
"""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import get_args, get_type_hints

import pytest

from crds.destination_rule import DestinationRule
from crds.service_entry import ServiceEntry
from crds.untranslated import UNTRANSLATED
from crds.virtual_service import VirtualService
from crds.workload_entry import WorkloadEntry
from tests.crds.specs import decoded, told

ROUTE = "route: [{destination: {host: a}}]"


def messages(cls: type) -> Iterator[type]:
    """The type and all types in it."""
    yield cls
    for name, hint in get_type_hints(cls).items():
        if name != "meta":
            for part in parts(hint):
                yield from messages(part)


def parts(hint: object) -> Iterator[type]:
    if isinstance(hint, type) and is_dataclass(hint) and "crds" in hint.__module__:
        if hint.__name__ != "Duration":
            yield hint
        return
    for arg in get_args(hint):
        yield from parts(arg)


def names(*roots: type) -> set[tuple[str, str]]:
    found = {message for root in roots for message in messages(root)}
    return {(m.__name__, f.name) for m in found for f in fields(m) if f.name != "meta"}


@pytest.mark.parametrize(
    ("cls", "count"),
    [(VirtualService, 114), (DestinationRule, 112), (ServiceEntry, 21), (WorkloadEntry, 7)],
)
def test_no_field_is_missing(cls: type, count: int) -> None:
    """Istio counts `Failover` of a DestinationRule twice: 114."""
    assert len(names(cls)) == count


TRANSLATED: Mapping[str, str] = {
    "VirtualService": "hosts gateways http tcp export_to",
    "HTTPRoute": "name match route redirect direct_response rewrite timeout retries fault mirror "
    "mirrors mirror_percent mirror_percentage cors_policy headers",
    "HTTPMatchRequest": "name uri scheme method authority headers port source_labels gateways "
    "query_params ignore_uri_case without_headers source_namespace stat_prefix",
    "StringMatch": "exact prefix regex",
    "HTTPRouteDestination": "destination weight headers",
    "Destination": "host subset port",
    "PortSelector": "number",
    "HTTPRedirect": "uri prefix_rewrite authority port derive_port scheme redirect_code",
    "HTTPDirectResponse": "status body",
    "HTTPBody": "string bytes_",
    "HTTPRewrite": "uri authority uri_regex_rewrite",
    "RegexRewrite": "match rewrite",
    "HTTPRetry": "attempts per_try_timeout retry_on retry_ignore_previous_hosts backoff",
    "HTTPFaultInjection": "delay abort",
    "Delay": "percent fixed_delay percentage",
    "Abort": "http_status grpc_status percentage",
    "Percent": "value",
    "HTTPMirrorPolicy": "destination percentage",
    "CorsPolicy": "allow_origin allow_origins allow_methods allow_headers expose_headers max_age "
    "allow_credentials unmatched_preflights",
    "Headers": "request response",
    "HeaderOperations": "set add remove",
    "TCPRoute": "match route",
    "L4MatchAttributes": "port gateways source_labels source_namespace",
    "RouteDestination": "destination weight",
    "DestinationRule": "host traffic_policy subsets export_to",
    "TrafficPolicy": "load_balancer connection_pool outlier_detection port_level_settings "
    "retry_budget tls",
    "PortTrafficPolicy": "port load_balancer connection_pool outlier_detection tls",
    "Subset": "name labels traffic_policy",
    "LoadBalancerSettings": "simple consistent_hash warmup_duration_secs warmup",
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
    "export_to",
    "ServicePort": "number protocol name target_port",
    "WorkloadEntry": "address ports labels locality weight service_account",
}

REFUSED = {
    ("Delay", "exponential_delay"),
    ("Abort", "http2_error"),
    ("OutlierDetection", "consecutive_errors"),
}
"""Fields that Istio has and does not do: an error, or a warning of its own."""

BELOW = {
    "Delegate": "HTTPRoute.delegate",
    "TLSRoute": "VirtualService.tls",
    "TLSMatchAttributes": "VirtualService.tls",
    "ClientTLSSettings": "TrafficPolicy.tls",
    "TunnelSettings": "TrafficPolicy.tunnel",
    "ProxyProtocol": "TrafficPolicy.proxy_protocol",
    "BackendUtilization": "LoadBalancerSettings.backend_utilization",
    "LocalityLoadBalancerSetting": "LoadBalancerSettings.locality_lb_setting",
    "ZoneAwareLoadBalancerSetting": "LoadBalancerSettings.zone_aware_lb_setting",
    "Distribute": "LoadBalancerSettings.locality_lb_setting",
    "Failover": "LoadBalancerSettings.locality_lb_setting",
}
"""Messages that are told of as a whole, by the field that holds them."""

SELECTORS = {("WorkloadSelector", "match_labels"), ("WorkloadSelector", "labels")}


def test_every_field_is_translated_or_told_of() -> None:
    listed = {(cls.__name__, name) for cls, table in UNTRANSLATED.items() for name in table}
    translated = {(cls, name) for cls, text in TRANSLATED.items() for name in text.split()}
    known = translated | listed | REFUSED | SELECTORS
    every = names(VirtualService, DestinationRule, ServiceEntry, WorkloadEntry)
    silent = {each for each in every if each not in known and each[0] not in BELOW}
    assert silent == set()
    assert known <= every
    whole = {name.partition(".")[0] + "." + name.partition(".")[2] for name in BELOW.values()}
    assert whole <= {f"{cls}.{name}" for cls, name in listed}


@pytest.mark.parametrize(
    ("kind", "spec", "problems"),
    [
        ("VirtualService", f"{{hosts: [a], http: [{{{ROUTE}}}], gateways: [mesh]}}", []),
        (
            "VirtualService",
            f"{{hosts: [a], http: [{{{ROUTE}}}], gateways: [mesh, gw]}}",
            ["~not-translated spec.gateways"],
        ),
        (
            "VirtualService",
            f"{{hosts: [a], http: [{{{ROUTE}, match: [{{gateways: [gw]}}]}}]}}",
            ["~not-translated spec.http[0].match[0].gateways"],
        ),
        (
            "VirtualService",
            f"{{hosts: [a], http: [{{{ROUTE}, retries: "
            "{attempts: 1, retryRemoteLocalities: true}}]}",
            ["~not-translated spec.http[0].retries.retryRemoteLocalities"],
        ),
        (
            "VirtualService",
            f"{{hosts: [a], tcp: [{{{ROUTE}, match: [{{sourceSubnet: a, port: 1}}]}}]}}",
            ["~not-translated spec.tcp[0].match[0].sourceSubnet"],
        ),
        ("DestinationRule", "{host: a, trafficPolicy: {tls: {mode: DISABLE}}}", []),
        (
            "DestinationRule",
            "{host: a, trafficPolicy: {tls: {mode: SIMPLE}}}",
            ["~not-translated spec.trafficPolicy.tls"],
        ),
        (
            "ServiceEntry",
            "{hosts: ['*.a'], resolution: DYNAMIC_DNS}",
            ["~not-translated spec.resolution"],
        ),
        ("ServiceEntry", "{hosts: [a.b], resolution: DNS, subjectAltNames: []}", []),
    ],
)  # fmt: skip
def test_only_what_the_user_sets_is_told_of(kind: str, spec: str, problems: list[str]) -> None:
    assert told(decoded(kind, spec)) == problems
