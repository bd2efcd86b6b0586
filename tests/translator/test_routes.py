import pytest
from envoy.config.route.v3.route_components_pb2 import Route
from envoy.config.route.v3.route_pb2 import RouteConfiguration

from crds.fields import FrozenMap
from crds.scalars import Percent, StringMatch
from crds.virtual_service import (
    Abort,
    CorsPolicy,
    HeaderOperations,
    Headers,
    HTTPDirectResponse,
    HTTPFaultInjection,
    HTTPMatchRequest,
    HTTPRedirect,
    HTTPRoute,
    RedirectPortSelection,
)
from mesh.outgoing import PASSED_ON, UnknownTraffic
from mesh.routing import HttpRule, Target
from mesh.services import Protocol
from tests.semantics import covers
from tests.translator.inputs import HOST, missing, rule, target
from translator import names, routes
from translator.filters import cors, fault

BLOCKED = UnknownTraffic(allowed=False)


def made_of(*rules: HttpRule) -> list[Route]:
    return list(routes.virtual_host("9080", f"{HOST}:9080", (HOST,), rules).routes)


def test_a_virtual_host_is_named_as_its_resource() -> None:
    host = routes.virtual_host("80", f"{HOST}:80", (HOST, "reviews"), (rule(),))
    assert host.name == f"80/{HOST}:80"
    assert list(host.domains) == [HOST, "reviews"]
    assert host.include_request_attempt_count
    assert host.metadata.filter_metadata["istio"].fields["name"].string_value == f"{HOST}:80"


def test_without_a_virtual_service_everything_goes_to_the_host_s_own_endpoints() -> None:
    (made,) = made_of(*routes.default_rules(target()))
    assert made.name == "default"
    assert made.match.prefix == "/"
    assert made.route.cluster == f"outbound|80||{HOST}"


def test_rules_and_matches_keep_their_order() -> None:
    two = HTTPMatchRequest(name="b", uri=StringMatch(prefix="/b"))
    made = made_of(
        rule(HTTPRoute(name="first"), matches=(HTTPMatchRequest(name="a"), two)),
        rule(HTTPRoute(name="second")),
        rule(HTTPRoute(), matches=(HTTPMatchRequest(name="only"),)),
    )
    assert [one.name for one in made] == ["first.a", "first.b", "second", "only"]


def test_a_block_that_can_match_nothing_is_left_out() -> None:
    never = HTTPMatchRequest(headers=FrozenMap({"a\nb": StringMatch()}))
    assert made_of(rule(matches=(never,))) == []


def test_an_unknown_destination_answers_503_and_says_why() -> None:
    (made,) = made_of(rule(HTTPRoute(), missing()))
    assert made.direct_response.status == 503
    assert made.direct_response.body.inline_string == "no service has the host gone\n"


def test_one_unknown_destination_of_two_gets_its_share_of_503() -> None:
    (made,) = made_of(rule(HTTPRoute(), target(weight=90), missing(10)))
    assert [c.name for c in made.route.weighted_clusters.clusters] == [
        f"outbound|80||{HOST}",
        names.BLACKHOLE,
    ]


@pytest.mark.parametrize("targets", [(), (target(), target())])
def test_a_rule_that_sends_nowhere_answers_503(targets: tuple[Target, ...]) -> None:
    (made,) = made_of(HttpRule(route=HTTPRoute(), targets=targets))
    assert made.direct_response.status == 503


@pytest.mark.parametrize(
    ("route", "action"),
    [
        (HTTPRoute(redirect=HTTPRedirect(uri="/a")), "redirect"),
        (HTTPRoute(direct_response=HTTPDirectResponse(status=418)), "direct_response"),
        (
            HTTPRoute(redirect=HTTPRedirect(), direct_response=HTTPDirectResponse(status=418)),
            "redirect",
        ),
        (HTTPRoute(), "route"),
    ],
)
def test_a_route_has_one_action(route: HTTPRoute, action: str) -> None:
    (made,) = made_of(rule(route))
    assert made.WhichOneof("action") == action


def test_a_redirect_to_the_request_s_port_is_to_the_one_that_clients_call() -> None:
    derived = HTTPRedirect(derive_port=RedirectPortSelection.FROM_REQUEST_PORT)
    (made,) = made_of(rule(HTTPRoute(redirect=derived)))
    assert made.redirect.port_redirect == 9080


