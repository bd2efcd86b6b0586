import pytest
from google.protobuf.json_format import MessageToDict

from mesh.services import Protocol
from tests.translator.unpacked import manager
from translator.access_log import access_log
from translator.filters import inbound_filters, outbound_filters
from translator.http_manager import http_manager
from translator.http_messages import HttpConnectionManager
from translator.routes import inbound_route_configuration


def test_routes_by_name_come_on_the_stream() -> None:
    made = manager(http_manager("outbound_x", "80", outbound_filters()))
    assert made.stat_prefix == "outbound_x"
    assert made.rds.route_config_name == "80"
    assert made.rds.config_source.HasField("ads")
    assert [one.name for one in made.http_filters] == [one.name for one in outbound_filters()]


def test_routes_in_place() -> None:
    routes = inbound_route_configuration(80, Protocol.HTTP)
    made = manager(http_manager("inbound_x", routes, inbound_filters()))
    assert made.route_config == routes
    assert not made.HasField("rds")


def test_nothing_from_outside_is_trusted() -> None:
    made = manager(http_manager("x", "80", ()))
    (nobody,) = made.internal_address_config.cidr_ranges
    assert (nobody.address_prefix, nobody.prefix_len.value) == ("255.255.255.255", 32)
    assert made.forward_client_cert_details == HttpConnectionManager.SANITIZE
    assert not made.use_remote_address.value
    assert made.normalize_path.value


def test_streams_may_be_idle_and_connections_upgraded() -> None:
    made = manager(http_manager("x", "80", ()))
    assert made.HasField("stream_idle_timeout")
    assert made.stream_idle_timeout.seconds == 0
    assert [one.upgrade_type for one in made.upgrade_configs] == ["websocket", "CONNECT"]
    assert made.http2_protocol_options.allow_connect


@pytest.mark.parametrize("logged", [True, False])
def test_requests_are_logged_where_asked_for(logged: bool) -> None:
    assert bool(manager(http_manager("x", "80", (), logged=logged)).access_log) == logged


def test_the_log_names_what_was_asked_and_what_came_of_it() -> None:
    fields = MessageToDict(access_log())["typedConfig"]["logFormat"]["jsonFormat"]
    assert {"method", "path", "authority", "response_code", "response_flags"} <= fields.keys()
