"""What happens to requests and connections, by the rules of istio-api.md (S-n) that hold now."""

import pytest

from crds.mesh_config import (
    DEFAULT_MESH_CONFIG,
    MeshConfig,
    OutboundTrafficPolicy,
)
from crds.outbound_policy import OutboundTrafficPolicyMode
from explain.request import Request
from explain.simulate import connect, endpoints, receive, send
from mesh.proxy import Mode, Proxy
from tests.meshes import destination_rule, mesh_of, service, virtual_service
from translator.config import Config
from translator.translate import translate

REVIEWS = "outbound|80||reviews.shop.svc.cluster.local"
V1 = "outbound|80|v1|reviews.shop.svc.cluster.local"
V2 = "outbound|80|v2|reviews.shop.svc.cluster.local"
SUBSETS = destination_rule(
    "reviews",
    "{host: reviews, subsets: [{name: v1, labels: {version: v1}},"
    " {name: v2, labels: {version: v2}}]}",
)
BLOCKED = MeshConfig(
    outbound_traffic_policy=OutboundTrafficPolicy(mode=OutboundTrafficPolicyMode.REGISTRY_ONLY)
)
ALL = "route: [{destination: {host: reviews, subset: v1}}]"
NEW = "route: [{destination: {host: reviews, subset: v2}}]"


def config_of(
    text: str,
    namespace: str = "shop",
    mode: Mode = Mode.REDIRECT,
    config: MeshConfig = DEFAULT_MESH_CONFIG,
    app: str = "client",
) -> Config:
    proxy = Proxy(
        namespace=namespace,
        name="client",
        labels={"app": app},
        service_account="default",
        mode=mode,
        address="127.1.0.9" if mode is Mode.NONE else "",
    )
    return translate(mesh_of(text, config), proxy)


def routed(*http: str) -> Config:
    """A client of `reviews` (v1, v2) whose VirtualService has these `http` rules."""
    spec = f"{{hosts: [reviews], http: [{', '.join(f'{{{rule}}}' for rule in http)}]}}"
    return config_of(service("reviews") + SUBSETS + virtual_service("reviews", spec))


def test_the_first_rule_that_matches_wins() -> None:
    config = routed(f"match: [{{uri: {{prefix: /a}}}}], {NEW}", f"match: [{{uri: {{}}}}], {ALL}")
    assert send(config, Request(authority="reviews", path="/ab")).cluster == V2
    assert send(config, Request(authority="reviews", path="/b")).cluster == V1


def test_what_no_rule_matches_gets_a_404_and_not_the_services_own_route() -> None:
    """S-10."""
    outcome = send(
        routed(f"match: [{{uri: {{prefix: /a}}}}], {ALL}"), Request(authority="reviews", path="/b")
    )
    assert (outcome.status, outcome.clusters) == (404, {})


@pytest.mark.parametrize(
    ("path", "cluster"),
    [("/foo", V2), ("/foobar", V2), ("/foo/x?y=1", V2), ("/FOO", V1), ("/fo", V1)],
)
def test_a_prefix_is_a_plain_prefix_of_the_string(path: str, cluster: str) -> None:
    """S-54."""
    config = routed(f"match: [{{uri: {{prefix: /foo}}}}], {NEW}", ALL)
    assert send(config, Request(authority="reviews", path=path)).cluster == cluster


@pytest.mark.parametrize(
    ("uri", "path", "matches"),
    [
        ("{exact: /a}", "/a?q=1", True),
        ("{exact: /a}", "/a/", False),
        ("{regex: '/a+'}", "/aaa", True),
        ("{regex: '/a+'}", "/aaab", False),
        ("{regex: '/a'}", "/a?b", True),
        ("{exact: /A}, ignoreUriCase: true", "/a", True),
        ("{prefix: /A}, ignoreUriCase: true", "/abc", True),
    ],
)
def test_paths_are_matched_without_the_query_and_regexes_as_a_whole(
    uri: str, path: str, matches: bool
) -> None:
    config = routed(f"match: [{{uri: {uri}}}], {NEW}", ALL)
    outcome = send(config, Request(authority="reviews", path=path))
    assert outcome.cluster == (V2 if matches else V1)


