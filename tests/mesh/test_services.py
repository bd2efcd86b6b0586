"""Services from Services and ServiceEntries, and which of them a client sees."""

from textwrap import dedent

import pytest

from crds.meta import Key
from mesh.mesh import Mesh
from mesh.scope import Scope
from mesh.service_index import Services, advance, full_names
from mesh.services import Protocol, Resolution, Service, protocol
from mesh.store import Change
from mesh.visibility import answers
from tests.meshes import mesh_of, objects_of, service


def entry(name: str, spec: str, namespace: str = "shop", created: str = "") -> str:
    stamp = f", creationTimestamp: '{created}'" if created else ""
    return (
        "---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\n"
        f"metadata: {{name: {name}, namespace: {namespace}{stamp}}}\nspec: {spec}\n"
    )


def only(text: str) -> Service:
    ((found,),) = mesh_of(text).services.contributed.values()
    return found


def at(mesh: Mesh, host: str) -> list[str]:
    return [f"{s.key.kind} {s.namespace}/{s.name}" for s in mesh.services.at(host)]


HTTP = "ports: [{number: 80, name: http, protocol: HTTP}]"
REVIEWS = "reviews.shop.svc.cluster.local"


@pytest.mark.parametrize(
    ("app_protocol", "name", "expected"),
    [
        ("", "http", Protocol.HTTP),
        ("", "HTTP-web", Protocol.HTTP),
        ("", "http2-x", Protocol.HTTP2),
        ("", "grpc-web", Protocol.GRPC_WEB),
        ("", "grpc-web-x", Protocol.GRPC_WEB),
        ("", "grpc", Protocol.GRPC),
        ("", "tcp", Protocol.TCP),
        ("", "mongo-x", Protocol.MONGO),
        ("", "httpx", Protocol.UNSPECIFIED),
        ("", "", Protocol.UNSPECIFIED),
        ("tcp", "http", Protocol.TCP),
        ("http-x", "tcp", Protocol.HTTP),
        ("kubernetes.io/h2c", "tcp", Protocol.HTTP2),
        ("kubernetes.io/ws", "", Protocol.HTTP),
        ("kubernetes.io/wss", "", Protocol.HTTPS),
        ("example.com/own", "http", Protocol.UNSPECIFIED),
    ],
)
def test_app_protocol_comes_before_the_name(
    app_protocol: str, name: str, expected: Protocol
) -> None:
    """istio-api.md S-39."""
    assert protocol(app_protocol, name) is expected


def test_which_protocols_are_http() -> None:
    assert {p for p in Protocol if p.is_http2} == {
        Protocol.HTTP2,
        Protocol.GRPC,
        Protocol.GRPC_WEB,
    }
    assert {p for p in Protocol if p.is_grpc} == {Protocol.GRPC, Protocol.GRPC_WEB}
    assert {p for p in Protocol if p.is_tls} == {Protocol.HTTPS, Protocol.TLS}
    assert {p for p in Protocol if p.is_http} == {
        Protocol.HTTP,
        Protocol.HTTP2,
        Protocol.GRPC,
        Protocol.GRPC_WEB,
    }


def test_a_service_without_a_target_port_targets_its_port() -> None:
    ports = only(service("a", ports=["http:80", "http-b:81:8081", "http-c:82:web"])).ports
    assert [port.target for port in ports] == [80, 8081, "web"]


def test_a_service_finds_its_port_by_number() -> None:
    found = only(service("a", ports=["http:80"])).port(80)
    assert found is not None
    assert found.name == "http"
    assert only(service("a")).port(81) is None


def test_a_headless_service_has_no_address_and_lets_the_client_choose() -> None:
    found = only(service("a", ip="None"))
    assert found.headless
    assert found.addresses == ()
    assert found.resolution is Resolution.NONE


def test_an_external_name_is_no_service() -> None:
    """istio-api.md S-48."""
    text = """
        apiVersion: v1
        kind: Service
        metadata: {name: a, namespace: shop}
        spec: {type: ExternalName, externalName: example.com, ports: [{port: 80}]}
    """
    assert mesh_of(dedent(text)).services.contributed == {}


def test_only_the_first_tcp_port_of_a_number_counts() -> None:
    """Two would make two clusters of one name, which Envoy refuses."""
    text = """
        apiVersion: v1
        kind: Service
        metadata: {name: a, namespace: shop}
        spec:
          ports:
          - {name: dns, port: 53, protocol: UDP}
          - {name: http, port: 53}
          - {name: tcp, port: 53}
    """
    assert [port.name for port in only(dedent(text)).ports] == ["http"]


@pytest.mark.parametrize(
    ("resolution", "expected"),
    [
        ("NONE", Resolution.NONE),
        ("STATIC", Resolution.CLIENT_SIDE),
        ("DNS", Resolution.DNS),
        ("DNS_ROUND_ROBIN", Resolution.DNS_ROUND_ROBIN),
    ],
)
def test_resolutions_of_service_entries(resolution: str, expected: Resolution) -> None:
    found = only(entry("e", f"{{hosts: [a.example.com], resolution: {resolution}, {HTTP}}}"))
    assert found.resolution is expected
    assert found.resolution.is_dns is resolution.startswith("DNS")


def test_a_service_entry_is_a_service_a_host() -> None:
    spec = f"{{hosts: [a.example.com, A.example.com, b.example.com], resolution: DNS, {HTTP}}}"
    mesh = mesh_of(entry("e", spec))
    assert set(mesh.services.hosts) == {"a.example.com", "b.example.com"}


