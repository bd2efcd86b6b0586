"""Settings of DestinationRules for requests, at ports whose connections have none."""

from collections.abc import Iterator, Sequence

from analysis import analyzer_codes as codes
from analysis.analyzer import Analyzer
from analysis.facts import Facts
from analysis.message import Message, finding
from crds.destination_rule import (
    ConnectionPoolSettings,
    DestinationRule,
    H2UpgradePolicy,
    LoadBalancerSettings,
    PortTrafficPolicy,
    TrafficPolicy,
)
from crds.meta import Key
from mesh.destination_rules import pattern_of
from mesh.services import Port, Protocol

_POOL = "remove it: only HTTP requests are counted and upgraded; limit connections under tcp"
_HASH = "hash by useSourceIp: connections have no headers, cookies or parameters"


def _run(facts: Facts) -> Iterator[Message]:
    for key, rule in facts.subjects(DestinationRule):
        services = facts.mesh.services.at(pattern_of(rule)[1])
        ports = [port for service in services for port in service.ports]
        if not any(_is_tcp(port) for port in ports):
            continue
        for path, policy in _policies(rule):
            yield from _settings(key, path, policy, ports)
            for index, level in enumerate(policy.port_level_settings):
                number = level.port.number if level.port else 0
                own = [port for port in ports if port.number == number]
                yield from _settings(key, f"{path}.portLevelSettings[{index}]", level, own)


def _policies(rule: DestinationRule) -> Iterator[tuple[str, TrafficPolicy]]:
    if rule.traffic_policy is not None:
        yield "spec.trafficPolicy", rule.traffic_policy
    for index, subset in enumerate(rule.subsets):
        if subset.traffic_policy is not None:
            yield f"spec.subsets[{index}].trafficPolicy", subset.traffic_policy


def _settings(
    key: Key, path: str, policy: TrafficPolicy | PortTrafficPolicy, ports: Sequence[Port]
) -> Iterator[Message]:
    if not ports or not all(_is_tcp(port) for port in ports):
        return
    fields = (
        *((f"{path}.connectionPool.http.{n}", _POOL) for n in _requests(policy.connection_pool)),
        *(
            (f"{path}.loadBalancer.consistentHash.{n}", _HASH)
            for n in _hashed(policy.load_balancer)
        ),
    )
    for where, way_out in fields:
        text = "has no effect on ports that speak TCP"
        remedy = f"{way_out[0].upper()}{way_out[1:]}."
        yield finding(codes.HTTP_SETTINGS_ON_TCP, key, where, text, remedy=remedy)


def _requests(pool: ConnectionPoolSettings | None) -> Iterator[str]:
    """What counts for requests alone: pending ones are connections, on TCP."""
    if pool is None or pool.http is None:
        return
    http = pool.http
    given = {
        "http2MaxRequests": http.http2_max_requests,
        "maxRequestsPerConnection": http.max_requests_per_connection,
        "maxConcurrentStreams": http.max_concurrent_streams,
        "useClientProtocol": http.use_client_protocol,
        "h2UpgradePolicy": http.h2_upgrade_policy is H2UpgradePolicy.UPGRADE,
        "http2KeepAlive": http.http2_keep_alive,
    }
    yield from (name for name, value in given.items() if value)


def _hashed(balancer: LoadBalancerSettings | None) -> Iterator[str]:
    hashed = balancer.consistent_hash if balancer else None
    if hashed is None:
        return
    given = {
        "httpHeaderName": hashed.http_header_name,
        "httpCookie": hashed.http_cookie,
        "httpQueryParameterName": hashed.http_query_parameter_name,
    }
    yield from (name for name, value in given.items() if value)


def _is_tcp(port: Port) -> bool:
    return not port.protocol.is_http and port.protocol is not Protocol.UNSPECIFIED


HTTP_SETTINGS = Analyzer(
    name="http-settings",
    summary="Settings of DestinationRules for requests, where there are none.",
    codes=(codes.HTTP_SETTINGS_ON_TCP,),
    run=_run,
)