def test_an_only_destination_s_headers_are_the_route_s() -> None:
    own = Headers(request=HeaderOperations(set=FrozenMap({"b": "2"}), remove=("c",)))
    mine = Headers(request=HeaderOperations(set=FrozenMap({"a": "1"})))
    to = Target(host=HOST, port=80, headers=own)
    (made,) = made_of(rule(HTTPRoute(headers=mine), to))
    assert [one.header.key for one in made.request_headers_to_add] == ["a", "b"]
    assert list(made.request_headers_to_remove) == ["c"]


def test_response_headers() -> None:
    mine = Headers(response=HeaderOperations(set=FrozenMap({"a": "1"}), remove=("b",)))
    (made,) = made_of(rule(HTTPRoute(headers=mine)))
    assert made.response_headers_to_add[0].header.key == "a"
    assert list(made.response_headers_to_remove) == ["b"]


def test_cors_and_faults_are_configured_per_route() -> None:
    injection = HTTPFaultInjection(abort=Abort(http_status=500, percentage=Percent(value=1)))
    (made,) = made_of(rule(HTTPRoute(cors_policy=CorsPolicy(), fault=injection)))
    assert set(made.typed_per_filter_config) == {cors.NAME, fault.NAME}
    (made,) = made_of(rule(HTTPRoute(fault=HTTPFaultInjection())))
    assert not made.typed_per_filter_config


def test_a_stat_prefix_is_the_block_s() -> None:
    (made,) = made_of(rule(matches=(HTTPMatchRequest(stat_prefix="checkout"),)))
    assert made.stat_prefix == "checkout"


def test_unknown_hosts_pass_through_without_a_timeout() -> None:
    host = routes.catch_all("80", PASSED_ON)
    assert (host.name, list(host.domains)) == ("80/*", ["*"])
    tunnel, other = host.routes
    assert tunnel.match.HasField("connect_matcher")
    assert tunnel.route.cluster == other.route.cluster == names.PASSTHROUGH
    assert other.route.HasField("timeout")
    assert other.name == "allow_any"


def test_unknown_hosts_are_refused_with_a_reason() -> None:
    host = routes.catch_all("80", BLOCKED)
    assert host.routes[0].direct_response.status == 502
    assert "REGISTRY_ONLY" in host.routes[0].direct_response.body.inline_string
    assert host.routes[0].name == "block_all"


def test_nothing_passes_through_the_proxy_port() -> None:
    host = routes.catch_all(names.HTTP_PROXY, PASSED_ON, called=True)
    assert host.routes[0].direct_response.status == 502
    assert "what is called here" in host.routes[0].direct_response.body.inline_string


def test_a_route_configuration_is_a_skeleton_or_complete() -> None:
    host = routes.catch_all("80", PASSED_ON)
    skeleton = routes.route_configuration("80", vhds=True)
    complete = routes.route_configuration("80", vhds=False, virtual_hosts=(host,))
    assert skeleton.vhds.config_source.HasField("ads")
    assert not skeleton.virtual_hosts
    assert not complete.HasField("vhds")
    assert complete.virtual_hosts[0] == host
    for made in (skeleton, complete):
        assert made.ignore_port_in_host_matching
        assert made.HasField("validate_clusters")
        assert not made.validate_clusters.value
        assert made.max_direct_response_body_size_bytes.value == 1 << 20


def test_only_the_proxy_port_tells_ports_of_a_host_apart() -> None:
    made = routes.route_configuration(names.HTTP_PROXY, vhds=True, merges=True)
    assert not made.ignore_port_in_host_matching


def test_inbound_everything_goes_to_the_port_s_cluster_without_a_timeout() -> None:
    made = routes.inbound_route_configuration(9080, Protocol.HTTP)
    assert made.name == "inbound|9080||"
    (host,) = made.virtual_hosts
    assert list(host.domains) == ["*"]
    assert host.routes[0].route.cluster == "inbound|9080||"
    assert host.routes[0].route.HasField("timeout")


@covers("S-69")
@pytest.mark.parametrize(
    ("made", "again"),
    [
        (routes.inbound_route_configuration(80, Protocol.HTTP), True),
        (routes.inbound_route_configuration(80, Protocol.GRPC), False),
        (routes.inbound_passthrough_routes(), True),
    ],
    ids=("http", "grpc", "a port of no service"),
)
def test_a_sidecar_asks_its_application_again_but_opens_no_tunnel_twice(
    made: RouteConfiguration, again: bool
) -> None:
    (host,) = made.virtual_hosts
    found = {each.name: each.route.HasField("retry_policy") for each in host.routes}
    assert found == {"connect": False, "default": again}