@pytest.mark.parametrize(
    ("matcher", "headers", "matches"),
    [
        ("{exact: a}", {"X-H": "a"}, True),
        ("{exact: a}", {"x-h": "A"}, False),
        ("{prefix: a}", {"x-h": "ab"}, True),
        ("{regex: 'a|b'}", {"x-h": "b"}, True),
        ("{regex: 'a|b'}", {"x-h": "bc"}, False),
        ("{exact: ''}", {}, False),
        ("{}", {}, False),
        ("{}", {"x-h": ""}, True),
    ],
)
def test_headers_must_match(matcher: str, headers: dict[str, str], matches: bool) -> None:
    """S-55: an empty matcher asks that the header is there."""
    config = routed(f"match: [{{headers: {{x-h: {matcher}}}}}], {NEW}", ALL)
    outcome = send(config, Request(authority="reviews", headers=headers))
    assert outcome.cluster == (V2 if matches else V1)


@pytest.mark.parametrize(
    ("matcher", "headers", "matches"),
    [
        ("{exact: a}", {}, True),
        ("{exact: a}", {"x-h": "b"}, True),
        ("{exact: a}", {"x-h": "a"}, False),
        ("{regex: '.*'}", {}, False),
        ("{}", {}, True),
        ("{}", {"x-h": ""}, False),
    ],
)
def test_without_headers_takes_a_missing_header_as_empty(
    matcher: str, headers: dict[str, str], matches: bool
) -> None:
    """S-55."""
    config = routed(f"match: [{{withoutHeaders: {{x-h: {matcher}}}}}], {NEW}", ALL)
    outcome = send(config, Request(authority="reviews", headers=headers))
    assert outcome.cluster == (V2 if matches else V1)


def test_all_conditions_of_a_block_must_hold_and_one_block_is_enough() -> None:
    block = "{method: {exact: POST}, queryParams: {q: {exact: '1'}}}"
    config = routed(f"match: [{block}, {{headers: {{x: {{}}}}}}], {NEW}", ALL)
    for request, cluster in (
        (Request(authority="reviews", method="POST", path="/?p=2&q=1"), V2),
        (Request(authority="reviews", method="POST", path="/?q=2"), V1),
        (Request(authority="reviews", path="/?q=1"), V1),
        (Request(authority="reviews", headers={"x": "y"}), V2),
    ):
        assert send(config, request).cluster == cluster


@pytest.mark.parametrize(
    ("weights", "shares"),
    [
        ((90, 10), {V1: 0.9, V2: 0.1}),
        ((2, 2), {V1: 0.5, V2: 0.5}),
        ((100, 0), {V1: 1.0}),
        ((0, 7), {V2: 1.0}),
    ],
)
def test_weights_are_shares(weights: tuple[int, int], shares: dict[str, float]) -> None:
    """S-59."""
    first, second = weights
    config = routed(
        f"route: [{{destination: {{host: reviews, subset: v1}}, weight: {first}}},"
        f" {{destination: {{host: reviews, subset: v2}}, weight: {second}}}]"
    )
    assert send(config, Request(authority="reviews")).clusters == pytest.approx(shares)


def test_only_the_share_of_a_missing_destination_fails() -> None:
    config = routed(
        "route: [{destination: {host: reviews, subset: v1}, weight: 75},"
        " {destination: {host: reviews, subset: v9}, weight: 25}]"
    )
    shares = {V1: 0.75, "BlackHoleCluster": 0.25}
    assert send(config, Request(authority="reviews")).clusters == shares


def test_a_missing_destination_is_a_503_that_says_why() -> None:
    outcome = send(
        routed("route: [{destination: {host: reviews, subset: v9}}]"), Request(authority="reviews")
    )
    assert outcome.status == 503
    assert "no DestinationRule" in outcome.body
    assert "v9" in outcome.body


