"""Which VirtualService of a host is obeyed, and by whom."""

from e2e.mesh import CLIENT, ECHO, STRANGER, SUBSETS, Mesh
from tests.semantics import covers

URL = "http://echo.e2e:8080/"


def virtual_service(name: str, version: str, more: str = "", namespace: str = "e2e") -> str:
    host = "echo.e2e.svc.cluster.local"
    rule = f"route: [{{destination: {{host: {host}, subset: {version}}}}}]"
    return f"""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: {name}, namespace: {namespace}}}
spec: {{hosts: [{host}], http: [{{{rule}}}]{more}}}
"""


@covers("S-7")
def test_the_first_one_of_a_host_wins_and_the_other_hears_of_it(mesh: Mesh) -> None:
    mesh.apply(SUBSETS, virtual_service("b", "v2"), virtual_service("a", "v1"))
    assert {answer.seen.version for answer in mesh.repeat(ECHO, 10)} == {"v1"}
    (problem,) = mesh.problems()
    assert "shadowed-virtual-service" in problem
    assert "VirtualService e2e/b" in problem
    mesh.apply(SUBSETS, virtual_service("b", "v2"))
    assert {answer.seen.version for answer in mesh.repeat(ECHO, 10)} == {"v2"}


@covers("S-3", "S-7")
def test_a_private_one_wins_in_its_own_namespace_only(mesh: Mesh) -> None:
    public = virtual_service("a", "v1")
    private = virtual_service("z", "v2", ", exportTo: ['.']", namespace="other")
    mesh.apply(SUBSETS, public, private)
    assert {answer.seen.version for answer in mesh.repeat(URL, 10, via=CLIENT)} == {"v1"}
    assert {answer.seen.version for answer in mesh.repeat(URL, 10, via=STRANGER)} == {"v2"}


@covers("S-7")
def test_the_most_specific_host_wins_over_a_wildcard(mesh: Mesh) -> None:
    wild = (
        virtual_service("a", "v2")
        .replace("hosts: [echo.e2e", "hosts: ['*.e2e")
        .replace("local], http", "local'], http")
    )
    mesh.apply(SUBSETS, wild)
    assert {answer.seen.version for answer in mesh.repeat(ECHO, 10)} == {"v2"}
    mesh.apply(SUBSETS, wild, virtual_service("b", "v1"))
    assert {answer.seen.version for answer in mesh.repeat(ECHO, 10)} == {"v1"}
    assert mesh.problems() == []
