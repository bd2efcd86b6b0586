"""The endpoints of a service: from slices, from inline entries, from selected workloads."""

from collections.abc import Mapping

import pytest

from mesh.endpoint_index import EndpointSources, advance
from mesh.endpoints import Endpoint, Locality, has_entrance
from mesh.mesh import Mesh
from mesh.service_endpoints import endpoints_of, unusable
from mesh.services import Service
from mesh.store import Change
from tests.meshes import mesh_of, objects_of, service

INJECTED = "sidecar.istio.io/status: '{}'"
PROXY_PORT = f"{INJECTED}, sidecar.istio.io/interceptionMode: NONE"


def pod(
    name: str,
    ip: str,
    labels: str = "app: a",
    notes: str = "",
    phase: str = "Running",
    ready: bool = True,
) -> str:
    return (
        "---\napiVersion: v1\nkind: Pod\n"
        f"metadata: {{name: {name}, namespace: shop, labels: {{{labels}}},"
        f" annotations: {{{notes}}}}}\n"
        "spec: {serviceAccountName: robot}\n"
        f"status: {{podIP: {ip}, phase: {phase},"
        f" conditions: [{{type: Ready, status: '{ready}'}}]}}\n"
    )


def endpoint_slice(endpoints: str, ports: str = "{name: http, port: 8080}", kind: str = "") -> str:
    return (
        "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"
        "metadata: {name: a-1, namespace: shop, labels: {kubernetes.io/service-name: a}}\n"
        f"addressType: {kind or 'IPv4'}\nports: [{ports}]\nendpoints: [{endpoints}]\n"
    )


def entry(spec: str) -> str:
    return (
        "---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\n"
        "metadata: {name: e, namespace: shop}\n"
        "spec: {hosts: [a.example.com],"
        " ports: [{number: 80, name: http, protocol: HTTP, targetPort: 8080}], "
        f"{spec}}}\n"
    )


def workload(name: str, spec: str, namespace: str = "shop") -> str:
    return (
        "---\napiVersion: networking.istio.io/v1\nkind: WorkloadEntry\n"
        f"metadata: {{name: {name}, namespace: {namespace}}}\nspec: {{{spec}}}\n"
    )


def only(mesh: Mesh) -> Service:
    ((found,),) = mesh.services.contributed.values()
    return found


def found(text: str) -> Mapping[int, tuple[Endpoint, ...]]:
    mesh = mesh_of(text)
    return endpoints_of(mesh.endpoints, only(mesh))


def sockets(text: str, port: int = 80) -> list[str]:
    return [f"{each.address}:{each.port}" for each in found(text)[port]]


def test_a_slice_names_the_services_ports() -> None:
    ports = "{name: http, port: 8080}, {name: admin, port: 9}, {name: other, port: 1}, {name: http}"
    text = service("a", ports=["http:80", "admin:81", "grpc:82"])
    text += endpoint_slice("{addresses: [10.1.0.2]}, {addresses: [10.1.0.1]}", ports)
    assert sockets(text) == ["10.1.0.1:8080", "10.1.0.2:8080"]
    assert sockets(text, 81) == ["10.1.0.1:9", "10.1.0.2:9"]
    assert sockets(text, 82) == []


def test_a_service_without_slices_has_no_endpoints() -> None:
    assert found(service("a")) == {80: ()}


def test_a_slice_of_nobody_counts_for_nobody() -> None:
    nobodys = endpoint_slice("{addresses: [10.1.0.1]}").replace("kubernetes.io/service-name: a", "")
    assert found(service("a") + nobodys) == {80: ()}


@pytest.mark.parametrize(
    ("conditions", "healthy"),
    [
        ("{}", [True]),
        ("{ready: false}", [False]),
        ("{terminating: true, ready: false}", []),
        ("{terminating: true}", []),
        ("{terminating: true, ready: true}", [True]),
    ],
)
def test_what_is_not_ready_is_unhealthy_and_what_ends_is_gone(
    conditions: str, healthy: list[bool]
) -> None:
    """istio-api.md S-78; what is published in spite of it (publishNotReadyAddresses) stays."""
    text = endpoint_slice(f"{{addresses: [10.1.0.1], conditions: {conditions}}}")
    assert [each.healthy for each in found(service("a") + text)[80]] == healthy


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ("", {"10.1.0.1": True}),
        ("{ready: true}", {"10.1.0.2": True}),
        ("{ready: false}", {"10.1.0.1": True, "10.1.0.2": False}),
    ],
    ids=["alone", "another is ready", "another is not ready"],
)
def test_what_ends_serves_until_another_can(other: str, expected: dict[str, bool]) -> None:
    """A Deployment of one pod is not without endpoints while it is replaced."""
    ending = "{addresses: [10.1.0.1], conditions: {terminating: true, serving: true, ready: false}}"
    more = f", {{addresses: [10.1.0.2], conditions: {other}}}" if other else ""
    endpoints = found(service("a") + endpoint_slice(ending + more))[80]
    assert {each.address: each.healthy for each in endpoints} == expected