@pytest.mark.parametrize(
    ("authority", "cluster"),
    [
        ("reviews", REVIEWS),
        ("REVIEWS:80", REVIEWS),
        ("reviews.shop", REVIEWS),
        ("reviews.shop.svc", REVIEWS),
        ("reviews.shop.svc.cluster.local", REVIEWS),
        ("reviews.shop.svc.cluster.local.", REVIEWS),
        ("10.0.0.7", REVIEWS),
        ("[fd00::7]:80", REVIEWS),
        ("reviews.bank", "PassthroughCluster"),
        ("x.reviews.shop", "PassthroughCluster"),
    ],
)
def test_a_service_answers_to_its_names_and_addresses(authority: str, cluster: str) -> None:
    """S-44."""
    both = service("reviews", ip="10.0.0.7\n  clusterIPs: [10.0.0.7, 'fd00::7']")
    assert send(config_of(both), Request(authority=authority)).cluster == cluster


def test_the_shortest_name_is_one_of_the_clients_own_namespace() -> None:
    config = config_of(service("reviews") + service("reviews", namespace="bank"), namespace="bank")
    own = send(config, Request(authority="reviews"))
    assert own.cluster == "outbound|80||reviews.bank.svc.cluster.local"
    assert send(config, Request(authority="reviews.shop")).cluster == REVIEWS


def test_an_exact_host_beats_a_longer_wildcard_and_that_a_shorter_one() -> None:
    rule = "http: [{name: %s, route: [{destination: {host: reviews}}]}]"
    text = service("reviews") + "".join(
        virtual_service(name, f"{{hosts: ['{host}'], {rule % name}}}")
        for name, host in (
            ("wide", "*.example.com"),
            ("narrow", "*.a.example.com"),
            ("exact", "x.a.example.com"),
        )
    )
    config = config_of(text)
    for authority, route in (
        ("x.a.example.com", "exact"),
        ("y.a.example.com", "narrow"),
        ("b.example.com", "wide"),
        ("example.com", "allow_any"),
    ):
        assert send(config, Request(authority=authority)).route == route


@pytest.mark.parametrize(
    ("config", "status", "clusters"),
    [(DEFAULT_MESH_CONFIG, 0, {"PassthroughCluster": 1.0}), (BLOCKED, 502, {})],
    ids=["ALLOW_ANY", "REGISTRY_ONLY"],
)
def test_requests_to_unknown_hosts(
    config: MeshConfig, status: int, clusters: dict[str, float]
) -> None:
    """S-43."""
    outcome = send(config_of(service("reviews"), config=config), Request(authority="example.com"))
    assert (outcome.status, outcome.clusters) == (status, clusters)


@pytest.mark.parametrize(
    ("config", "cluster"),
    [(DEFAULT_MESH_CONFIG, "PassthroughCluster"), (BLOCKED, "BlackHoleCluster")],
    ids=["ALLOW_ANY", "REGISTRY_ONLY"],
)
@pytest.mark.parametrize("port", [80, 9999])
def test_connections_to_unknown_addresses(config: MeshConfig, cluster: str, port: int) -> None:
    """S-42; on port 80 there is a listener, but what is not HTTP has nothing to do there."""
    made = config_of(service("reviews"), config=config)
    assert connect(made, "192.0.2.1", port).cluster == cluster


def test_connections_find_their_service_by_address_and_port() -> None:
    config = config_of(
        service("db", ports=["tcp:5432"], ip="10.0.0.1")
        + service("db2", ports=["tcp:5432"], ip="10.0.0.2")
    )
    assert connect(config, "10.0.0.2", 5432).cluster == "outbound|5432||db2.shop.svc.cluster.local"


def test_a_calls_of_the_interceptor_itself_go_nowhere() -> None:
    """They would loop."""
    assert connect(config_of(""), "10.1.0.1", 15001).cluster == "BlackHoleCluster"


def test_rules_for_one_port_leave_other_ports_alone() -> None:
    """S-10."""
    spec = "{hosts: [reviews], http: [{match: [{port: 80}], redirect: {uri: /x}}]}"
    config = config_of(
        service("reviews", ports=["http:80", "http-b:8080"]) + virtual_service("v", spec)
    )
    assert send(config, Request(authority="reviews")).status == 301
    assert send(config, Request(authority="reviews:8080")).route == "default"


