"""Delegates: rules that another object, of another namespace, gives."""

from e2e.mesh import ECHO, SUBSETS, Mesh
from tests.semantics import covers

ROOT = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: echo, namespace: e2e}
spec:
  hosts: [echo]
  http:
    - match: [{uri: {prefix: /team}}]
      delegate: {name: team, namespace: other}
      headers: {request: {set: {x-by: root}}}
    - route: [{destination: {host: echo, subset: v1}}]
"""


def delegate(http: str) -> str:
    return f"""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: team, namespace: other}}
spec: {{http: {http}}}
"""


V2 = "route: [{destination: {host: echo.e2e.svc.cluster.local, subset: v2}}]"


@covers("S-9")
def test_a_delegate_routes_what_its_root_lets_through(mesh: Mesh) -> None:
    narrow = f"{{match: [{{uri: {{prefix: /team/own}}}}], rewrite: {{uri: /new}}, {V2}}}"
    mesh.apply(SUBSETS, ROOT, delegate(f"[{narrow}, {{headers: {{}}, {V2}}}]"))
    assert mesh.problems() == []
    first = mesh.get(f"{ECHO}/team/own/x").seen
    assert (first.version, first.path, first.headers["x-by"]) == ("v2", "/new/x", "root")
    second = mesh.get(f"{ECHO}/team/else").seen
    assert (second.version, second.path, second.headers.get("x-by")) == ("v2", "/team/else", None)
    assert mesh.get(f"{ECHO}/else").seen.version == "v1"


@covers("S-9")
def test_an_edit_of_the_delegate_takes_effect(mesh: Mesh) -> None:
    mesh.apply(SUBSETS, ROOT, delegate(f"[{{{V2}}}]"))
    assert mesh.get(f"{ECHO}/team").seen.version == "v2"
    mesh.apply(SUBSETS, ROOT, delegate("[{directResponse: {status: 418}}]"))
    assert mesh.get(f"{ECHO}/team").status == 418
    mesh.apply(SUBSETS, ROOT)
    assert mesh.get(f"{ECHO}/team").status == 503
    assert "unknown-delegate" in " ".join(mesh.problems())
    assert mesh.get(ECHO).seen.version == "v1"
