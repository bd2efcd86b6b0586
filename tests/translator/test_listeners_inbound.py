from mesh.inbound import InboundPort
from mesh.services import Protocol
from tests.translator.inputs import HOST
from tests.translator.unpacked import manager, tcp
from translator import listeners_inbound, names


def inbound(number: int, protocol: Protocol = Protocol.HTTP) -> InboundPort:
    return InboundPort(number=number, protocol=protocol, host=HOST, service_port=80)


def test_each_port_of_the_workload_has_a_chain() -> None:
    made = listeners_inbound.virtual_inbound((inbound(9080), inbound(5432, Protocol.TCP)))
    assert made.name == "virtualInbound"
    assert made.address.socket_address.port_value == 15006
    hole, http, opaque = made.filter_chains
    assert hole.filter_chain_match.destination_port.value == 15006
    assert tcp(hole.filters[0]).cluster == names.BLACKHOLE
    assert http.filter_chain_match.destination_port.value == 9080
    assert manager(http.filters[0]).route_config.name == "inbound|9080||"
    assert opaque.filter_chain_match.destination_port.value == 5432
    assert tcp(opaque.filters[0]).cluster == "inbound|5432||"


def test_a_connection_stays_in_the_inbound_listener() -> None:
    made = listeners_inbound.virtual_inbound(())
    assert not made.HasField("use_original_dst")
    assert [one.name for one in made.listener_filters] == ["envoy.filters.listener.original_dst"]


def test_ports_of_no_service_pass_through_to_the_workload() -> None:
    made = listeners_inbound.virtual_inbound(())
    assert tcp(made.default_filter_chain.filters[0]).cluster == names.INBOUND_PASSTHROUGH


def test_a_workload_on_the_redirection_port_makes_no_second_chain() -> None:
    assert len(listeners_inbound.virtual_inbound((inbound(15006),)).filter_chains) == 1


def test_in_proxy_port_mode_a_port_has_a_listener_of_its_own() -> None:
    made = listeners_inbound.inbound_listener("127.7.0.1", inbound(9080))
    assert made.name == "127.7.0.1_29080"
    assert made.address.socket_address.address == "127.7.0.1"
    assert made.address.socket_address.port_value == 29080
    assert not made.listener_filters
    assert manager(made.filter_chains[0].filters[0]).route_config.name == "inbound|9080||"