@pytest.mark.parametrize(
    ("redirect", "request_", "location"),
    [
        ("{uri: /b}", Request(authority="reviews:80", path="/a?q"), "http://reviews:80/b?q"),
        ("{prefixRewrite: /b}", Request(authority="reviews", path="/a/c"), "http://reviews/b/c"),
        ("{scheme: https}", Request(authority="reviews:80", path="/a"), "https://reviews/a"),
        ("{authority: n.com}", Request(authority="reviews:80", path="/a"), "http://n.com/a"),
        (
            "{authority: n.com, port: 81}",
            Request(authority="reviews", path="/a"),
            "http://n.com:81/a",
        ),
    ],
)
def test_redirects(redirect: str, request_: Request, location: str) -> None:
    """S-62."""
    config = routed(f"match: [{{uri: {{prefix: /a}}}}], redirect: {redirect}")
    assert send(config, request_).location == location


@pytest.mark.parametrize(
    ("uri", "rewrite", "path", "becomes"),
    [
        ("{prefix: /a}", "{uri: /b}", "/a/c?q=1", "/b/c?q=1"),
        ("{exact: /a}", "{uri: /b}", "/a", "/b"),
        ("{prefix: /}", r"{uriRegexRewrite: {match: '/(.*)', rewrite: '/v2/\1'}}", "/x", "/v2/x"),
    ],
)
def test_rewrites_of_the_path(uri: str, rewrite: str, path: str, becomes: str) -> None:
    config = routed(f"match: [{{uri: {uri}}}], rewrite: {rewrite}, {ALL}")
    assert send(config, Request(authority="reviews", path=path)).path == becomes


def test_a_rewritten_authority_is_what_the_server_sees() -> None:
    config = routed(f"rewrite: {{authority: new.example.com}}, {ALL}")
    assert send(config, Request(authority="reviews")).authority == "new.example.com"


def test_behind_the_proxy_port_the_host_says_the_port() -> None:
    config = config_of(
        service("reviews", ports=["http:80", "http-b:9080"], ip="10.0.0.7"), mode=Mode.NONE
    )
    on_9080 = "outbound|9080||reviews.shop.svc.cluster.local"
    for authority, cluster in (
        ("reviews", REVIEWS),
        ("reviews:80", REVIEWS),
        ("reviews.shop:9080", on_9080),
        ("10.0.0.7:9080", on_9080),
    ):
        assert send(config, Request(authority=authority)).cluster == cluster
    assert send(config, Request(authority="reviews:81")).status == 502
    assert send(config, Request(authority="example.com")).status == 502


@pytest.mark.parametrize(
    ("port", "cluster"),
    [
        (8080, "inbound|8080||"),
        (9000, "inbound|9000||"),
        (80, "InboundPassthroughCluster"),
        (15006, "BlackHoleCluster"),
    ],
)
def test_what_arrives_goes_to_the_workloads_own_port(port: int, cluster: str) -> None:
    """S-36: ports that no service names pass through."""
    config = config_of(service("reviews", ports=["http:80:8080", "tcp:9000"]), app="reviews")
    assert receive(config, port).cluster == cluster


def test_a_subset_has_the_endpoints_with_its_labels() -> None:
    pods = "".join(
        "---\napiVersion: v1\nkind: Pod\n"
        f"metadata: {{name: r{n}, namespace: shop, labels: {{version: v{n}}}}}\n"
        f"status: {{podIP: 10.1.0.{n}, phase: Running}}\n"
        for n in (1, 2)
    )
    slices = (
        "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"
        "metadata: {name: r, namespace: shop, labels: {kubernetes.io/service-name: reviews}}\n"
        "addressType: IPv4\nports: [{name: http, port: 8080}]\nendpoints:\n"
        "- {addresses: [10.1.0.1], targetRef: {kind: Pod, name: r1}}\n"
        "- {addresses: [10.1.0.2], targetRef: {kind: Pod, name: r2}}\n"
    )
    config = config_of(service("reviews") + SUBSETS + pods + slices)
    assert endpoints(config, V2) == ["10.1.0.2:8080"]
    assert endpoints(config, REVIEWS) == ["10.1.0.1:8080", "10.1.0.2:8080"]
