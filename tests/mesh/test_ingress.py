"""The ports at which a Sidecar lets a workload be called."""

import pytest

from crds.meta import Key
from mesh.inbound import InboundPort, inbound_ports
from mesh.ingress import Application
from mesh.proxy import Mode, Proxy
from mesh.services import Protocol
from tests.meshes import mesh_of, service, sidecar

HOST = "a.shop.svc.cluster.local"
SIDECAR = Key("networking.istio.io", "Sidecar", "shop", "s")


def ports_of(ingress: str, mode: Mode = Mode.REDIRECT, more: str = "") -> list[InboundPort]:
    proxy = Proxy(
        namespace="shop", name="a", labels={"app": "a"}, service_account="default", mode=mode
    )
    text = service("a", ports=["http:80:8080", "tcp:81"]) + sidecar("s", f"{{{ingress}{more}}}")
    return list(inbound_ports(mesh_of(text), proxy))


def test_listeners_take_the_place_of_services() -> None:
    ports = ports_of("ingress: [{port: {number: 8080, protocol: TCP}}]")
    assert ports == [
        InboundPort(
            number=8080, protocol=Protocol.TCP, host=HOST, service_port=80, sidecar=SIDECAR
        ),
    ]


def test_without_listeners_the_services_count() -> None:
    ports = ports_of("inboundConnectionPool: {tcp: {maxConnections: 3}}")
    assert [port.number for port in ports] == [81, 8080]
    assert [port.pool.tcp.max_connections for port in ports if port.pool and port.pool.tcp] == [
        3,
        3,
    ]


@pytest.mark.parametrize(
    ("endpoint", "application"),
    [
        ("127.0.0.1:7000", Application("127.0.0.1", 7000)),
        ("'[::1]:7000'", Application("::1", 7000)),
        ("0.0.0.0:7000", Application("", 7000)),
        ("'[::]:7000'", Application("", 7000)),
        ("unix:///run/a", Application("unix:///run/a", 0)),
    ],
)
def test_where_the_application_is(endpoint: str, application: Application) -> None:
    (port,) = ports_of(
        f"ingress: [{{port: {{number: 1, protocol: TCP}}, defaultEndpoint: {endpoint}}}]"
    )
    assert (port.application, port.host) == (application, "")


@pytest.mark.parametrize(
    ("bind", "number", "mode", "found"),
    [
        ("10.0.0.1", 8080, Mode.REDIRECT, [(False, "10.0.0.1")]),
        ("0.0.0.0", 8080, Mode.REDIRECT, []),
        ("''", 8080, Mode.REDIRECT, []),
        ("10.0.0.1", 80, Mode.REDIRECT, []),
        ("10.0.0.1", 15021, Mode.REDIRECT, []),
        ("10.0.0.1", 8080, Mode.NONE, [(True, "10.0.0.1")]),
        ("''", 8080, Mode.NONE, [(True, "")]),
    ],
)
def test_without_interception_a_listener_needs_an_address(
    bind: str, number: int, mode: Mode, found: list[tuple[bool, str]]
) -> None:
    ports = ports_of(
        f"ingress: [{{port: {{number: {number}, protocol: TCP}}, bind: {bind}, "
        "captureMode: NONE, defaultEndpoint: '127.0.0.1:7000'}]",
        mode,
    )
    assert [(port.captured, port.bind) for port in ports] == found


def test_a_highest_port_has_no_entrance_in_proxy_port_mode() -> None:
    assert ports_of("ingress: [{port: {number: 60000, protocol: TCP}}]", Mode.NONE) == []