@pytest.mark.parametrize(
    ("own", "first", "others"),
    [("10.1.0.1", "10.1.0.1", ("fd00::1",)), ("fd00::1", "fd00::1", ("10.1.0.1",))],
)
def test_a_pod_of_two_families_is_one_endpoint(
    own: str, first: str, others: tuple[str, ...]
) -> None:
    reference = "targetRef: {kind: Pod, name: p}"
    ipv4 = endpoint_slice(f"{{addresses: [10.1.0.1], {reference}}}")
    ipv6 = endpoint_slice(f"{{addresses: ['fd00::1'], {reference}}}", kind="IPv6")
    text = service("a") + pod("p", f"'{own}'") + ipv4 + ipv6.replace("name: a-1", "name: a-2")
    (each,) = found(text)[80]
    assert (each.address, each.others) == (first, others)


def test_a_selected_pod_has_all_its_addresses() -> None:
    both = pod("p", "10.1.0.1").replace(
        "phase:", "podIPs: [{ip: 10.1.0.1}, {ip: 'fd00::1'}], phase:"
    )
    (each,) = found(SELECTING + both)[80]
    assert (each.address, each.others) == ("10.1.0.1", ("fd00::1",))


def test_a_pod_that_is_being_deleted_is_no_longer_selected() -> None:
    going = pod("p", "10.1.0.1").replace("labels:", "deletionTimestamp: '2026-01-01', labels:")
    assert sockets(SELECTING + going) == []


@pytest.mark.parametrize(
    ("target", "ports", "expected"),
    [
        ("", "", ["10.9.0.1:80"]),
        (":8080", "", ["10.9.0.1:8080"]),
        (":8080", "http: 9090", ["10.9.0.1:9090"]),
        (":web", "web: 9090", ["10.9.0.1:9090"]),
        (":web", "", []),
    ],
)
def test_a_service_selects_workload_entries_beside_its_pods(
    target: str, ports: str, expected: list[str]
) -> None:
    text = service("a", ports=[f"http:80{target}"])
    text += workload("w", f"address: 10.9.0.1, labels: {{app: a}}, ports: {{{ports}}}")
    text += workload("other", "address: 10.9.0.2, labels: {app: b}")
    listed = endpoint_slice("{addresses: [10.1.0.1]}")
    assert sockets(text) == expected
    assert sockets(text + listed) == ["10.1.0.1:8080", *expected]


def test_a_service_without_a_selector_has_no_workload_entries() -> None:
    text = service("a").replace("  selector: {app: a}\n", "")
    assert sockets(text + workload("w", "address: 10.9.0.1, labels: {app: a}")) == []


def test_a_pod_gives_its_labels_and_its_identity() -> None:
    text = service("a") + pod("p", "10.1.0.1", "app: a, version: v1")
    text += endpoint_slice("{addresses: [10.1.0.1], zone: z, targetRef: {kind: Pod, name: p}}")
    (each,) = found(text)[80]
    assert each.labels == {"app": "a", "version": "v1"}
    assert each.service_account == "robot"
    assert each.locality == Locality(zone="z")


@pytest.mark.parametrize("target", ["{kind: Pod, name: gone}", "{kind: Node, name: p}"])
def test_what_is_no_known_pod_has_no_labels(target: str) -> None:
    text = service("a") + pod("p", "10.1.0.1")
    text += endpoint_slice(f"{{addresses: [10.1.0.1], targetRef: {target}}}")
    (each,) = found(text)[80]
    assert each.labels == {}


def test_a_slice_of_names_is_left_out() -> None:
    """Envoy takes addresses only, and refuses a whole response for one name."""
    assert found(service("a") + endpoint_slice("{addresses: [a.example.com]}", kind="FQDN")) == {
        80: ()
    }


@pytest.mark.parametrize(
    ("notes", "port", "entrance"),
    [
        ("", 8080, 8080),
        (INJECTED, 8080, 8080),
        (PROXY_PORT, 8080, 28080),
        (PROXY_PORT, 50000, 50000),
    ],
    ids=["no sidecar", "redirected", "proxy port", "too high a port"],
)
def test_where_a_pod_is_entered(notes: str, port: int, entrance: int) -> None:
    text = service("a") + pod("p", "10.1.0.1", notes=notes)
    text += endpoint_slice(
        "{addresses: [10.1.0.1], targetRef: {kind: Pod, name: p}}", f"{{name: http, port: {port}}}"
    )
    assert sockets(text) == [f"10.1.0.1:{entrance}"]


def test_the_highest_ports_have_no_entrance() -> None:
    assert has_entrance(45535)
    assert not has_entrance(45536)


