"""What is not known is never skipped in silence, and the corners of what is known."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from envoy.config.core.v3.address_pb2 import CidrRange
from envoy.config.listener.v3.listener_components_pb2 import FilterChain, FilterChainMatch
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.rbac.v3.rbac_pb2 import Permission, Principal
from envoy.config.route.v3.route_components_pb2 import (
    HeaderMatcher,
    NonForwardingAction,
    QueryParameterMatcher,
    Route,
    RouteAction,
    RouteMatch,
    VirtualHost,
)
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from envoy.extensions.path.match.uri_template.v3.uri_template_match_pb2 import (
    UriTemplateMatchConfig,
)
from envoy.type.matcher.v3.metadata_pb2 import MetadataMatcher
from envoy.type.matcher.v3.string_pb2 import StringMatcher
from envoy.type.matcher.v3.value_pb2 import ValueMatcher
from google.protobuf.any_pb2 import Any

from explain import rbac
from explain.call import Call
from explain.errors import Unexplained
from explain.filter_chain_match import Connection, chosen
from explain.http_filters import filtered
from explain.request import Asked, Request
from explain.simulate import Outcome, connect, decide, endpoints, receive, send
from explain.trace import trace
from tests.explain.scenario import app, routed, service, situation, traced
from tests.meshes import destination_rule
from translator.metadata import left
from translator.translate import translate

CALL = Call()
TOKEN = "envoy.filters.http.jwt_authn"


def matched(match: RouteMatch, **action: object) -> Outcome:
    """What a route with such a match does with a request for `/a`."""
    route = Route(match=match, **(action or {"route": RouteAction(cluster="c")}))  # type: ignore[arg-type]
    host = VirtualHost(name="h", domains=("*",), routes=(route,))
    return decide(RouteConfiguration(virtual_hosts=(host,)), Request(authority="x", path="/a?q=1"))


def header(**how: object) -> RouteMatch:
    matcher = HeaderMatcher(name=":path", **how)  # type: ignore[arg-type]
    return RouteMatch(prefix="/", headers=(matcher,))


def claim(**how: object) -> bool:
    value = ValueMatcher(**how)  # type: ignore[arg-type]
    matcher = MetadataMatcher(filter=TOKEN, path=(), value=value)
    return rbac.metadata_matches(matcher, {"sub": "x"})


def chain_of(**match: object) -> FilterChain:
    listener = Listener(
        filter_chains=(FilterChain(filter_chain_match=FilterChainMatch(**match)),)  # type: ignore[arg-type]
    )
    return chosen(listener, Connection("10.0.0.1", 80))


UNKNOWN: list[Callable[[], object]] = [
    lambda: matched(RouteMatch(path_separated_prefix="/a")),
    lambda: matched(header(string_match=StringMatcher(contains="a"))),
    lambda: matched(RouteMatch(prefix="/"), non_forwarding_action=NonForwardingAction()),
    lambda: rbac.permits(Permission(metadata=MetadataMatcher()), CALL),
    lambda: rbac.identifies(Principal(url_path={"path": {"exact": "/"}}), CALL),  # type: ignore[arg-type]
    lambda: rbac.text(StringMatcher(), "x"),
    lambda: rbac.text(StringMatcher(prefix=""), "x"),
    lambda: claim(null_match={}),
    lambda: chain_of(source_ports=[1]),
    lambda: chain_of(server_names=["*a.b"], transport_protocol=""),
    lambda: filtered(
        Route(typed_per_filter_config={"unknown": Any()}), "GET", lambda _: None, lambda *_: True
    ),
]


@pytest.mark.parametrize("ask", UNKNOWN)
def test_what_is_not_known_ends_the_explanation(ask: Callable[[], object]) -> None:
    with pytest.raises(Unexplained):
        ask()


def test_the_corners_of_matching() -> None:
    assert matched(header(string_match=StringMatcher(exact="/a?q=1"))).cluster == "c"
    assert matched(header(present_match=True, invert_match=True)).status == 404
    query = QueryParameterMatcher(name="q", string_match=StringMatcher(exact="1"))
    assert matched(RouteMatch(prefix="/", query_parameters=(query,))).cluster == "c"
    present = QueryParameterMatcher(name="q", present_match=True)
    assert matched(RouteMatch(prefix="/", query_parameters=(present,))).cluster == "c"
    assert decide(RouteConfiguration(), Request(authority="x")).status == 404
    prefix = VirtualHost(name="h", domains=("x.*",))
    assert (
        decide(RouteConfiguration(virtual_hosts=(prefix,)), Request(authority="x.y")).status == 404
    )
    tls = VirtualHost(name="h", domains=("*",), require_tls=VirtualHost.ALL)
    away = decide(RouteConfiguration(virtual_hosts=(tls,)), Request(authority="x"))
    assert (away.status, away.location) == (301, "https://x/")


def test_the_corners_of_policies() -> None:
    block = CidrRange(address_prefix="10.0.0.0")
    block.prefix_len.value = 8
    assert rbac.permits(Permission(destination_ip=block), CALL)
    assert rbac.permits(Permission(destination_port=8080), CALL)
    assert not rbac.permits(Permission(requested_server_name=StringMatcher(exact="a")), CALL)
    assert claim(present_match=True)


CORS_AND_FAULT = routed(
    "  - match: [{uri: {prefix: /cors}}]\n"
    "    corsPolicy: {allowOrigins: [{exact: 'http://a'}], allowMethods: [GET]}\n"
    "    route: [{destination: {host: web}}]\n"
    "  - match: [{uri: {prefix: /abort}}]\n"
    "    fault: {abort: {httpStatus: 418, percentage: {value: 100}}}\n"
    "    route: [{destination: {host: web}}]\n"
    "  - match: [{uri: {prefix: /slow}}]\n"
    "    fault: {delay: {fixedDelay: 1s, percentage: {value: 100}}}\n"
    "    route: [{destination: {host: web}}]\n"
    "  - redirect: {uri: /there, redirectCode: 302}\n"
)
TCP = """---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: db, namespace: shop}
spec:
  hosts: [db]
  tcp:
  - route:
    - {destination: {host: web, port: {number: 5432}}, weight: 90}
    - {destination: {host: db}, weight: 10}
