"""A change is looked at only where it may be seen."""

from bench import shapes
from bench.shapes import Shape
from crds.mesh_config import DEFAULT_MESH_CONFIG
from heddle.audience import Audience
from mesh.advance import advance
from mesh.host_view import selection
from mesh.mesh import EMPTY_MESH, Mesh
from mesh.scope import Scope
from mesh.visibility import candidate_hosts
from tests.meshes import additions, mesh_of, service, sidecar, virtual_service

WEB = "web.shop.svc.cluster.local"
NAMESPACES = ("shop", "bank", "depot")


def audience(mesh: Mesh, *namespaces: str) -> Audience[str]:
    """One part in each namespace, named after it, that holds what it sees."""
    found: Audience[str] = Audience()
    for namespace in namespaces or NAMESPACES:
        scope = Scope(namespace)
        found.place(mesh, namespace, scope)
        seen = [host for host in candidate_hosts(mesh, scope) if selection(mesh, scope, host)]
        found.saw(namespace, seen, seen=True)
    return found


def concerned(text: str, host: str = WEB) -> set[str]:
    mesh = mesh_of(text)
    return set(audience(mesh).of(mesh, host))


def test_what_everybody_sees_concerns_everybody() -> None:
    assert concerned(service("web")) == set(NAMESPACES)


def test_what_is_exported_concerns_who_it_is_exported_to() -> None:
    exported = service("web").replace(
        "namespace: shop", "namespace: shop, annotations: {networking.istio.io/exportTo: 'bank,.'}"
    )
    assert concerned(exported) == {"shop", "bank"}


def test_what_is_not_imported_concerns_nobody_else() -> None:
    elsewhere = sidecar("s", "{egress: [{hosts: [./*]}]}", "bank")
    importing = sidecar("s", "{egress: [{hosts: [shop/*]}]}", "depot")
    assert concerned(service("web") + elsewhere + importing) == {"shop", "depot"}


def test_a_destination_concerns_who_imports_the_route() -> None:
    """istio-api.md S-5: it comes along."""
    text = service("web") + sidecar("s", "{egress: [{hosts: [depot/*]}]}", "bank")
    route = f"http: [{{route: [{{destination: {{host: {WEB}}}}}]}}]"
    assert concerned(text) == {"shop", "depot"}
    led = virtual_service("v", f"{{hosts: [a.b], {route}}}", "depot")
    assert concerned(text + led) == {"shop", "bank", "depot"}


def test_who_has_a_host_is_told_when_it_goes() -> None:
    found = audience(mesh_of(service("web")))
    assert found.of(mesh_of(""), WEB) == set(NAMESPACES)
    found.saw("bank", [WEB], seen=False)
    found.saw("bank", ["unknown.example.com"], seen=False)
    assert found.of(mesh_of(""), WEB) == {"shop", "depot"}


def test_who_is_forgotten_is_told_nothing() -> None:
    mesh = mesh_of(service("web"))
    found = audience(mesh)
    for namespace in NAMESPACES:
        found.forget(namespace, [WEB])
    found.forget("shop", [])
    assert found.of(mesh, WEB) == set()


def test_a_new_sidecar_puts_a_part_elsewhere() -> None:
    found = audience(mesh_of(service("web")), "bank")
    mesh = mesh_of(service("web") + sidecar("s", "{egress: [{hosts: [./*]}]}", "bank"))
    found.place(mesh, "bank", Scope("bank"))
    found.saw("bank", [WEB], seen=False)
    assert found.of(mesh, WEB) == set()
    found.place(mesh_of(service("web")), "bank", Scope("bank"))
    assert found.of(mesh, WEB) == {"bank"}


def test_in_a_big_scoped_mesh_a_change_concerns_one_namespace() -> None:
    shape = Shape(services=1000, endpoints=1, namespaces=100, scoped=True)
    objects = dict(shapes.objects(shape))
    mesh, _ = advance(EMPTY_MESH, additions(objects), DEFAULT_MESH_CONFIG)
    found = audience(mesh, *(shapes.namespace(index) for index in range(100)))
    assert {found.of(mesh, host) for host in mesh.services.hosts} == {
        frozenset({shapes.namespace(index)}) for index in range(100)
    }
