import json
import re
from collections.abc import Iterator, Sequence

import pytest

from mesh.app_probes import AppProbe, HttpCheck
from mesh.proxy import Mode
from translator.bootstrap import Discovery, Node, bootstrap, root_secret, token_secret
from translator.bootstrap_stats import stats_config

NODE = Node(
    id="sidecar~$(POD_IP)~$(POD_NAME).$(POD_NAMESPACE)~shop.svc.cluster.local",
    cluster="reviews.shop",
    metadata={"NAME": "$(POD_NAME)", "NAMESPACE": "shop"},
)
READY = AppProbe(
    path="/app-health/web/readyz", port=80, check=HttpCheck(path="/ok"), period=10, timeout=1
)
DISCOVERY = Discovery(host="heddle.istio-system.svc", port=15012, server_name="heddle.mesh")


def made(
    mode: Mode = Mode.REDIRECT, host: str = DISCOVERY.host, probes: Sequence[AppProbe] = ()
) -> dict[str, object]:
    discovery = Discovery(host=host, port=15012, server_name="heddle.mesh")
    folder = "/etc/heddle/sds"
    return bootstrap(
        NODE, discovery, address="$(POD_IP)", mode=mode, sds_folder=folder, probes=probes
    )


def values(part: object, key: str) -> Iterator[object]:
    """Everything under `key`, at any depth."""
    if isinstance(part, dict):
        for name, value in part.items():
            if name == key:
                yield value
            yield from values(value, key)
    elif isinstance(part, list):
        for value in part:
            yield from values(value, key)


def test_the_bootstrap_is_json_and_equal_input_gives_equal_text() -> None:
    again = bootstrap(
        Node(
            id=NODE.id,
            cluster=NODE.cluster,
            metadata=dict(sorted(NODE.metadata.items(), reverse=True)),
        ),
        DISCOVERY,
        address="$(POD_IP)",
        sds_folder="/etc/heddle/sds",
    )
    assert json.dumps(made()) == json.dumps(again)


def test_placeholders_stay_as_they_are() -> None:
    assert made()["node"] == {
        "id": NODE.id,
        "cluster": "reviews.shop",
        "metadata": {"NAME": "$(POD_NAME)", "NAMESPACE": "shop"},
    }


@pytest.mark.parametrize(
    ("host", "type_"), [("heddle.istio-system.svc", "STRICT_DNS"), ("10.0.0.1", "STATIC")]
)
def test_the_discovery_cluster_comes_first(host: str, type_: str) -> None:
    (clusters,) = values(made(host=host)["static_resources"], "clusters")
    assert isinstance(clusters, list)
    first = clusters[0]
    assert (first["name"], first["type"]) == ("xds", type_)
    assert list(values(first, "address"))[-1] == host


def test_the_stream_is_delta_and_authenticated() -> None:
    config = made()
    assert list(values(config, "api_type")) == ["DELTA_GRPC"]
    assert list(values(config, "authority")) == ["heddle.mesh"]
    assert list(values(config, "sni")) == ["heddle.mesh"]
    assert list(values(config, "header_value_prefix")) == ["Bearer "]
    assert list(values(config, "path_config_source")) == [
        {"path": "/etc/heddle/sds/token.yaml"},
        {"path": "/etc/heddle/sds/ca.yaml"},
    ]


def test_a_proxy_without_configuration_is_never_ready() -> None:
    assert list(values(made()["dynamic_resources"], "initial_fetch_timeout")) == ["0s", "0s"]


@pytest.mark.parametrize(
    ("mode", "admin", "others"),
    [(Mode.REDIRECT, "127.0.0.1", ["127.0.0.1"]), (Mode.NONE, "$(POD_IP)", [])],
)
def test_where_it_listens(mode: Mode, admin: str, others: list[str]) -> None:
    """At the pod's address of whichever family; the loopback of proxy-port mode is everybody's."""
    config = made(mode, probes=[READY])
    assert next(values(config["admin"], "socket_address")) == {
        "address": admin,
        "port_value": 15000,
    }
    (listeners,) = values(config["static_resources"], "listeners")
    assert isinstance(listeners, list)
    for one, port in zip(listeners, (15021, 15090, 15020), strict=True):
        assert one["address"]["socket_address"] == {"address": "$(POD_IP)", "port_value": port}
        also = [each["address"]["socket_address"] for each in one.get("additional_addresses", [])]
        assert also == [{"address": other, "port_value": port} for other in others]


def test_without_probes_nothing_answers_them() -> None:
    (listeners,) = values(made()["static_resources"], "listeners")
    assert isinstance(listeners, list)
    assert [one["name"] for one in listeners] == ["readiness", "metrics"]


def test_the_health_of_a_port_is_kept_among_the_statistics() -> None:
    """The filter that answers for TCP and gRPC reads it there."""
    (suffixes,) = values(stats_config(), "patterns")
    assert isinstance(suffixes, list)
    for gauge in (".membership_healthy", ".membership_total"):
        assert {"suffix": gauge} in suffixes


@pytest.mark.parametrize(
    "path",
    [
        "/quitquitquit",
        "/drain_listeners",
        "/loggings",
        "/runtime_modify",
        "/cpuprofiler",
    ],
)
def test_the_admin_port_changes_nothing(path: str) -> None:
    """But what is logged."""
    (allowed,) = values(made()["admin"], "allow_paths")
    assert isinstance(allowed, list)
    assert not any(
        path == rule.get("exact") or path.startswith(rule.get("prefix", "\0")) for rule in allowed
    )


def test_the_secrets_name_the_files_and_whom_to_trust() -> None:
    assert list(values(token_secret("/run/token"), "filename")) == ["/run/token"]
    roots = root_secret("/run/roots/root.pem", "heddle.mesh")
    assert list(values(roots, "filename")) == ["/run/roots/root.pem"]
    assert list(values(roots, "watched_directory")) == [{"path": "/run/roots"}]
    assert list(values(roots, "exact")) == ["heddle.mesh"]
    assert list(values(root_secret("/root.pem", "x"), "watched_directory")) == [{"path": "/"}]


@pytest.mark.parametrize(
    ("stat", "tag", "value"),
    [
        (
            "cluster.outbound|80|v1|a.shop.svc.cluster.local.upstream_rq_2xx",
            "envoy.cluster_name",
            "outbound|80|v1|a.shop.svc.cluster.local",
        ),
        ("cluster.xds.upstream_cx_total", "envoy.cluster_name", "xds"),
        ("cluster.a.b.outlier_detection.ejections_active", "envoy.cluster_name", "a.b"),
        ("cluster.a.b.upstream_rq_5xx", "envoy.response_code_class", "5xx"),
        (
            "http.outbound_0.0.0.0_80.downstream_rq_total",
            "envoy.http_conn_manager_prefix",
            "outbound_0.0.0.0_80",
        ),
        (
            "http.outbound_http_proxy.downstream_rq_2xx",
            "envoy.http_conn_manager_prefix",
            "outbound_http_proxy",
        ),
    ],
)
def test_labels_of_statistics(stat: str, tag: str, value: str) -> None:
    tags = stats_config()["stats_tags"]
    assert isinstance(tags, list)
    (regex,) = (one["regex"] for one in tags if one["tag_name"] == tag)
    found = re.search(regex, stat)
    assert found is not None
    assert found.group(2) == value
