import pytest

from mesh.l4_routing import L4Rule
from mesh.outgoing import Outgoing, UnknownTraffic
from mesh.services import Protocol
from tests.translator.inputs import HOST, missing, port, target
from tests.translator.unpacked import manager, tcp
from translator import listeners_outbound, names
from translator.listeners_outbound import Settings


def test_all_http_services_on_a_port_share_a_listener_that_binds_nothing() -> None:
    made = listeners_outbound.http_listener(9080)
    assert made.name == "0.0.0.0_9080"
    assert made.address.socket_address.port_value == 9080
    assert made.HasField("bind_to_port")
    assert not made.bind_to_port.value
    (chain,) = made.filter_chains
    assert manager(chain.filters[0]).rds.route_config_name == "9080"
    assert manager(chain.filters[0]).stat_prefix == "outbound_0.0.0.0_9080"


def test_a_client_that_writes_late_does_not_slip_past_the_routes() -> None:
    made = listeners_outbound.http_listener(80)
    assert made.HasField("listener_filters_timeout")
    assert made.listener_filters_timeout.seconds == 0


@pytest.mark.parametrize(
    ("allow_any", "cluster"), [(True, names.PASSTHROUGH), (False, names.BLACKHOLE)]
)
def test_what_belongs_to_no_service_passes_or_not(allow_any: bool, cluster: str) -> None:
    settings = Settings(outgoing=Outgoing(unknown=UnknownTraffic(allowed=allow_any)))
    http = listeners_outbound.http_listener(80, settings)
    virtual = listeners_outbound.virtual_outbound(settings)
    assert tcp(http.default_filter_chain.filters[0]).cluster == cluster
    assert tcp(virtual.filter_chains[1].filters[0]).cluster == cluster


def test_redirected_connections_go_on_to_their_own_listener() -> None:
    made = listeners_outbound.virtual_outbound()
    assert made.name == "virtualOutbound"
    assert made.use_original_dst.value
    assert made.address.socket_address.port_value == 15001
    assert not made.HasField("bind_to_port")


def test_a_connection_to_the_redirection_port_itself_does_not_loop() -> None:
    first = listeners_outbound.virtual_outbound().filter_chains[0]
    assert first.filter_chain_match.destination_port.value == 15001
    assert tcp(first.filters[0]).cluster == names.BLACKHOLE


def test_a_tcp_service_has_a_listener_at_its_virtual_address() -> None:
    made = listeners_outbound.service_listener("10.96.0.1", port(Protocol.TCP, 5432), (), target())
    assert made.name == "10.96.0.1_5432"
    assert made.address.socket_address.address == "10.96.0.1"
    assert not made.bind_to_port.value
    assert tcp(made.filter_chains[0].filters[0]).cluster == f"outbound|80||{HOST}"


def test_an_unknown_tcp_destination_is_blackholed() -> None:
    made = listeners_outbound.service_listener(
        "10.96.0.1", port(Protocol.TCP), (L4Rule(targets=(missing(),)),), target()
    )
    assert tcp(made.filter_chains[0].filters[0]).cluster == names.BLACKHOLE


def test_the_proxy_port_binds_to_the_pod_s_own_address() -> None:
    made = listeners_outbound.http_proxy("127.7.0.1")
    assert made.address.socket_address.address == "127.7.0.1"
    assert made.address.socket_address.port_value == 15001
    assert not made.HasField("bind_to_port")
    assert manager(made.filter_chains[0].filters[0]).rds.route_config_name == names.HTTP_PROXY
