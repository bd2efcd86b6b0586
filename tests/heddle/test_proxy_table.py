"""How `heddle proxy-status` shows what the server says of its clients."""

import json

from envoy.config.core.v3.base_pb2 import Node
from envoy.service.status.v3.csds_pb2 import ERROR, STALE, SYNCED, ClientConfig
from envoy.service.status.v3.csds_pb2 import ClientStatusResponse as Response

from heddle.proxy_table import as_json, rows, table
from xds.types import CDS, LDS, VHDS

Config = ClientConfig.GenericXdsConfig
WORDS = "no such\x1b[2Jextension"


def client(node: str, *configs: Config) -> ClientConfig:
    return ClientConfig(node=Node(id=node), generic_xds_configs=configs)


def rejected() -> Config:
    config = Config(type_url=VHDS, config_status=ERROR)
    config.error_state.details = WORDS
    return config


RESPONSE = Response(
    config=[
        client("sidecar~10.0.0.1~web-0.shop~shop.svc", Config(type_url=CDS, config_status=SYNCED)),
        client("alone", Config(type_url=LDS, config_status=STALE), rejected()),
    ]
)


def test_the_table_has_a_line_a_proxy_and_then_what_each_rejects() -> None:
    lines = table(rows(RESPONSE)).splitlines()
    assert [line.split() for line in lines[:3]] == [
        ["PROXY", "CDS", "EDS", "LDS", "RDS", "VHDS", "SDS"],
        ["alone", "NOT_SENT", "NOT_SENT", "STALE", "NOT_SENT", "ERROR", "NOT_SENT"],
        ["shop/web-0", "SYNCED", *["NOT_SENT"] * 5],
    ]
    assert lines[-1] == "  alone vhds: no such\\x1b[2Jextension", "nothing steers the terminal"


def test_without_rejections_there_is_only_the_table() -> None:
    assert len(table(rows(Response(config=[client("alone")]))).splitlines()) == 2


def test_without_proxies_there_is_only_the_heading() -> None:
    assert table(rows(Response())).split() == ["PROXY", "CDS", "EDS", "LDS", "RDS", "VHDS", "SDS"]


def test_programs_get_the_words_as_they_are() -> None:
    first, second = json.loads(as_json(rows(RESPONSE)))
    assert first == {
        "proxy": "alone",
        "types": {"lds": "STALE", "vhds": "ERROR"},
        "rejected": {"vhds": WORDS},
    }
    assert second["rejected"] == {}
