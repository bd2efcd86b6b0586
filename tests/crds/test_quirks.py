"""Where Istio is wrong or silent, and what is told here instead."""

import pytest

from tests.crds.specs import decoded, told
from tests.semantics import covers

TO_A = "route: [{destination: {host: a}}]"
HASH = "consistentHash: {httpHeaderName: x"


def rule(http: str) -> list[str]:
    return told(decoded("VirtualService", f"{{hosts: [a], http: [{{{http}}}]}}"))


def policy(text: str) -> list[str]:
    return told(decoded("DestinationRule", f"{{host: a, trafficPolicy: {{{text}}}}}"))


@covers("C-1")
def test_600_is_no_status() -> None:
    assert rule("directResponse: {status: 600}") == [
        "bad-status spec.http[0].directResponse.status"
    ]
    assert rule("directResponse: {status: 599}") == []
    aborts = f"{TO_A}, fault: {{abort: {{httpStatus: 600, percentage: {{value: 1}}}}}}"
    assert rule(aborts) == ["bad-status spec.http[0].fault.abort.httpStatus"]


@covers("C-2")
@pytest.mark.parametrize("code", [300, 304, 305, 306, 309, 399])
def test_envoy_has_no_redirect_with_another_code(code: int) -> None:
    assert rule(f"redirect: {{uri: /, redirectCode: {code}}}") == [
        "bad-redirect-code spec.http[0].redirect.redirectCode"
    ]


@covers("C-3")
def test_an_empty_maglev_has_the_default_size() -> None:
    assert policy(f"loadBalancer: {{{HASH}, maglev: {{}}}}}}") == []


@covers("C-4")
def test_of_two_warmups_one_counts_and_the_other_is_told() -> None:
    both = "loadBalancer: {warmupDurationSecs: 9s, warmup: {duration: 5s}}"
    assert policy(both) == ["~warmup-twice spec.trafficPolicy.loadBalancer.warmupDurationSecs"]
    flat = "loadBalancer: {warmup: {duration: 5s, aggression: 0}}"
    assert policy(flat) == ["out-of-range spec.trafficPolicy.loadBalancer.warmup.aggression"]


@covers("C-5")
@pytest.mark.parametrize("port", [0, 70_000])
def test_a_port_that_cannot_be_is_told(port: int) -> None:
    text = f"portLevelSettings: [{{port: {{number: {port}}}, loadBalancer: {{simple: RANDOM}}}}]"
    assert policy(text) == ["~impossible-port spec.trafficPolicy.portLevelSettings[0].port.number"]


@covers("C-11")
def test_what_istio_declares_only_is_told() -> None:
    exponential = "delay: {exponentialDelay: 1s, percentage: {value: 1}}"
    assert rule(f"{TO_A}, fault: {{{exponential}}}") == [
        "unsupported spec.http[0].fault.delay.exponentialDelay"
    ]
    http2 = "abort: {http2Error: REFUSED_STREAM, percentage: {value: 1}}"
    assert rule(f"{TO_A}, fault: {{{http2}}}") == [
        "unsupported spec.http[0].fault.abort.http2Error"
    ]
    assert policy("outlierDetection: {consecutiveErrors: 5}") == [
        "~unsupported spec.trafficPolicy.outlierDetection.consecutiveErrors"
    ]
    match = "match: [{sourceSubnet: 10.0.0.0/8}]"
    assert told(decoded("VirtualService", f"{{hosts: [a], tcp: [{{{match}, {TO_A}}}]}}")) == [
        "~unsupported spec.tcp[0].match[0].sourceSubnet"
    ]


@covers("C-12")
def test_conditions_may_have_spaces_around_them() -> None:
    assert rule(f"{TO_A}, retries: {{attempts: 1, retryOn: '5xx , reset,  503'}}") == []
