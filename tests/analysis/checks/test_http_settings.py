"""HED0110: settings for requests on ports that speak TCP."""

import pytest

from analysis.checks.http_settings import HTTP_SETTINGS
from tests.facts import findings
from tests.meshes import destination_rule, service

DB = service("db", ports=("tcp:5432",))
BOTH = service("db", ports=("tcp:5432", "http:80"))


def found(text: str, spec: str) -> list[str]:
    every = findings(text + destination_rule("db", f"{{host: db, {spec}}}"), [HTTP_SETTINGS])
    return [each.path for each in every if each.code.id == "HED0110"]


@pytest.mark.parametrize(
    ("policy", "path"),
    [
        ("connectionPool: {http: {http2MaxRequests: 1}}", "connectionPool.http.http2MaxRequests"),
        (
            "connectionPool: {http: {maxRequestsPerConnection: 1}}",
            "connectionPool.http.maxRequestsPerConnection",
        ),
        (
            "connectionPool: {http: {h2UpgradePolicy: UPGRADE}}",
            "connectionPool.http.h2UpgradePolicy",
        ),
        (
            "loadBalancer: {consistentHash: {httpHeaderName: x}}",
            "loadBalancer.consistentHash.httpHeaderName",
        ),
        (
            "loadBalancer: {consistentHash: {httpCookie: {name: x, ttl: 1s}}}",
            "loadBalancer.consistentHash.httpCookie",
        ),
        (
            "loadBalancer: {consistentHash: {httpQueryParameterName: x}}",
            "loadBalancer.consistentHash.httpQueryParameterName",
        ),
    ],
)
def test_a_setting_for_requests(policy: str, path: str) -> None:
    assert found(DB, f"trafficPolicy: {{{policy}}}") == [f"spec.trafficPolicy.{path}"]
    subset = f"subsets: [{{name: a, trafficPolicy: {{{policy}}}}}]"
    assert found(DB, subset) == [f"spec.subsets[0].trafficPolicy.{path}"]
    port = f"trafficPolicy: {{portLevelSettings: [{{port: {{number: 5432}}, {policy}}}]}}"
    assert found(BOTH, port) == [f"spec.trafficPolicy.portLevelSettings[0].{path}"]


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        (BOTH, "connectionPool: {http: {http2MaxRequests: 1}}"),
        (service("db"), "connectionPool: {http: {http2MaxRequests: 1}}"),
        (service("db", ports=("x:80",)), "connectionPool: {http: {http2MaxRequests: 1}}"),
        (DB, "connectionPool: {http: {http1MaxPendingRequests: 1}, tcp: {maxConnections: 1}}"),
        (DB, "loadBalancer: {consistentHash: {useSourceIp: true}}"),
        (DB, "connectionPool: {tcp: {maxConnections: 1}}, loadBalancer: {simple: RANDOM}"),
        (
            BOTH,
            "portLevelSettings: [{port: {number: 80}, connectionPool: "
            "{http: {http2MaxRequests: 1}}}]",
        ),
    ],
    ids=["one of two", "HTTP", "unsaid", "connections", "addresses", "no requests", "the other"],
)
def test_settings_that_have_an_effect(text: str, policy: str) -> None:
    assert found(text, f"trafficPolicy: {{{policy}}}") == []


def test_a_subset_without_a_policy() -> None:
    assert found(DB, "subsets: [{name: a}]") == []
