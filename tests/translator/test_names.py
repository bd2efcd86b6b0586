import pytest

from translator import names
from translator.names import ClusterName, VirtualHostName


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        (
            names.outbound_cluster(80, "v1", "a.b"),
            ClusterName(direction="outbound", port=80, subset="v1", host="a.b"),
        ),
        (
            names.outbound_cluster(80, "", "a.b"),
            ClusterName(direction="outbound", port=80, host="a.b"),
        ),
        (names.inbound_cluster(9080), ClusterName(direction="inbound", port=9080)),
        (names.PASSTHROUGH, None),
        ("outbound|http||a", None),
        ("outbound|80||", None),
        ("inbound|80|v1|", None),
    ],
)
def test_a_cluster_name_reads_back(name: str, parts: ClusterName | None) -> None:
    assert names.parse_cluster(name) == parts


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        (names.virtual_host("80", "a.b:80"), VirtualHostName(route_config="80", host="a.b:80")),
        (names.virtual_host("a/b", names.CATCH_ALL), VirtualHostName(route_config="a/b", host="*")),
        ("80", None),
        ("/a", None),
        ("80/", None),
    ],
)
def test_the_last_slash_splits_a_virtual_host_name(
    name: str, parts: VirtualHostName | None
) -> None:
    assert names.parse_virtual_host(name) == parts


def test_formats_are_those_that_istio_s_tools_read() -> None:
    assert names.outbound_cluster(9080, "v2", "a.b") == "outbound|9080|v2|a.b"
    assert names.inbound_cluster(9080) == "inbound|9080||"
    assert names.listener("0.0.0.0", 80) == "0.0.0.0_80"
    assert names.outbound_routes(80) == "80"


@pytest.mark.parametrize(("name", "port"), [("a.b:80", 80), ("allow_any", 0), ("::1:8080", 8080)])
def test_a_port_is_what_follows_the_last_colon(name: str, port: int) -> None:
    assert names.port_of(name) == port


@pytest.mark.parametrize(
    ("name", "port"),
    [
        ("0.0.0.0_8080", 8080),
        ("0.0.0.0_8080-mtls-http", 8080),
        ("virtualInbound-catchall-mtls", 0),
        ("", 0),
    ],
)
def test_a_filter_chain_is_for_a_port_of_the_workload(name: str, port: int) -> None:
    assert names.chain_port(name) == port