def test_inline_endpoints_say_port_weight_and_place() -> None:
    spec = (
        "resolution: STATIC, endpoints: [{address: 10.9.0.1, ports: {http: 9090}, weight: 3,"
        " locality: eu/a/1, labels: {v: '1'}, serviceAccount: robot}, {address: 10.9.0.2}]"
    )
    first, second = sorted(found(entry(spec))[80], key=lambda each: each.address)
    assert (first.port, first.weight, first.service_account) == (9090, 3, "robot")
    assert first.locality == Locality("eu", "a", "1")
    assert first.labels == {"v": "1"}
    assert (second.port, second.weight, second.locality) == (8080, 1, Locality())


def test_a_dns_service_without_endpoints_is_its_own() -> None:
    assert sockets(entry("resolution: DNS")) == ["a.example.com:8080"]


def test_a_service_entry_without_resolution_has_none() -> None:
    assert sockets(entry("resolution: NONE")) == []


SELECTING = entry("resolution: STATIC, workloadSelector: {labels: {app: a}}")


def test_workloads_are_selected_by_label_in_the_same_namespace() -> None:
    text = (
        SELECTING
        + workload("w1", "address: 10.9.0.1, labels: {app: a}, ports: {http: 9090}")
        + workload("w2", "address: 10.9.0.2, labels: {app: b}")
        + workload("w3", "address: 10.9.0.3, labels: {app: a}", namespace="bank")
        + pod("p1", "10.1.0.1")
        + pod("p2", "10.1.0.2", labels="app: b")
        + pod("p3", "10.1.0.3", notes=PROXY_PORT)
    )
    assert sockets(text) == ["10.1.0.1:8080", "10.1.0.3:28080", "10.9.0.1:9090"]


@pytest.mark.parametrize(
    ("phase", "ready", "healthy"),
    [("Running", True, [True]), ("Running", False, [False]), ("Succeeded", False, [])],
)
def test_a_selected_pod_is_as_healthy_as_it_says(
    phase: str, ready: bool, healthy: list[bool]
) -> None:
    text = SELECTING + pod("p", "10.1.0.1", phase=phase, ready=ready)
    assert [each.healthy for each in found(text)[80]] == healthy


def test_a_pod_without_an_address_yet_is_no_endpoint() -> None:
    assert sockets(SELECTING + pod("p", "''")) == []


@pytest.mark.parametrize(
    ("resolution", "address", "usable"),
    [
        ("STATIC", "10.9.0.1", True),
        ("STATIC", "unix:///run/a.sock", True),
        ("STATIC", f"unix:///{'x' * 107}", False),
        ("STATIC", "a.example.org", False),
        ("DNS", "a.example.org", True),
    ],
)
def test_names_need_dns(resolution: str, address: str, usable: bool) -> None:
    """Anywhere else Envoy refuses them, and with them all that comes along."""
    mesh = mesh_of(
        SELECTING.replace("STATIC", resolution)
        + workload("w", f"address: {address}, labels: {{app: a}}")
    )
    service_ = only(mesh)
    assert bool(endpoints_of(mesh.endpoints, service_)[80]) is usable
    assert [each.address for each in unusable(mesh.endpoints, service_)] == (
        [] if usable else [address]
    )


def changed(text: str, extra: str) -> tuple[EndpointSources, frozenset[str]]:
    """The sources after the one object of `extra` is gone from `text + extra`."""
    mesh = mesh_of(text + extra)
    ((key, made),) = objects_of(extra).items()
    return advance(mesh.endpoints, mesh.services, [Change(key, made, None)])


A = "a.shop.svc.cluster.local"
NAMING = endpoint_slice("{addresses: [10.1.0.1], targetRef: {kind: Pod, name: p}}")


@pytest.mark.parametrize(
    ("text", "extra", "hosts"),
    [
        (service("a"), NAMING, {A}),
        (service("a") + NAMING, pod("p", "10.1.0.1"), {A}),
        (service("a"), pod("p", "10.1.0.1"), set()),
        (SELECTING, pod("p", "10.1.0.1"), {"a.example.com"}),
        (SELECTING, workload("w", "address: 10.9.0.1, labels: {app: a}"), {"a.example.com"}),
        (SELECTING, workload("w", "address: 10.9.0.1, labels: {app: b}"), set()),
        ("", SELECTING, {"a.example.com"}),
    ],
    ids=[
        "slice",
        "pod in a slice",
        "pod of no slice",
        "selected pod",
        "workload",
        "other workload",
        "entry",
    ],
)
def test_an_edit_names_the_hosts_whose_endpoints_it_may_change(
    text: str, extra: str, hosts: set[str]
) -> None:
    """Nothing but their load assignments is made again."""
    after, touched = changed(text, extra)
    assert touched == hosts
    assert after == mesh_of(text).endpoints


def test_an_edit_of_something_else_keeps_the_sources() -> None:
    mesh = mesh_of(service("a") + NAMING)
    ((key, made),) = objects_of(service("b")).items()
    after, touched = advance(mesh.endpoints, mesh.services, [Change(key, None, made)])
    assert after is mesh.endpoints
    assert touched == frozenset()
