"""What a real Envoy does with requests, given rules of a VirtualService."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist

import pytest
import yaml

from crds.decode import decode
from crds.virtual_service import HTTPRoute, HTTPRouteDestination, VirtualService
from mesh.outgoing import UnknownTraffic
from mesh.routing import HttpRule, Missing, Target
from tests.translator.running import SLOW, Answer, Running, serving
from translator import names, routes

pytestmark = pytest.mark.envoy

TO_V1 = "route: [{destination: {host: r, subset: v1}}]"
TO_V2 = "route: [{destination: {host: r, subset: v2}}]"


@dataclass(frozen=True)
class Case:
    """Rules (as the `http` of a VirtualService), a request, and what comes of it."""

    rules: str
    path: str = "/"
    method: str = "GET"
    headers: Mapping[str, str] | None = None
    status: int = 200
    cluster: str | None = "v1"
    seen: Mapping[str, str] | None = None
    body: str | None = None
    got: Mapping[str, str] | None = None


def first(match: str) -> str:
    """v1 if the request matches, v2 if it does not."""
    return f"[{{match: [{match}], {TO_V1}}}, {{{TO_V2}}}]"


def only(more: str, destination: str = TO_V1) -> str:
    """One rule for all requests."""
    return f"[{{{destination}, {more}}}]"


CASES = {
    "a prefix is of characters": Case(first("{uri: {prefix: /foo}}"), path="/foobar"),
    "another path goes on to the next rule": Case(
        first("{uri: {prefix: /foo}}"), path="/bar", cluster="v2"
    ),
    "a path is exact": Case(first("{uri: {exact: /foo}}"), path="/foo/", cluster="v2"),
    "a query is no part of the path": Case(first("{uri: {exact: /foo}}"), path="/foo?a=b"),
    "a regex matches the whole path": Case(
        first("{uri: {regex: /a.c}}"), path="/abcd", cluster="v2"
    ),
    "a path without regard to case": Case(
        first("{uri: {prefix: /foo}, ignoreUriCase: true}"), path="/FOO"
    ),
    "a header's value": Case(first("{headers: {x-user: {exact: ann}}}"), headers={"X-User": "ann"}),
    "another value": Case(
        first("{headers: {x-user: {exact: ann}}}"), headers={"x-user": "bob"}, cluster="v2"
    ),
    "a header that is there": Case(first("{headers: {x-user: {}}}"), headers={"x-user": ""}),
    "a header that is not there": Case(first("{headers: {x-user: {}}}"), cluster="v2"),
    "without a header, which is absent": Case(first("{withoutHeaders: {x: {exact: a}}}")),
    "without a header, which is there": Case(
        first("{withoutHeaders: {x: {exact: a}}}"), headers={"x": "a"}, cluster="v2"
    ),
    "without a header's presence": Case(
        first("{withoutHeaders: {x: {}}}"), headers={"x": "b"}, cluster="v2"
    ),
    "a method": Case(first("{method: {exact: POST}}"), method="POST"),
    "an authority": Case(first("{authority: {prefix: case}}")),
    "a query parameter": Case(first("{queryParams: {v: {exact: '1'}}}"), path="/?v=1"),
    "a query parameter that is there": Case(first("{queryParams: {v: {}}}"), path="/?v"),
    "all conditions of a block": Case(
        first("{uri: {prefix: /a}, method: {exact: POST}}"), path="/a", cluster="v2"
    ),
    "any block": Case(first("{uri: {prefix: /a}}, {uri: {prefix: /b}}"), path="/b"),
    "no rule is left": Case(
        f"[{{match: [{{uri: {{prefix: /a}}}}], {TO_V1}}}]", status=404, cluster=None
    ),
    "a path is normalised before it is matched": Case(
        first("{uri: {prefix: /admin}}"), path="/x/../admin"
    ),
    "a prefix is rewritten": Case(
        f"[{{match: [{{uri: {{prefix: /a}}}}], rewrite: {{uri: /b}}, {TO_V1}}}]",
        path="/a/x?q",
        seen={"path": "/b/x?q"},
    ),
    "a host is rewritten": Case(only("rewrite: {authority: other}"), seen={"host": "other"}),
    "a path is rewritten by a regex": Case(
        only(r"rewrite: {uriRegexRewrite: {match: '^/a/(\d+)', rewrite: '/b/\1'}}"),
        path="/a/7",
        seen={"path": "/b/7"},
    ),
    "the rule's host wins over the destination's": Case(
        "[{headers: {request: {set: {Host: rule}}}, "
        "route: [{destination: {host: r, subset: v1}, "
        "headers: {request: {set: {Host: destination}}}}]}]",
        seen={"host": "rule"},
    ),
    "request headers": Case(
        only("headers: {request: {set: {added: new}, remove: [removed]}}"),
        headers={"added": "old", "removed": "x"},
        seen={"added": "new", "removed": ""},
    ),
    "a header is added": Case(only("headers: {request: {add: {added: b}}}"), seen={"added": "b"}),
    "response headers": Case(
        only("headers: {response: {set: {x-set: a}, add: {x-add: b}, remove: [seen-host]}}"),
        got={"x-set": "a", "x-add": "b", "seen-host": ""},
    ),
    "a header's value may hold what Envoy knows of the request": Case(
        only("headers: {request: {set: {added: '%REQ(:method)% 100%%'}}}"),
        seen={"added": "GET 100%"},
    ),
    "a redirect": Case(
        "[{redirect: {uri: /new, authority: other.com, redirectCode: 302}}]",
        path="/old?q=1",
        status=302,
        cluster=None,
        got={"location": "http://other.com/new?q=1"},
    ),
    "a redirect to https": Case(
        "[{redirect: {scheme: https, port: 443}}]",
        path="/a",
        status=301,
        cluster=None,
        got={"location": "https://case/a"},
    ),
    "a redirect of a prefix": Case(
        "[{match: [{uri: {prefix: /a}}], redirect: {prefixRewrite: /b}}]",
        path="/a/c",
        status=301,
        cluster=None,
        got={"location": "http://case/b/c"},
    ),
    "a direct response": Case(
        "[{directResponse: {status: 418, body: {string: short and stout}}}]",
        status=418,
        cluster=None,
        body="short and stout",
    ),
    "an abort": Case(
        only("fault: {abort: {httpStatus: 555, percentage: {value: 100}}}"),
        status=555,
        cluster=None,
        body="fault filter abort",
    ),
    "a grpc abort": Case(
        only("fault: {abort: {grpcStatus: UNAVAILABLE, percentage: {value: 100}}}"),
        headers={"content-type": "application/grpc", "te": "trailers"},
        cluster=None,
        got={"grpc-status": "14"},
    ),
    "an abort without a percentage": Case(only("fault: {abort: {httpStatus: 555}}")),
    "a delay": Case(only("fault: {delay: {fixedDelay: 1ms, percentage: {value: 100}}}")),
    "a timeout": Case(only("timeout: 10ms"), path=SLOW, status=504, cluster=None),
    "a timeout of each try": Case(
        only("retries: {attempts: 1, perTryTimeout: 10ms, retryOn: reset}"),
        path=SLOW,
        status=504,
        cluster=None,
    ),
    "a preflight of an allowed origin": Case(
        only("corsPolicy: {allowOrigins: [{exact: 'http://a'}], allowMethods: [GET], maxAge: 60s}"),
        method="OPTIONS",
        headers={"Origin": "http://a", "Access-Control-Request-Method": "GET"},
        cluster=None,
        got={"access-control-allow-origin": "http://a", "access-control-max-age": "60"},
    ),
    "a preflight of another origin": Case(
        only("corsPolicy: {allowOrigins: [{exact: 'http://a'}]}"),
        method="OPTIONS",
        headers={"Origin": "http://b", "Access-Control-Request-Method": "GET"},
    ),
    "a destination that does not exist": Case(
        only("name: x", "route: [{destination: {host: gone}}]"),
        status=503,
        cluster=None,
        body="no service has the host gone\n",
    ),
    "a mirror": Case(only("mirror: {host: r, subset: v2}")),
    "the only destination's weight is zero": Case(
        "[{route: [{destination: {host: r, subset: v1}, weight: 0}]}]"
    ),
    "a weight of zero": Case(
        "[{route: [{destination: {host: r, subset: v1}, weight: 1}, "
        "{destination: {host: r, subset: v2}, weight: 0}]}]"
    ),
}
HALVES = (
    "[{route: [{destination: {host: r, subset: v1}, weight: 90}, "
    "{destination: {host: r, subset: v2}, weight: 10}]}]"
)
PARTLY = (
    "[{route: [{destination: {host: r, subset: v1}, weight: 50}, "
    "{destination: {host: gone}, weight: 50}]}]"
)
REQUESTS = 1_000


def rules_of(text: str) -> tuple[HttpRule, ...]:
    """The rules, with `r` as the host that exists."""
    raw = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "x", "namespace": "shop"},
        "spec": {"hosts": ["r"], "http": yaml.safe_load(text)},
    }
    decoded = decode(raw)
    assert isinstance(decoded.object, VirtualService), decoded.problems
    return tuple(_rule(route) for route in decoded.object.http)


def _rule(route: HTTPRoute) -> HttpRule:
    return HttpRule(
        route=route, matches=route.match, targets=tuple(_target(one) for one in route.route)
    )


def _target(given: HTTPRouteDestination) -> Target | Missing:
    to = given.destination
    assert to is not None
    if to.host != "r":
        reason = f"no service has the host {to.host}"
        return Missing(destination=to.host, reason=reason, weight=given.weight)
    return Target(host="r", port=80, subset=to.subset, weight=given.weight, headers=given.headers)


@pytest.fixture(scope="module")
def running(envoy_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One Envoy for all cases, each a host of its own."""
    texts = [case.rules for case in CASES.values()]
    hosts = [
        routes.virtual_host("80", f"case{i}:80", (f"case{i}",), rules_of(text))
        for i, text in enumerate((*texts, HALVES, PARTLY))
    ]
    hosts.append(routes.catch_all("80", UnknownTraffic(allowed=False)))
    clusters = [names.outbound_cluster(80, subset, "r") for subset in ("v1", "v2")]
    with serving(envoy_binary, tmp_path_factory.mktemp("e"), hosts, clusters) as envoy:
        yield envoy


