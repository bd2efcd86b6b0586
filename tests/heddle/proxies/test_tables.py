"""What proxy-config shows of a dump, column by column."""

from datetime import UTC, datetime

import pytest

from heddle.proxies.dump import bootstrap, read
from heddle.proxies.secret_table import secret_listing
from heddle.proxies.tables import (
    Filters,
    cluster_listing,
    endpoint_listing,
    listener_listing,
    path_match,
    route_listing,
)
from tests.certificates import pair
from tests.heddle.proxies.dumps import (
    MANAGER,
    TCP,
    address,
    certificate,
    chain,
    cluster,
    config,
    endpoints,
    listener,
    origin,
    route,
    secret,
)

REVIEWS = "reviews.shop.svc.cluster.local"
CLUSTERS = config(
    (
        "ClustersConfigDump",
        {
            "static_clusters": [{"cluster": {"name": "xds", "type": "STATIC"}}],
            "dynamic_active_clusters": [
                cluster(f"outbound|9080|v1|{REVIEWS}", metadata=origin("destination-rule")),
                cluster(f"outbound|80||{REVIEWS}"),
                cluster("inbound|9080||", type="ORIGINAL_DST"),
            ],
            "dynamic_warming_clusters": [
                {"cluster": {"name": "dns", "cluster_type": {"name": "envoy.clusters.dns"}}}
            ],
        },
    )
)


def test_clusters() -> None:
    """By service and port; of a name of another form the name alone."""
    assert cluster_listing(CLUSTERS).rows == [
        ("-", "9080", "-", "inbound", "ORIGINAL_DST", ""),
        ("dns", "-", "-", "-", "envoy.clusters.dns", ""),
        (REVIEWS, "80", "-", "outbound", "EDS", ""),
        (REVIEWS, "9080", "v1", "outbound", "EDS", "reviews.shop"),
        ("xds", "-", "-", "-", "STATIC", ""),
    ]


@pytest.mark.parametrize(
    ("wanted", "ports"),
    [
        (Filters(fqdn="reviews"), ["80", "9080"]),
        (Filters(fqdn="reviews", port=80), ["80"]),
        (Filters(subset="v1"), ["9080"]),
        (Filters(direction="INBOUND"), ["9080"]),
        (Filters(direction="inbound", port=80), []),
    ],
)
def test_some_clusters(wanted: Filters, ports: list[str]) -> None:
    found = cluster_listing(CLUSTERS, wanted)
    assert [row[1] for row in found.rows] == ports
    assert len(found.messages) == len(ports)


LISTENERS = config(
    (
        "ListenersConfigDump",
        {
            "static_listeners": [
                {
                    "listener": {
                        "name": "readiness",
                        "address": address("10.0.0.1", 15021),
                        "additional_addresses": [{"address": address("127.0.0.1", 15021)}],
                        "filter_chains": [
                            chain(
                                {},
                                MANAGER,
                                route_config={
                                    "virtual_hosts": [{"routes": [{"route": {"cluster": "admin"}}]}]
                                },
                            )
                        ],
                    }
                }
            ],
            "dynamic_listeners": [
                listener(
                    "0.0.0.0_9080",
                    "0.0.0.0",
                    9080,
                    chain(
                        {
                            "transport_protocol": "raw_buffer",
                            "application_protocols": ["http/1.1", "h2c"],
                        },
                        MANAGER,
                        rds={"route_config_name": "9080"},
                    ),
                    chain(
                        {
                            "server_names": ["a.example", "b.example"],
                            "prefix_ranges": [{"address_prefix": "10.0.0.0", "prefix_len": 8}],
                            "destination_port": 443,
                            "source_prefix_ranges": [{"address_prefix": "::", "prefix_len": 0}],
                        },
                        TCP,
                        weighted_clusters={"clusters": [{"name": "a", "weight": 9}]},
                    ),
                    default_filter_chain=chain({}, TCP, cluster="PassthroughCluster"),
                ),
                listener("other", "::1", 1, chain({}, "filters.network.echo.v3.Echo")),
                listener("direct", "0.0.0.0", 2, chain({}, MANAGER)),
                {
                    "name": "pipe",
                    "warming_state": {"listener": {"address": {"pipe": {"path": "/p"}}}},
                },
                {"name": "failed", "error_state": {"details": "no"}},
            ],
        },
    )
)


def test_listeners() -> None:
    """A row for each filter chain: when it is taken, and where it leads."""
    assert listener_listing(LISTENERS).rows == [
        ("::1", "1", "ALL", "Non-HTTP/Non-TCP"),
        ("0.0.0.0", "2", "ALL", "Inline Route: direct"),
        ("0.0.0.0", "9080", "Trans: raw_buffer; App: http/1.1,h2c", "Route: 9080"),
        (
            "0.0.0.0",
            "9080",
            "SNI: a.example,b.example; Addr: 10.0.0.0/8; Port: 443; Source: ::/0",
            "Cluster: a (9)",
        ),
        ("0.0.0.0", "9080", "ALL", "Cluster: PassthroughCluster"),
        ("10.0.0.1,127.0.0.1", "15021", "ALL", "Inline Route: admin"),
    ]


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (Filters(port=15021), ["readiness"]),
        (Filters(address="127.0"), ["readiness"]),
        (Filters(name="direct"), ["direct"]),
        (Filters(address="/p"), [""]),
    ],
)
def test_some_listeners(wanted: Filters, names: list[str]) -> None:
    messages = listener_listing(LISTENERS, wanted).messages
    assert [m.get("name", "") for m in messages if isinstance(m, dict)] == names


