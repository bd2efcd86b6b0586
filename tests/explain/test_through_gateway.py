"""The way of a workload's call that comes to a gateway: what its sidecar sends, whether the gateway
takes it, and where it goes from there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest

from explain.onward import MOST_GATEWAYS
from explain.trace import trace
from heddle.explained.tracing import Called, asked_of
from mesh.proxy import Mode
from tests.explain.egress import (
    CERT,
    CLIENT_ID,
    EGRESS,
    GATEWAY_ID,
    MESH_TLS,
    MUTUAL,
    OUT,
    PLAIN,
    REFUSAL,
    beyond,
    called,
    causes,
    passing,
    pod_of,
    secured,
    server,
    step,
    to,
    way,
)
from tests.explain.scenario import policy, service, situation
from tests.meshes import authorization_policy, destination_rule, virtual_service


def test_the_classic_way_out_is_followed_to_its_end() -> None:
    with situation(EGRESS, PLAIN, way(80)) as now:
        found = called(now, "http://far.test/a")
        name = now.proxy("deploy/out.edge").name
    assert found.ok
    assert found.verdict == f"goes to outbound|80||{OUT}, then goes to outbound|80||far.test"
    assert [each.at for each in found.steps] == [
        *("listener", "filter chain", "virtual host", "route", "cluster", "endpoints"),
        "gateway",
        *("listener", "server", "filter chain", "authorization", "virtual host", "route"),
        *("cluster", "endpoints"),
    ]
    steps = beyond(found)
    assert steps[0].name == f"edge/{name}"
    assert step(steps, "listener").says == "takes port 80, which is 8080 of the pod"
    assert causes(step(steps, "server")) == ["Gateway shop/egress spec.servers[0]"]
    assert causes(step(list(found.steps), "route")) == ["VirtualService shop/far spec.http[0]"]
    assert causes(step(steps, "route")) == ["VirtualService shop/far spec.http[1]"]
    assert causes(step(steps, "endpoints")) == ["ServiceEntry shop/far"]


@dataclass(frozen=True)
class Row:
    """What is said beyond the gateway's door of a call, in the step that counts."""

    name: str
    objects: tuple[str, ...]
    ok: bool
    at: str
    says: str
    url: str = "http://far.test/a"
    headers: Mapping[str, str] = field(default_factory=dict)


def refused(name: str, says: str, *objects: str) -> Row:
    """One that the gateway's server does not take."""
    return Row(name, (*objects, way(443)), False, "server", f"{says}: the handshake fails")


