import json
import subprocess
from pathlib import Path

import pytest

from crds.header_format import PLAIN, format_fault

GOOD = [
    "",
    "plain",
    "50%%",
    "%HOSTNAME%",
    "a%PROTOCOL%b%%c%REQ(:path)%",
    "%REQ(x-a?x-b):10%",
    "%DYNAMIC_METADATA(a:b):5%",
    "%CLUSTER_METADATA(a:b)%",
    "%UPSTREAM_METADATA(a)%",
    "%FILTER_STATE(a.b/c:PLAIN)%",
    "%UPSTREAM_FILTER_STATE(a:TYPED):7%",
    "%ENVIRONMENT(HOME):5%",
    "%QUERY_PARAM(a)%",
    "%START_TIME(%Y-%m-%dT%H:%M:%S)%",
    "%TRAILER(x)%",
]
BAD = [
    "100%",
    "%",
    "%%%",
    "%hostname%",
    "%REQ(x)",
    "%REQ()%",
    "%REQ%",
    "%NOPE%",
    "%CLUSTER_METADATA(a):5%",
    "%START_TIME(a):5%",
    "%FILTER_STATE(a:X)%",
]


@pytest.mark.parametrize("value", GOOD)
def test_commands_that_envoy_knows(value: str) -> None:
    assert format_fault(value) is None


@pytest.mark.parametrize("value", BAD)
def test_percent_signs_that_envoy_refuses(value: str) -> None:
    assert format_fault(value)


@pytest.mark.envoy
def test_envoy_takes_what_is_called_good(envoy_binary: Path) -> None:
    assert envoy_takes(envoy_binary, [*GOOD, *(f"%{name}%" for name in sorted(PLAIN))])


@pytest.mark.envoy
@pytest.mark.parametrize("value", BAD)
def test_envoy_refuses_what_is_called_bad(envoy_binary: Path, value: str) -> None:
    assert not envoy_takes(envoy_binary, [value])


def envoy_takes(binary: Path, values: list[str]) -> bool:
    """A listener with one route that adds these headers."""
    route = {
        "match": {"prefix": "/"},
        "direct_response": {"status": 200},
        "request_headers_to_add": [{"header": {"key": "x", "value": value}} for value in values],
    }
    types = "type.googleapis.com/envoy.extensions.filters"
    manager = {
        "@type": f"{types}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "x",
        "http_filters": [
            {"name": "router", "typed_config": {"@type": f"{types}.http.router.v3.Router"}}
        ],
        "route_config": {"virtual_hosts": [{"name": "x", "domains": ["*"], "routes": [route]}]},
    }
    listener = {
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    }
    config = json.dumps({"static_resources": {"listeners": [listener]}})
    command = [str(binary), "--mode", "validate", "-l", "off", "--config-yaml", config]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
