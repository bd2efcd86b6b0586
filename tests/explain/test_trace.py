"""The steps of a call, each with what decided it."""

from dataclasses import replace

import pytest

from explain.call import Call
from explain.inbound import Arrival, arrived
from explain.onward import receiver
from explain.request import ELSEWHERE
from explain.step import Step, Trace
from explain.trace import address_of
from mesh.proxy import Mode
from tests.explain.scenario import (
    BASE,
    RULES,
    app,
    policy,
    routed,
    service,
    situation,
    traced,
)
from translator.names import parse_cluster

MISSPELT = routed("  - route: [{destination: {host: web, subset: v9}}]\n")
STRICT = """---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: strict, namespace: shop}
spec: {mtls: {mode: STRICT}}
"""
DISABLED = STRICT.replace("STRICT", "DISABLE")
OUTSIDE = """---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: outside, namespace: shop}
spec:
  hosts: [outside.example.com]
  ports: [{number: 80, name: http, protocol: HTTP}]
  resolution: NONE
"""


def tls(mode: str) -> str:
    """A DestinationRule with a mode of TLS."""
    return RULES.replace("  subsets:", f"  trafficPolicy: {{tls: {{mode: {mode}}}}}\n  subsets:")


def step(found: Trace, at: str) -> Step:
    """The first step of a kind."""
    return next(each for each in found.steps if each.at == at)


def objects(found: Step) -> list[str]:
    return [str(cause.object) for cause in found.causes]


def test_a_call_that_no_rule_speaks_of_goes_to_the_service() -> None:
    with situation() as now:
        found = traced(now)
    assert found.ok
    assert found.verdict == "goes to outbound|80||web.shop.svc.cluster.local"
    assert [each.at for each in found.steps] == [
        "listener",
        "filter chain",
        "virtual host",
        "route",
        "cluster",
        "endpoints",
        "mutual TLS",
        "authorization",
    ]
    assert objects(step(found, "route")) == ["Service shop/web"]
    assert step(found, "cluster").says == "automatic mutual TLS to 2 of 2 endpoints"
    assert step(found, "authorization").says == "allowed: no policy is about this call"


def test_a_misspelt_subset_is_told_with_its_line() -> None:
    with situation(RULES, MISSPELT) as now:
        found = traced(now)
        route = step(found, "route")
        (problem,) = now.problems(route.problems)
        text = BASE + RULES + MISSPELT
    assert not found.ok
    assert "503" in found.verdict
    assert objects(route) == ["VirtualService shop/web"]
    assert route.causes[0].path == "spec.http[0]"
    assert problem["code"] == "unknown-subset"
    lines = [number for number, line in enumerate(text.splitlines(), 1) if "subset: v9" in line]
    assert [problem["line"]] == lines


def test_every_share_is_followed() -> None:
    shares = routed(
        "  - fault: {abort: {httpStatus: 418, percentage: {value: 10}}}\n"
        "    route:\n"
        "    - {destination: {host: web, subset: v1}, weight: 90}\n"
        "    - {destination: {host: web, subset: v3}, weight: 10}\n"
    )
    with situation(RULES, shares) as now:
        found = traced(now)
    assert not found.ok  # no pod is of v3
    assert step(found, "route").says.endswith("faults: 418 for 10%")
    says = [each.says for each in found.steps if each.at == "endpoints"]
    assert says == ["1 healthy of 1", "0 healthy of 0: 503 no healthy upstream"]
    assert found.verdict == "fails: 0 healthy of 0: 503 no healthy upstream"


def test_a_share_that_leads_nowhere_is_told() -> None:
    shares = routed(
        "  - route:\n"
        "    - {destination: {host: web, subset: v1}, weight: 90}\n"
        "    - {destination: {host: nobody}, weight: 10}\n"
    )
    with situation(RULES, shares) as now:
        found = traced(now)
    assert not found.ok
    assert any("leads nowhere" in each.says for each in found.steps)


@pytest.mark.parametrize(
    ("rule", "verdict", "ok"),
    [
        ("redirect: {uri: /there}", "301 to http://web:80/there", True),
        ("directResponse: {status: 200, body: {string: hello}}", "200: hello", True),
        ("directResponse: {status: 418}", "418", False),
    ],
)
def test_an_answer_of_the_sidecar_ends_the_way(rule: str, verdict: str, ok: bool) -> None:
    with situation(routed(f"  - {rule}\n")) as now:
        found = traced(now)
    assert found.verdict == f"is answered by the client's own sidecar with {verdict}"
    assert found.ok is ok


