"""Which addresses of their own egress listeners have, and where a sidecar can listen."""

import pytest

from mesh.binds import Bind, unbound
from mesh.egress import EgressListener, Patterns
from mesh.proxy import Mode
from mesh.services import Protocol
from tests.meshes import mesh_of, service


@pytest.mark.parametrize(
    ("address", "port", "captured", "protocol", "redirected", "called"),
    [
        ("", 80, True, Protocol.HTTP, None, None),
        ("0.0.0.0", 80, True, Protocol.HTTP, None, None),
        ("0.0.0.0", 8080, True, Protocol.TCP, "0.0.0.0", None),
        ("10.0.0.1", 80, True, Protocol.TCP, "10.0.0.1", None),
        ("10.0.0.1", 8080, True, Protocol.TCP, "10.0.0.1", "10.0.0.1"),
        ("", 8080, False, Protocol.TCP, "127.0.0.1", "127.0.0.1"),
        ("", 28080, False, Protocol.TCP, "127.0.0.1", None),
        ("::", 8080, False, Protocol.TCP, None, None),
        ("unix:///a", 0, True, Protocol.TCP, "unix:///a", "unix:///a"),
    ],
)
def test_where_a_listener_is_in_each_mode(
    address: str,
    port: int,
    captured: bool,
    protocol: Protocol,
    redirected: str | None,
    called: str | None,
) -> None:
    """In proxy-port mode nothing is redirected: what has an address is called there."""
    listener = EgressListener(
        port=port, address=address, captured=captured, protocol=protocol, imported=Patterns()
    )
    found = [listener.bind(mode) for mode in (Mode.REDIRECT, Mode.NONE)]
    assert [bind and bind.address for bind in found] == [redirected, called]


def test_a_socket_needs_no_port() -> None:
    assert not any(unbound("unix:///a", 0))


def test_a_socket_is_no_address() -> None:
    assert not Bind(address="unix:///a", port=0, protocol=Protocol.TCP).is_address


@pytest.mark.parametrize(
    ("ports", "led_to"), [(["tcp:90"], [90]), (["tcp:90", "b:91"], []), (["tcp:90", "b:80"], [80])]
)
def test_connections_may_mean_the_only_port(ports: list[str], led_to: list[int]) -> None:
    (found,) = mesh_of(service("db", ports=ports)).services.at("db.shop.svc.cluster.local")
    bind = Bind(address="127.0.0.1", port=80, protocol=Protocol.TCP)
    assert list(bind.leads_to(found)) == led_to
