import pytest
from envoy.config.route.v3.route_components_pb2 import RedirectAction, RouteAction

from crds.destination_rule import ConsistentHashLB
from crds.fields import FrozenMap
from crds.virtual_service import (
    HeaderOperations,
    Headers,
    HTTPBody,
    HTTPDirectResponse,
    HTTPRedirect,
    HTTPRetry,
    HTTPRewrite,
    HTTPRoute,
    RedirectPortSelection,
    RegexRewrite,
)
from mesh.routing import Mirror, Missing, Target
from tests.translator.inputs import HOST, SECOND, hashing, missing, target
from translator.route_action import direct_response, forward, redirect, unavailable
from translator.shares import shares


def forwarded(
    route: HTTPRoute, *targets: Target | Missing, mirrors: tuple[Mirror, ...] = ()
) -> RouteAction:
    return forward(route, shares(targets or (target(),)), mirrors)


def asking_for_host(name: str) -> Headers:
    return Headers(request=HeaderOperations(set=FrozenMap({"Host": name})))


def with_headers(weight: int, headers: Headers) -> Target:
    return Target(host=HOST, port=80, weight=weight, headers=headers)


def test_one_destination_is_a_cluster_and_its_weight_does_not_matter() -> None:
    assert forwarded(HTTPRoute(), target("v1", 7)).cluster == f"outbound|80|v1|{HOST}"


def test_several_destinations_are_weighted() -> None:
    made = forwarded(HTTPRoute(), target("v1", 90), target("v2", 10), missing(5))
    assert [(one.name, one.weight.value) for one in made.weighted_clusters.clusters] == [
        (f"outbound|80|v1|{HOST}", 90),
        (f"outbound|80|v2|{HOST}", 10),
        ("BlackHoleCluster", 5),
    ]


def test_there_is_no_timeout_unless_asked_for() -> None:
    made = forwarded(HTTPRoute())
    assert made.HasField("timeout")
    assert made.timeout.seconds == 0
    assert made.max_stream_duration.HasField("grpc_timeout_header_max")
    assert made.max_stream_duration.grpc_timeout_header_max.seconds == 0


def test_a_timeout_stands_alone_or_envoy_ignores_it() -> None:
    made = forwarded(HTTPRoute(timeout=SECOND))
    assert made.timeout.seconds == 1
    assert not made.HasField("max_stream_duration")


def test_retries_are_on_unless_turned_off() -> None:
    assert forwarded(HTTPRoute()).HasField("retry_policy")
    assert not forwarded(HTTPRoute(retries=HTTPRetry(attempts=0))).HasField("retry_policy")


def test_a_destination_s_hashing_stands_on_the_route() -> None:
    policy = hashing(ConsistentHashLB(http_header_name="x-user"))
    made = forwarded(HTTPRoute(), target(policy=policy))
    assert made.hash_policy[0].header.header_name == "x-user"
    assert not made.retry_policy.retry_host_predicate


def test_rewrites() -> None:
    made = forwarded(HTTPRoute(rewrite=HTTPRewrite(uri="/new", authority="a.com")))
    assert made.prefix_rewrite == "/new"
    assert made.host_rewrite_literal == "a.com"
    regex = RegexRewrite(match="/(.*)", rewrite=r"/new/\1")
    made = forwarded(HTTPRoute(rewrite=HTTPRewrite(uri_regex_rewrite=regex)))
    assert made.regex_rewrite.pattern.regex == "/(.*)"
    assert made.regex_rewrite.substitution == r"/new/\1"


def test_of_two_path_rewrites_the_plain_one_is_taken() -> None:
    both = HTTPRewrite(uri="/new", uri_regex_rewrite=RegexRewrite(match="a", rewrite="b"))
    made = forwarded(HTTPRoute(rewrite=both))
    assert made.prefix_rewrite == "/new"
    assert not made.HasField("regex_rewrite")
    empty = HTTPRewrite(uri_regex_rewrite=RegexRewrite())
    assert not forwarded(HTTPRoute(rewrite=empty)).HasField("regex_rewrite")


@pytest.mark.parametrize(
    ("route", "host"),
    [
        (
            HTTPRoute(rewrite=HTTPRewrite(authority="rewrite"), headers=asking_for_host("rule")),
            "rewrite",
        ),
        (HTTPRoute(headers=asking_for_host("rule")), "rule"),
        (HTTPRoute(), "destination"),
    ],
)
def test_who_decides_on_the_host(route: HTTPRoute, host: str) -> None:
    made = forwarded(route, with_headers(0, asking_for_host("destination")))
    assert made.host_rewrite_literal == host