ROWS = (
    Row(
        "within mutual TLS",
        (MUTUAL, secured(MESH_TLS), way(443)),
        True,
        "server",
        f"mutual TLS of the mesh ends here; it is {CLIENT_ID} who calls",
    ),
    Row(
        "in the clear where TLS is asked for",
        (MUTUAL, way(443)),
        False,
        "filter chain",
        "no server takes what is not TLS: the connection is closed",
    ),
    Row(
        "by another name",
        (MUTUAL, secured("mode: ISTIO_MUTUAL"), way(443)),
        False,
        "filter chain",
        f"no server takes TLS for outbound_.443_._.{OUT}",
    ),
    Row(
        "within TLS where none is asked for",
        (PLAIN, secured(MESH_TLS), way(80)),
        False,
        "server",
        "takes requests without TLS only",
    ),
    refused(
        "a workload that is not listed",
        f"takes spiffe://a only, and it is {CLIENT_ID} who calls",
        server(443, "HTTPS", "mode: ISTIO_MUTUAL, subjectAltNames: ['spiffe://a']"),
        secured(MESH_TLS),
    ),
    refused(
        "a gateway that is not listed",
        f"is {GATEWAY_ID}, and the client takes an answer from spiffe://a only",
        MUTUAL,
        secured(f"{MESH_TLS}, subjectAltNames: ['spiffe://a']"),
    ),
    refused(
        "without a certificate",
        "takes workloads of the mesh only (ISTIO_MUTUAL)",
        MUTUAL,
        secured("mode: SIMPLE, sni: far.test"),
    ),
    refused(
        "a certificate that is not the mesh's",
        "shows kubernetes://cert, and the client takes the mesh's certificates only",
        CERT,
        server(443, "HTTPS", "mode: SIMPLE, credentialName: cert"),
        secured(MESH_TLS),
    ),
    refused(
        "no certificate where one is asked for",
        "asks for a certificate, and the client shows none",
        CERT,
        server(443, "HTTPS", "mode: MUTUAL, credentialName: cert"),
        secured("mode: SIMPLE, sni: far.test"),
    ),
    Row(
        "with a certificate of its own",
        (
            CERT,
            server(443, "HTTPS", "mode: MUTUAL, credentialName: cert"),
            secured(
                "mode: MUTUAL, sni: far.test, clientCertificate: /c/c.pem, privateKey: /c/k.pem"
            ),
            way(443),
        ),
        True,
        "server",
        "TLS ends here with kubernetes://cert; the client has to show a certificate",
    ),
    Row(
        "by the name of the request",
        (
            CERT,
            server(80, "HTTPS", "mode: SIMPLE, credentialName: cert"),
            secured("mode: SIMPLE"),
            way(80),
        ),
        True,
        "server",
        "TLS ends here with kubernetes://cert",
    ),
    Row(
        "a port that is closed",
        (PLAIN, way(81)),
        False,
        "listener",
        "no server is open here: the connection is refused",
    ),
    Row(
        "rewritten on the way",
        (PLAIN, way(80, first="rewrite: {uri: /b}, ", then=", uri: {prefix: /b}")),
        True,
        "route",
        "goes to outbound|80||far.test",
    ),
    Row(
        "no route for it there",
        (PLAIN, way(80, then=", uri: {prefix: /b}")),
        False,
        "route",
        "with 404",
    ),
    Row(
        "by a header of the first route",
        (
            PLAIN,
            way(
                80,
                first="headers: {request: {set: {x-by: mesh}}}, ",
                then=", headers: {x-by: {exact: mesh}}",
            ),
        ),
        True,
        "route",
        "goes to outbound|80||far.test",
    ),
    Row(
        "passed on, TLS and all",
        (
            server(443, "TLS", "mode: PASSTHROUGH"),
            passing(
                "tls",
                f"port: 443, sniHosts: [far.test]}}], {to(OUT, 443)}",
                f"port: 443, sniHosts: [far.test]}}], {to('far.test', 443)}",
            ),
        ),
        True,
        "server",
        "passes it on, TLS and all",
        "https://far.test/a",
    ),
    Row(
        "a name that no server passes on",
        (
            server(443, "TLS", "mode: PASSTHROUGH", "near.test"),
            passing(
                "tls",
                f"port: 443, sniHosts: [far.test]}}], {to(OUT, 443)}",
                f"port: 443, sniHosts: [far.test]}}], {to('far.test', 443)}",
            ),
        ),
        False,
        "listener",
        "no server is open here",
        "tls://far.test",
    ),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_what_a_gateway_does_with_a_call_of_the_mesh(row: Row) -> None:
    with situation(EGRESS, *row.objects) as now:
        found = called(now, row.url, row.headers)
    said = step(beyond(found), row.at)
    assert row.says in said.says
    assert found.ok is row.ok, found.verdict
    if not row.ok:
        assert said.says in found.verdict


def test_policies_of_the_gateway_know_who_calls() -> None:
    """By the certificate if the gateway ends its TLS, by the address in any case."""

    def denied(who: str) -> str:
        spec = f"{{action: DENY, rules: [{{from: [{{source: {{{who}}}}}]}}]}}"
        return authorization_policy("refuse", spec, "edge")

    by_name = denied("principals: ['cluster.local/ns/shop/sa/client']")
    rows = (
        ((MUTUAL, secured(MESH_TLS), way(443), by_name), False),
        ((PLAIN, way(80), by_name), True),
    )
    for texts, ok in rows:
        with situation(EGRESS, *texts) as now:
            found = called(now, "http://far.test/")
            assert found.ok is ok
            if not ok:
                assert found.verdict == "fails: denied: a policy denies it"
                assert causes(beyond(found)[-1]) == [REFUSAL]
    with situation(EGRESS) as now:
        (address,) = pod_of(now, "deploy/client-v1.shop")
    for block, ok in ((address, False), ("192.0.2.0/24", True)):
        with situation(EGRESS, PLAIN, way(80), denied(f"ipBlocks: [{block}]")) as now:
            assert called(now, "http://far.test/").ok is ok


def test_behind_the_gateway_the_workload_is_asked_too() -> None:
    """It hears of the gateway as who calls, not of the first client."""
    inside = way(80, onward=to("web.shop.svc.cluster.local", 80))
    with situation(EGRESS, PLAIN, inside) as now:
        found = called(now, "http://far.test/a")
    assert found.ok
    assert [each.at for each in found.steps[-2:]] == ["mutual TLS", "authorization"]
    for who, ok in ((CLIENT_ID, False), (GATEWAY_ID, True)):
        only = policy(
            "only",
            f"  rules: [{{from: [{{source: {{principals: ['{who.removeprefix('spiffe://')}']}}}}]}}]\n",
        )
        with situation(EGRESS, PLAIN, inside, only) as now:
            assert called(now, "http://far.test/a").ok is ok


def test_an_answer_of_the_gateway_is_told_as_such() -> None:
    up = server(80, "HTTP", "httpsRedirect: true")
    with situation(EGRESS, up, way(80)) as now:
        found = called(now, "http://far.test/a")
        name = f"edge/{now.proxy('deploy/out.edge').name}"
    assert found.ok
    ended = f"is answered by the gateway {name} with 301 to https://far.test/a"
    assert found.verdict == f"goes to outbound|80||{OUT}, then {ended}"


def test_what_comes_back_to_a_gateway_as_it_was_goes_round_without_end() -> None:
    with situation(EGRESS, PLAIN, way(80, onward=to(OUT, 80))) as now:
        found = called(now, "http://far.test/a")
    assert not found.ok
    assert found.steps[-1].at == "gateway"
    assert "goes round without end" in found.verdict
    assert [each.at for each in found.steps].count("gateway") == 3


def test_what_is_another_call_each_time_is_followed_so_far() -> None:
    longer = f"rewrite: {{uri: /a/}}, {to(OUT, 80)}"
    with situation(EGRESS, PLAIN, way(80, then=", uri: {prefix: /}", onward=longer)) as now:
        found = called(now, "http://far.test/a")
    assert not found.ok
    assert f"comes after {MOST_GATEWAYS} others: it is not followed any further" in found.verdict
    assert found.gateways == MOST_GATEWAYS


def test_shares_that_go_through_gateways_are_all_followed() -> None:
    both = (
        f"route: [{{destination: {{host: {OUT}, port: {{number: 80}}}}, weight: 90}}, "
        f"{{destination: {{host: {OUT}, port: {{number: 81}}}}, weight: 10}}]"
    )
    split = virtual_service(
        "far",
        "{hosts: [far.test], gateways: [mesh, egress], "
        f"http: [{{match: [{{gateways: [mesh]}}], {both}}}, "
        f"{{match: [{{gateways: [egress], port: 80}}], {to('far.test', 80)}}}]}}",
    )
    with situation(EGRESS, PLAIN, split) as now:
        found = called(now, "http://far.test/a")
    assert (found.gateways, found.ok) == (2, False)
    assert found.verdict == "fails: no server is open here: the connection is refused"
    opened = PLAIN.replace("name: egress", "name: more").replace("number: 80", "number: 81")
    there = split.replace("gateways: [mesh, egress]", "gateways: [mesh, egress, more]").replace(
        "gateways: [egress], port: 80", "gateways: [egress, more]"
    )
    with situation(EGRESS, PLAIN, opened, there) as now:
        found = called(now, "http://far.test/a")
    assert found.verdict == f"goes to outbound|80||{OUT} (90%), outbound|81||{OUT} (10%)"


def test_what_is_passed_on_to_a_gateway_is_followed_too() -> None:
    """A host that the mesh does not know, at the address of the gateway's Service or of its pod:
    plain, and as whatever the client says it is.
    """
    near = PLAIN.replace("far.test", "near.test")
    inward = virtual_service(
        "near",
        "{hosts: [near.test], gateways: [egress], "
        f"http: [{{{to('web.shop.svc.cluster.local', 80)}}}]}}",
    )
    with situation(EGRESS, near, inward) as now:
        (address,) = pod_of(now, "deploy/out.edge")
        for url in (f"http://{OUT}/", f"http://{address}:8080/"):
            found = called(now, url, {"host": "near.test"})
            assert found.verdict.startswith("goes to PassthroughCluster, then goes to outbound|80|")
            assert found.steps[-1].at == "authorization"
        closed = called(now, f"http://{address}:80/", {"host": "near.test"})
    assert closed.verdict == "fails: no server is open here: the connection is refused"


def test_what_is_passed_on_to_a_pod_arrives_there() -> None:
    """In the clear, and past a sidecar that intercepts nothing."""
    strict = """---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: strict, namespace: shop}
spec: {mtls: {mode: STRICT}}
"""
    for texts, ok in (((), True), ((strict,), False)):
        with situation(*texts) as now:
            (address,) = pod_of(now, "deploy/web-v1.shop")
            found = called(now, f"http://{address}:80/")
            client, others = now.proxy("deploy/client-v1.shop"), now.proxies
            asked = asked_of(now, client, Called(url=f"http://{address}:80/"))
            uncaught = [replace(each, mode=Mode.NONE) for each in others]
            past = trace(now.mesh, client, uncaught, asked)
        assert (found.ok, found.steps[-1 if not ok else -2].at) == (ok, "mutual TLS")
        assert (past.ok, past.steps[-1].at) == (True, "cluster")


def test_a_service_without_an_endpoint_is_passed_on_to_nobody() -> None:
    with situation(service("gone")) as now:
        found = called(now, "http://gone.shop.svc.cluster.local/", {"host": "near.test"})
    assert (found.verdict, found.steps[-1].at) == ("goes to PassthroughCluster", "cluster")


def test_what_a_gateway_cannot_secure_as_it_should_goes_nowhere() -> None:
    """A DestinationRule that names a Secret which is not there."""
    rule = destination_rule(
        "far", "{host: far.test, trafficPolicy: {tls: {mode: SIMPLE, credentialName: lost}}}"
    )
    with situation(EGRESS, PLAIN, way(80), rule) as now:
        found = called(now, "http://far.test/")
    said = step(beyond(found), "cluster")
    assert said is found.steps[-1]
    assert found.verdict == f"fails: {said.says}"
    assert causes(said) == ["DestinationRule shop/far"]
    assert "unusable-secret" in [each.code for each in said.problems]