def test_what_no_rule_takes_gets_a_404() -> None:
    only = "  - match: [{uri: {prefix: /a}}]\n    route: [{destination: {host: web}}]\n"
    with situation(routed(only)) as now:
        found = traced(now, path="/b")
    assert (step(found, "route").name, found.ok) == ("-", False)
    assert "404" in found.verdict


def test_an_unknown_host_is_passed_on_or_refused() -> None:
    sidecar = """---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: default, namespace: shop}
spec: {outboundTrafficPolicy: {mode: REGISTRY_ONLY}, egress: [{hosts: ['./*']}]}
"""
    with situation() as now:
        assert address_of(now.mesh, now.proxies[0], "nobody.example.com") == ELSEWHERE
        assert address_of(now.mesh, now.proxies[0], "192.0.2.7") == "192.0.2.7"
        found = traced(now, "nobody.example.com")
    assert found.verdict == "goes to PassthroughCluster"
    with situation(sidecar) as now:
        found = traced(now, "nobody.example.com")
    assert "502" in found.verdict
    assert objects(step(found, "route")) == ["Sidecar shop/default"]


def test_a_host_outside_is_found_by_envoy() -> None:
    with situation(OUTSIDE) as now:
        found = traced(now, "outside.example.com")
    assert found.ok
    assert step(found, "endpoints").says == "found by Envoy itself"
    assert not [each for each in found.steps if each.at == "authorization"]


def test_a_connection_is_followed_too() -> None:
    with situation() as now:
        found = traced(now, port=5432, http=False)
    assert found.ok
    assert step(found, "filter chain").says == "carries connections"
    assert objects(step(found, "filter chain")) == ["Service shop/web"]
    assert step(found, "authorization").ok


def test_a_server_without_a_sidecar_is_called_in_the_clear() -> None:
    with situation(app("plain", injected=False), service("plain")) as now:
        found = traced(now, "plain")
    assert found.ok
    assert step(found, "cluster").says == "automatic mutual TLS to 0 of 1 endpoints"
    assert found.steps[-1].at == "endpoints"


@pytest.mark.parametrize(
    ("texts", "says", "ok"),
    [
        ((STRICT,), "STRICT: mutual TLS is taken", True),
        ((STRICT, tls("DISABLE")), "STRICT: plaintext is refused, the connection is closed", False),
        ((DISABLED,), "DISABLE: plaintext is taken", True),
        (
            (DISABLED, tls("ISTIO_MUTUAL")),
            "DISABLE: mutual TLS is refused, the connection is closed",
            False,
        ),
    ],
)
def test_both_sides_must_agree_on_mutual_tls(texts: tuple[str, ...], says: str, ok: bool) -> None:
    with situation(*texts) as now:
        found = traced(now)
    assert (step(found, "mutual TLS").says, found.ok) == (says, ok)
    assert objects(step(found, "mutual TLS")) == ["PeerAuthentication shop/strict"]


def test_the_policy_that_denies_is_named() -> None:
    denying = policy(
        "refuse", "  action: DENY\n  rules: [{to: [{operation: {paths: [/secret]}}]}]\n"
    )
    with situation(denying) as now:
        assert traced(now, path="/open").ok
        found = traced(now, path="/secret")
    assert not found.ok
    assert objects(step(found, "authorization")) == ["AuthorizationPolicy shop/refuse"]
    assert step(found, "authorization").causes[0].path == "spec.rules[0]"


def test_what_no_policy_allows_names_those_that_might() -> None:
    with situation(policy("nothing", "")) as now:
        found = traced(now)
    assert step(found, "authorization").says == "denied: no ALLOW policy has a rule for it"
    assert objects(step(found, "authorization")) == ["AuthorizationPolicy shop/nothing"]


def test_what_is_not_there_has_no_way() -> None:
    with situation() as now:
        gone = parse_cluster("outbound|80||gone.shop.svc.cluster.local")
        assert gone is not None
        assert receiver(now.mesh, now.proxies, "192.0.2.9") is None
        web = now.proxy("deploy/web-v1.shop")
        other = replace(web, mode=Mode.NONE, address="127.0.0.9")
        steps = list(arrived(now.mesh, other, Arrival(call=Call(port=81), mutual=True)))
        there = list(arrived(now.mesh, other, Arrival(call=Call(port=80), mutual=True)))
    assert [each.ok for each in steps] == [False]
    assert [each.ok for each in there] == [True, True]