def test_routes() -> None:
    """A row for each route, with the VirtualService that it is from."""
    host = {
        "name": "80/reviews:80",
        "domains": ["a", "b", "c", "d"],
        "routes": [
            {"match": {"prefix": "/"}, "metadata": origin("virtual-service")},
            {"match": {"path": "/x"}, "metadata": origin("destination-rule")},
        ],
    }
    dump = config(("RoutesConfigDump", {"dynamic_route_configs": [route("80", host), route("9")]}))
    assert route_listing(dump).rows == [
        ("80", "80/reviews:80", "a, b + 2 more...", "/*", "reviews.shop"),
        ("80", "80/reviews:80", "a, b + 2 more...", "/x", ""),
    ]
    assert len(route_listing(dump, Filters(name="9")).messages) == 1


@pytest.mark.parametrize(
    ("match", "shown"),
    [
        ({"prefix": "/a"}, "/a*"),
        ({"path": "/a"}, "/a"),
        ({"path_separated_prefix": "/a"}, "/a/*"),
        ({"safe_regex": {"regex": "/[a]"}}, "regex /[a]"),
        ({"path_match_policy": {"typed_config": {"path_template": "/{a}"}}}, "/{a}"),
        ({"connect_matcher": {}}, "any"),
    ],
)
def test_paths(match: dict[str, object], shown: str) -> None:
    assert path_match(match) == shown


LIVE = {
    "cluster_statuses": [
        {
            "name": "c1",
            "host_statuses": [
                {
                    "address": address("10.0.0.2", 80),
                    "health_status": {"eds_health_status": "DRAINING"},
                },
                {
                    "address": address("fd00::1", 80),
                    "health_status": {"failed_outlier_check": True},
                },
            ],
        },
        {"name": "c2", "host_statuses": [{"address": {"pipe": {"path": "/p"}}}]},
        {"name": "empty"},
    ]
}


def test_endpoints_of_a_live_proxy() -> None:
    assert endpoint_listing(LIVE).rows == [
        ("/p", "HEALTHY", "OK", "c2"),
        ("10.0.0.2:80", "DRAINING", "OK", "c1"),
        ("[fd00::1]:80", "HEALTHY", "FAILED", "c1"),
    ]


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        (Filters(cluster="c1"), 2),
        (Filters(status="draining"), 1),
        (Filters(address="fd00"), 1),
        (Filters(port=80, cluster="c2"), 0),
    ],
)
def test_some_endpoints(wanted: Filters, count: int) -> None:
    assert len(endpoint_listing(LIVE, wanted).messages) == count


def test_endpoints_of_a_dump() -> None:
    """Which does not say what outlier detection thinks."""
    dump = config(
        ("EndpointsConfigDump", {"dynamic_endpoint_configs": [endpoints("c", ("10.0.0.2", 80))]})
    )
    assert endpoint_listing(dump).rows == [("10.0.0.2:80", "HEALTHY", "-", "c")]


def test_certificates() -> None:
    """Valid or not, by their dates; a root of several lines is several rows; no key is shown."""
    chained = certificate(1)
    both = (pair(1)[0] + pair(2)[0]).decode()
    dump = config(
        (
            "SecretsConfigDump",
            {
                "dynamic_active_secrets": [
                    secret("default", tls_certificate=chained),
                    secret("roots", validation_context={"trusted_ca": {"inline_string": both}}),
                    secret("token", generic_secret={"secret": {"inline_string": "[redacted]"}}),
                    secret("bad", validation_context={"trusted_ca": {"inline_bytes": "!"}}),
                    secret("odd"),
                ],
                "dynamic_warming_secrets": [{"name": "coming"}],
            },
        )
    )
    now = datetime.now(UTC)  # noqa: TID251 - certificates of tests are valid now
    rows = secret_listing(dump, now).rows
    assert [row[:4] for row in rows] == [
        ("bad", "CA", "ACTIVE", "-"),
        ("coming", "-", "WARMING", "-"),
        ("default", "Cert Chain", "ACTIVE", "true"),
        ("odd", "-", "ACTIVE", "-"),
        ("roots", "CA", "ACTIVE", "true"),
        ("roots", "CA", "ACTIVE", "true"),
        ("token", "Generic", "ACTIVE", "-"),
    ]
    late = secret_listing(dump, datetime(2200, 1, 1, tzinfo=UTC), Filters(name="default")).rows
    assert [row[3] for row in late] == ["false"]


@pytest.mark.parametrize("text", ["", "[]", "no", "[" * 5000])
def test_what_is_no_dump(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read(text)


@pytest.mark.parametrize(
    "dump",
    [{}, {"configs": 1}, {"configs": [1, {"dynamic_active_clusters": [1, {"cluster": 2}]}]}],
)
def test_whatever_a_file_holds(dump: dict[str, object]) -> None:
    """What is not as expected is not there."""
    assert cluster_listing(dump).rows == route_listing(dump).rows == []
    assert listener_listing(dump).rows == endpoint_listing(dump).rows == []
    assert bootstrap(dump) == {}
