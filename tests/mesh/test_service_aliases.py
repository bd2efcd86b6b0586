"""Services of type ExternalName: what they lead to, and what is wrong with them."""

import pytest

from crds.mesh_config import MeshConfig, OutboundTrafficPolicy
from crds.meta import Key
from crds.outbound_policy import OutboundTrafficPolicyMode
from mesh.advance import advance
from mesh.check import check, check_all
from mesh.host_view import selection, view
from mesh.mesh import Mesh
from mesh.scope import Scope
from mesh.service_aliases import concrete
from mesh.store import Change
from tests.meshes import mesh_of, objects_of, service


def external_name(name: str, target: str, namespace: str = "shop", notes: str = "") -> str:
    return (
        "---\napiVersion: v1\nkind: Service\n"
        f"metadata: {{name: {name}, namespace: {namespace}, annotations: {{{notes}}}}}\n"
        f"spec: {{type: ExternalName, externalName: {target}}}\n"
    )


def full(name: str, namespace: str = "shop") -> str:
    return f"{name}.{namespace}.svc.cluster.local"


def end(mesh: Mesh, host: str) -> str:
    return concrete(mesh.aliases, mesh.services.hosts, host)


def names(mesh: Mesh, host: str, namespace: str = "shop") -> set[str]:
    """The names that clients of a namespace have for a service."""
    chosen = selection(mesh, Scope(namespace), host)
    assert chosen is not None
    (port,) = view(mesh, Scope(namespace), chosen).ports
    return set(port.domains)


CHAIN = external_name("c", full("b")) + external_name("b", full("a"))


@pytest.mark.parametrize("host", [full("a"), full("b"), full("c")])
def test_a_chain_of_names_leads_to_its_end(host: str) -> None:
    assert end(mesh_of(service("a") + CHAIN), host) == full("a")


def test_a_name_that_is_gone_leads_nowhere() -> None:
    gone = [Change(key, it, None) for key, it in objects_of(external_name("c", full("a"))).items()]
    mesh, _ = advance(mesh_of(service("a") + external_name("c", full("a"))), gone, MeshConfig())
    assert end(mesh, full("c")) == full("c")


def test_a_name_that_is_a_service_leads_nowhere_else() -> None:
    entry = (
        "---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\n"
        "metadata: {name: e, namespace: shop}\n"
        f"spec: {{hosts: [{full('b')}], resolution: DNS,"
        " ports: [{number: 80, name: http, protocol: HTTP}]}\n"
    )
    mesh = mesh_of(service("a") + CHAIN + entry)
    assert end(mesh, full("c")) == full("b")
    assert full("c") in names(mesh, full("b"))
    assert not {full("b"), full("c")} & names(mesh, full("a"))


def test_a_name_is_seen_by_those_that_it_is_exported_to() -> None:
    private = external_name("p", full("a"), notes="networking.istio.io/exportTo: .")
    mesh = mesh_of(service("a") + private)
    assert {"p", "p.shop", full("p")} <= names(mesh, full("a"))
    assert full("p") not in names(mesh, full("a"), "bank")


def test_a_circle_is_told_of_and_leads_nowhere() -> None:
    text = external_name("a", full("b")) + external_name("b", full("a"))
    mesh = mesh_of(text + external_name("itself", full("itself")))
    assert end(mesh, full("a")) == full("a")
    assert [p.code for p in check_all(mesh)] == ["alias-circle"] * 3


def test_what_is_wrong_with_another_kind_of_the_same_name_is_told() -> None:
    sidecar = (
        "---\napiVersion: networking.istio.io/v1\nkind: Sidecar\n"
        "metadata: {name: a, namespace: shop}\n"
        f"spec: {{egress: [{{hosts: [shop/{full('nowhere')}]}}]}}\n"
    )
    mesh = mesh_of(external_name("a", "a.example.com") + sidecar)
    assert [p.code for p in check_all(mesh)] == ["unknown-host"]


def test_a_name_of_no_service_is_told_of_where_only_services_are_let_through() -> None:
    closed = MeshConfig(
        outbound_traffic_policy=OutboundTrafficPolicy(mode=OutboundTrafficPolicyMode.REGISTRY_ONLY)
    )
    text = external_name("api", "api.example.com")
    assert check_all(mesh_of(text)) == ()
    assert [p.code for p in check_all(mesh_of(text, closed))] == ["unknown-host"]


def test_another_object_of_the_same_name_is_not_meant() -> None:
    pod = Key("", "Pod", "shop", "itself")
    assert check(mesh_of(external_name("itself", full("itself"))), pod) == ()
