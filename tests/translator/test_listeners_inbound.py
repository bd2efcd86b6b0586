import pytest

from crds.scalars import Duration
from mesh.inbound import InboundPort
from mesh.services import Protocol
from tests.semantics import covers
from tests.translator.inputs import HOST
from tests.translator.unpacked import manager, tcp
from translator import listeners_inbound, names
from translator.listeners_outbound import Settings


def inbound(number: int, protocol: Protocol = Protocol.HTTP) -> InboundPort:
    return InboundPort(number=number, protocol=protocol, host=HOST, service_port=80)


def test_each_port_of_the_workload_has_a_chain() -> None:
    made = listeners_inbound.virtual_inbound((inbound(9080), inbound(5432, Protocol.TCP)))
    assert made.name == "virtualInbound"
    assert made.address.socket_address.port_value == 15006
    hole, _, http, _, opaque, *_ = made.filter_chains
    assert hole.filter_chain_match.destination_port.value == 15006
    assert tcp(hole.filters[0]).cluster == names.BLACKHOLE
    assert http.filter_chain_match.destination_port.value == 9080
    assert manager(http.filters[0]).route_config.name == "inbound|9080||"
    assert opaque.filter_chain_match.destination_port.value == 5432
    assert tcp(opaque.filters[0]).cluster == "inbound|5432||"


def test_a_connection_stays_in_the_inbound_listener() -> None:
    made = listeners_inbound.virtual_inbound(())
    assert not made.HasField("use_original_dst")
    assert made.listener_filters[0].name == "envoy.filters.listener.original_dst"


def test_ports_of_no_service_pass_through_to_the_workload() -> None:
    made = listeners_inbound.virtual_inbound(())
    _, _, _, http, rest, tls = made.filter_chains
    for chain in (rest, tls):
        assert tcp(chain.filters[0]).cluster == names.INBOUND_PASSTHROUGH
    assert list(http.filter_chain_match.application_protocols) == ["http/1.1", "h2c"]
    assert manager(http.filters[0]).route_config.name == names.INBOUND_PASSTHROUGH


@covers("S-38")
def test_opaque_ports_and_those_where_servers_speak_first_are_not_looked_into() -> None:
    ports = (inbound(5432, Protocol.TCP), inbound(80), inbound(3306, Protocol.UNSPECIFIED))
    inspector = listeners_inbound.virtual_inbound(ports).listener_filters[2]
    skipped = [
        rule.destination_port_range.start for rule in inspector.filter_disabled.or_match.rules
    ]
    assert skipped == [25, 53, 5432, 27017]


@pytest.mark.parametrize("seconds", [0, 5])
def test_how_long_detection_takes_is_the_mesh_s_to_say(seconds: int) -> None:
    """0 is for ever, else the connection goes on as one that told nothing."""
    settings = Settings(detection_timeout=Duration(seconds * 1_000_000_000))
    given = listeners_inbound.Inbound(settings=settings)
    port = inbound(80, Protocol.UNSPECIFIED)
    for made in (
        listeners_inbound.virtual_inbound((port,), given),
        listeners_inbound.entrance("127.7.0.1", port, given),
    ):
        assert made.HasField("listener_filters_timeout")
        assert made.listener_filters_timeout.seconds == seconds
        assert made.continue_on_listener_filters_timeout is (seconds > 0)


def test_a_port_that_does_not_say_has_a_chain_for_requests_and_one_for_the_rest() -> None:
    _, _, _, http, rest, *_ = listeners_inbound.virtual_inbound(
        (inbound(7000, Protocol.UNSPECIFIED),)
    ).filter_chains
    assert {c.filter_chain_match.destination_port.value for c in (http, rest)} == {7000}
    assert list(http.filter_chain_match.application_protocols) == ["http/1.1", "h2c"]
    assert manager(http.filters[0]).route_config.name == "inbound|7000||"
    assert tcp(rest.filters[0]).cluster == "inbound|7000||"


def test_in_proxy_port_mode_it_has_them_in_its_own_listener() -> None:
    made = listeners_inbound.entrance("127.7.0.1", inbound(7000, Protocol.UNSPECIFIED))
    _, _, http, rest, _ = made.filter_chains
    assert [one.name.rpartition(".")[2] for one in made.listener_filters] == [
        "tls_inspector",
        "http_inspector",
    ]
    assert manager(http.filters[0]).route_config.name == "inbound|7000||"
    assert tcp(rest.filters[0]).cluster == "inbound|7000||"


@covers("S-40")
def test_mongo_is_looked_at_in_passing() -> None:
    _, _, mongo, _, _, mysql, *_ = listeners_inbound.virtual_inbound(
        (inbound(27017, Protocol.MONGO), inbound(3306, Protocol.MYSQL))
    ).filter_chains
    assert [one.name for one in mongo.filters] == [
        "envoy.filters.network.mongo_proxy",
        "envoy.filters.network.tcp_proxy",
    ]
    assert [one.name for one in mysql.filters] == ["envoy.filters.network.tcp_proxy"]


def test_a_workload_on_the_redirection_port_makes_no_second_chain() -> None:
    made = listeners_inbound.virtual_inbound((inbound(15006),))
    assert {one.name for one in made.filter_chains} == {
        "virtualInbound-blackhole",
        "virtualInbound-catchall-mtls-http",
        "virtualInbound-catchall-mtls",
        "virtualInbound-catchall-http",
        "virtualInbound-catchall",
        "virtualInbound-catchall-tls",
    }


@covers("S-35")
def test_what_is_refused_ends_nowhere_else() -> None:
    """A chain of last resort would take the plaintext that a STRICT port refuses."""
    for made in (
        listeners_inbound.virtual_inbound((inbound(80),)),
        listeners_inbound.entrance("127.7.0.1", inbound(80)),
    ):
        assert not made.HasField("default_filter_chain")


def test_in_proxy_port_mode_a_port_has_a_listener_of_its_own() -> None:
    made = listeners_inbound.entrance("127.7.0.1", inbound(9080))
    assert made.name == "127.7.0.1_29080"
    assert made.address.socket_address.address == "127.7.0.1"
    assert made.address.socket_address.port_value == 29080
    assert [one.name.rpartition(".")[2] for one in made.listener_filters] == ["tls_inspector"]
    assert manager(made.filter_chains[1].filters[0]).route_config.name == "inbound|9080||"