@pytest.mark.parametrize("name", CASES)
def test_a_request(running: Running, name: str) -> None:
    case = CASES[name]
    host = f"case{list(CASES).index(name)}"
    answer = running.ask(host, case.path, case.method, case.headers)
    assert answer.status == case.status
    assert _subset(answer) == case.cluster
    if case.body is not None:
        assert answer.body == case.body
    for part, value in (case.seen or {}).items():
        assert _shown(answer, f"seen-{part}") == value
    for header, value in (case.got or {}).items():
        assert answer.headers.get(header, "") == value.replace("//case", f"//{host}")


def _subset(answer: Answer) -> str | None:
    parts = names.parse_cluster(answer.headers.get("seen-cluster", ""))
    return parts.subset if parts else None


def _shown(answer: Answer, header: str) -> str:
    value = answer.headers.get(header, "")
    return "" if value == "-" else value


def test_a_port_in_the_host_does_not_matter(running: Running) -> None:
    assert running.ask("case0:8080").status == 200


def test_an_unknown_host_is_refused(running: Running) -> None:
    answer = running.ask("nobody")
    assert answer.status == 502
    assert "REGISTRY_ONLY" in answer.body


def test_weights_are_kept_within_chance(running: Running) -> None:
    """Fails one run in a million if the split is right."""
    host = f"case{len(CASES)}"
    hits = sum(_subset(running.ask(host)) == "v2" for _ in range(REQUESTS))
    bound = NormalDist().inv_cdf(1 - 0.5e-6) * (REQUESTS * 0.1 * 0.9) ** 0.5
    assert abs(hits - REQUESTS * 0.1) <= bound


def test_the_share_of_an_unknown_destination_gets_503(running: Running) -> None:
    host = f"case{len(CASES) + 1}"
    statuses = {running.ask(host).status for _ in range(50)}
    assert statuses == {200, 503}