def test_a_service_entry_of_the_mesh_is_not_external() -> None:
    spec = f"{{hosts: [a.example.com], resolution: DNS, {HTTP}, location: %s}}"
    assert only(entry("e", spec % "MESH_EXTERNAL")).external
    assert not only(entry("e", spec % "MESH_INTERNAL")).external


def test_addresses_are_each_there_once_in_one_form_without_blocks() -> None:
    """Two forms of one IPv6 address would be two listeners with one address."""
    addresses = "['fd00::1', 'FD00:0::1', 10.0.0.1, 10.0.0.1, 10.1.0.0/16]"
    spec = f"{{hosts: [a.example.com], addresses: {addresses}, resolution: STATIC, {HTTP}}}"
    assert only(entry("e", spec)).addresses == ("fd00::1", "10.0.0.1")


def test_udp_ports_of_a_service_entry_are_skipped() -> None:
    ports = "ports: [{number: 53, name: dns, protocol: UDP}, {number: 80, name: http}]"
    found = only(entry("e", f"{{hosts: [a.example.com], resolution: DNS, {ports}}}"))
    assert [port.number for port in found.ports] == [80]


def test_a_service_comes_before_service_entries_and_these_by_age() -> None:
    """istio-api.md S-4."""
    spec = f"{{hosts: [{REVIEWS}], resolution: DNS, {HTTP}}}"
    mesh = mesh_of(
        entry("young", spec, created="2026-02-01T00:00:00Z")
        + entry("old", spec, created="2026-01-01T00:00:00Z")
        + service("reviews")
    )
    assert at(mesh, REVIEWS) == [
        "Service shop/reviews",
        "ServiceEntry shop/old",
        "ServiceEntry shop/young",
    ]


def test_the_clients_own_namespace_comes_first_of_all() -> None:
    spec = f"{{hosts: [{REVIEWS}], resolution: DNS, {HTTP}}}"
    mesh = mesh_of(service("reviews") + entry("own", spec, namespace="bank"))
    for namespace, kind in (("bank", "ServiceEntry"), ("shop", "Service"), ("x", "Service")):
        found = mesh.services.visible(REVIEWS, namespace)
        assert found is not None
        assert found.key.kind == kind


@pytest.mark.parametrize(
    ("export_to", "seen_by"),
    [
        ("['*']", {"shop", "bank", "x"}),
        ("['.']", {"shop"}),
        ("[bank]", {"bank"}),
        ("['~']", set()),
        ("['.', x]", {"shop", "x"}),
    ],
)
def test_export_to_says_who_sees_a_service(export_to: str, seen_by: set[str]) -> None:
    """istio-api.md S-3."""
    spec = f"{{hosts: [a.example.com], resolution: DNS, {HTTP}, exportTo: {export_to}}}"
    services = mesh_of(entry("e", spec)).services
    assert {ns for ns in ("shop", "bank", "x") if services.visible("a.example.com", ns)} == seen_by


def test_an_address_belongs_to_one_service_a_port() -> None:
    mesh = mesh_of(
        service("a", ports=["tcp:1"], ip="10.0.0.1") + service("b", ports=["tcp:2"], ip="10.0.0.1")
    )
    first, second = (mesh.services.owner("10.0.0.1", port) for port in (1, 2))
    assert first is not None
    assert second is not None
    assert (first.name, second.name) == ("a", "b")
    assert mesh.services.owner("10.0.0.1", 3) is None
    assert answers(mesh, Scope("shop"), first, "10.0.0.1", first.ports[0].number)
    assert not answers(mesh, Scope("shop"), first, "10.0.0.1", second.ports[0].number)


def test_services_select_workloads_of_their_namespace() -> None:
    mesh = mesh_of(service("a") + service("a", namespace="bank") + service("b"))
    assert [s.key for s in mesh.services.selecting("shop", {"app": "a", "x": "y"})] == [
        Key("", "Service", "shop", "a")
    ]
    assert mesh.services.selecting("shop", {}) == ()


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("a", ["a.x.svc.cluster.local", "a.y.svc.cluster.local"]),
        ("a.x", ["a.x.svc.cluster.local", "x.x.svc.cluster.local", "x.y.svc.cluster.local"]),
        ("a.x.svc", ["a.x.svc.cluster.local", "x.svc.svc.cluster.local"]),
        ("*.a.x.svc", ["a.x.svc.cluster.local", "x.svc.svc.cluster.local"]),
        ("p-0.a.x.svc.cluster.local", ["a.x.svc.cluster.local"]),
        ("a.x.svc.cluster.local.", ["a.x.svc.cluster.local"]),
        ("api.v2.example.com", []),
    ],
)
def test_whose_other_name_a_host_is(host: str, expected: list[str]) -> None:
    """Or that of one of its pods. They lose the name to it, so they must be made again."""
    assert list(full_names(host, ["x", "y"])) == expected


def test_a_service_that_goes_leaves_nothing_behind() -> None:
    mesh = mesh_of(service("a", ip="10.0.0.1"))
    ((key, made),) = objects_of(service("a", ip="10.0.0.1")).items()
    gone = advance(mesh.services, [Change(key, made, None)])
    assert gone.services == Services()
    assert "a.shop.svc.cluster.local" in gone.hosts
    assert gone.namespaces == {"shop"}