def test_each_weighted_destination_has_headers_of_its_own() -> None:
    response = Headers(response=HeaderOperations(remove=("x",), add=FrozenMap({"y": "1"})))
    made = forwarded(
        HTTPRoute(), with_headers(1, asking_for_host("one")), with_headers(1, response)
    )
    one, two = made.weighted_clusters.clusters
    assert one.host_rewrite_literal == "one"
    assert not made.host_rewrite_literal
    assert list(two.response_headers_to_remove) == ["x"]
    assert two.response_headers_to_add[0].header.key == "y"


def test_mirrors() -> None:
    mirrors = (Mirror(target=target("v2"), percent=12.5), Mirror(target=target(), percent=0))
    (made,) = forwarded(HTTPRoute(), mirrors=mirrors).request_mirror_policies
    assert made.cluster == f"outbound|80|v2|{HOST}"
    assert made.runtime_fraction.default_value.numerator == 125_000
    assert made.disable_shadow_host_suffix_append


@pytest.mark.parametrize(
    ("action", "port"),
    [
        (HTTPRedirect(port=8443), 8443),
        (HTTPRedirect(port=80), 0),
        (HTTPRedirect(port=443), 443),
        (HTTPRedirect(port=443, scheme="https"), 0),
        (HTTPRedirect(port=80, scheme="https"), 80),
        (HTTPRedirect(port=2**31), 65_535),
        (HTTPRedirect(), 0),
        (HTTPRedirect(derive_port=RedirectPortSelection.FROM_PROTOCOL_DEFAULT), 0),
        (HTTPRedirect(derive_port=RedirectPortSelection.FROM_REQUEST_PORT), 9080),
    ],
)
def test_a_port_that_the_scheme_implies_is_left_out(action: HTTPRedirect, port: int) -> None:
    assert redirect(action, 9080).port_redirect == port


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (0, "MOVED_PERMANENTLY"),
        (301, "MOVED_PERMANENTLY"),
        (302, "FOUND"),
        (303, "SEE_OTHER"),
        (307, "TEMPORARY_REDIRECT"),
        (308, "PERMANENT_REDIRECT"),
        (304, "MOVED_PERMANENTLY"),
    ],
)
def test_redirect_codes(code: int, name: str) -> None:
    made = redirect(HTTPRedirect(redirect_code=code), 80)
    assert RedirectAction.RedirectResponseCode.Name(made.response_code) == name


def test_what_a_redirect_replaces() -> None:
    made = redirect(HTTPRedirect(uri="/a", authority="b.com", scheme="https"), 80)
    assert (made.path_redirect, made.host_redirect) == ("/a", "b.com")
    assert made.scheme_redirect == "https"
    assert redirect(HTTPRedirect(prefix_rewrite="/b"), 80).prefix_rewrite == "/b"


@pytest.mark.parametrize(
    ("body", "text", "raw"),
    [
        (HTTPBody(string="hello"), "hello", b""),
        (HTTPBody(bytes_=b"\xff"), "", b"\xff"),
        (HTTPBody(string="x" * 1_100_000), "", b"x" * (1 << 20)),
    ],
)
def test_a_direct_response_has_a_body_of_at_most_a_mebibyte(
    body: HTTPBody, text: str, raw: bytes
) -> None:
    made = direct_response(HTTPDirectResponse(status=418, body=body))
    assert made.status == 418
    assert (made.body.inline_string, made.body.inline_bytes) == (text, raw)


@pytest.mark.parametrize("body", [None, HTTPBody(), HTTPBody(string="")])
def test_a_direct_response_without_a_body(body: HTTPBody | None) -> None:
    assert not direct_response(HTTPDirectResponse(status=200, body=body)).HasField("body")


@pytest.mark.parametrize(("given", "sent"), [(0, 200), (200, 200), (600, 599)])
def test_a_status_that_envoy_refuses_is_brought_into_range(given: int, sent: int) -> None:
    assert direct_response(HTTPDirectResponse(status=given)).status == sent


def test_an_unavailable_answer_says_why_each_reason_once() -> None:
    made = unavailable(["no a", "no b", "no a"])
    assert made.status == 503
    assert made.body.inline_string == "no a; no b\n"