"""


def test_what_filters_before_the_router_do() -> None:
    with situation(CORS_AND_FAULT) as now:
        config = translate(now.mesh, now.proxy("deploy/client-v1.shop"))
        (web,) = now.mesh.services.at("web.shop.svc.cluster.local")
    (address,) = web.addresses
    asking = {"Origin": "http://a", "Access-Control-Request-Method": "GET"}

    def sent(path: str, method: str = "GET", **headers: str) -> Outcome:
        request = Request(
            authority="web", path=path, method=method, address=address, headers=headers
        )
        return send(config, request)

    assert sent("/cors", "OPTIONS", **asking).status == 200
    assert sent("/cors", "OPTIONS", **{**asking, "Origin": "http://b"}).status == 0
    assert sent("/cors").cluster == "outbound|80||web.shop.svc.cluster.local"
    assert sent("/abort").status == 418
    assert sent("/slow").aborts == {}
    away = sent("/else?q=1")
    assert (away.status, away.location) == (302, "http://web/there?q=1")


def test_connections_and_arrivals() -> None:
    with situation(app("db"), service("db", "tcp 5432"), TCP) as now:
        client, web = now.proxy("deploy/client-v1.shop"), now.proxy("deploy/web-v1.shop")
        config, at_web = translate(now.mesh, client), translate(now.mesh, web)
        (db,) = now.mesh.services.at("db.shop.svc.cluster.local")
        found = trace(
            now.mesh,
            client,
            now.proxies,
            Asked(request=Request(authority="db:5432", address=db.addresses[0]), http=False),
        )
    carried = connect(config, db.addresses[0], 5432)
    assert sorted(carried.clusters.values()) == [0.1, 0.9]
    assert send(config, Request(authority="db:5432", address=db.addresses[0])) == carried
    assert found.ok
    assert len(endpoints(config, "outbound|80||web.shop.svc.cluster.local")) == 2
    assert receive(at_web, 80).cluster == "inbound|80||"
    assert receive(at_web, 5432).cluster == "inbound|5432||"
    assert connect(at_web, "10.1.0.1", 9, silent=True).listener == "virtualOutbound"


def test_a_silent_connection_waits_without_end_where_requests_are_looked_for() -> None:
    with situation(service("web", "unsaid 7000").replace("name: web", "name: other")) as now:
        config = translate(now.mesh, now.proxy("deploy/client-v1.shop"))
        (other,) = now.mesh.services.at("other.shop.svc.cluster.local")
    assert connect(config, other.addresses[0], 7000, silent=True).clusters == {}
    assert connect(config, other.addresses[0], 7000).cluster.startswith("outbound|7000|")


A = StringMatcher(exact="a")
AT_HOME = CidrRange(address_prefix="10.0.0.9")
AT_HOME.prefix_len.value = 32
HEADER = HeaderMatcher(name="x", string_match=A)
IT = Permission(url_path={"path": {"prefix": "/a"}})  # type: ignore[arg-type]  # nested
TEMPLATE = Permission()
TEMPLATE.uri_template.name = "t"
TEMPLATE.uri_template.typed_config.Pack(UriTemplateMatchConfig(path_template="/a/*/c/**"))
CALLER = Principal(authenticated={"principal_name": {"exact": "a"}})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rule", "matches", "does_not"),
    [
        (Permission(any=True), {}, None),
        (IT, {"path": "/a?x"}, {"path": "/b"}),
        (Permission(not_rule=IT), {"path": "/b"}, {"path": "/a"}),
        (Permission(and_rules={"rules": [IT, Permission(any=True)]}), {"path": "/a"}, {}),  # type: ignore[arg-type]
        (Permission(or_rules={"rules": [IT, Permission(destination_port=1)]}), {"port": 1}, {}),  # type: ignore[arg-type]
        (Permission(header=HEADER), {"headers": {"x": "a"}}, {"headers": {"x": "b"}}),
        (TEMPLATE, {"path": "/a/b/c/d/e"}, {"path": "/a/b/d"}),
    ],
)
def test_permissions(
    rule: Permission, matches: dict[str, object], does_not: dict[str, object] | None
) -> None:
    assert rbac.permits(rule, replace(CALL, **matches))  # type: ignore[arg-type]
    assert does_not is None or not rbac.permits(rule, replace(CALL, **does_not))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("who", "matches", "does_not"),
    [
        (Principal(any=True), {}, None),
        (CALLER, {"peer": "a"}, {"peer": "b"}),
        (CALLER, {"peer": "a"}, {}),
        (Principal(not_id=CALLER), {}, {"peer": "a"}),
        (Principal(and_ids={"ids": [CALLER, Principal(any=True)]}), {"peer": "a"}, {}),  # type: ignore[arg-type]
        (Principal(or_ids={"ids": [CALLER, Principal(remote_ip=AT_HOME)]}), {}, None),  # type: ignore[arg-type]
        (Principal(direct_remote_ip=AT_HOME), {}, {"peer_address": "10.0.0.8"}),
        (Principal(header=HEADER), {"headers": {"x": "a"}}, {}),
        (
            Principal(sourced_metadata={"metadata_matcher": left(TOKEN, ("payload", "sub"), A)}),  # type: ignore[arg-type]
            {"claims": {"sub": ["a"]}},
            {"claims": {"sub": "b"}},
        ),
    ],
)
def test_principals(
    who: Principal, matches: dict[str, object], does_not: dict[str, object] | None
) -> None:
    assert rbac.identifies(who, replace(CALL, **matches))  # type: ignore[arg-type]
    assert does_not is None or not rbac.identifies(who, replace(CALL, **does_not))  # type: ignore[arg-type]


def test_comparisons_may_ignore_case_and_be_expressions() -> None:
    assert rbac.text(StringMatcher(suffix="A", ignore_case=True), "xa")
    assert rbac.text(StringMatcher(safe_regex={"regex": "a+"}), "aa")  # type: ignore[arg-type]


def test_a_header_before_what_a_proxy_of_the_mesh_takes_is_not_known() -> None:
    """None of them expects one."""
    rule = destination_rule("web", "{host: web, trafficPolicy: {proxyProtocol: {version: V2}}}")
    with situation(rule) as now, pytest.raises(Unexplained, match="upstream_proxy_protocol"):
        traced(now)
