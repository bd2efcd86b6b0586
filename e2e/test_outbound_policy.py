"""Requests to what the mesh does not know: passed on by default, refused with REGISTRY_ONLY."""

from e2e.mesh import OUTSIDE, Mesh

REGISTRY_ONLY = """
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data: {mesh: "outboundTrafficPolicy: {mode: REGISTRY_ONLY}"}
"""


def entry(address: str) -> str:
    return f"""
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: outside, namespace: e2e}}
spec:
  hosts: [outside.test]
  addresses: [{address}]
  ports: [{{number: 8080, name: http, protocol: HTTP}}]
  location: MESH_EXTERNAL
  resolution: STATIC
  endpoints: [{{address: {address}}}]
"""


def test_by_default_the_unknown_is_reached(intercepting: Mesh) -> None:
    url = f"http://{intercepting.address(OUTSIDE)}:8080/"
    assert intercepting.get(url).seen.service == "outside"


def test_registry_only_refuses_the_unknown(mesh: Mesh) -> None:
    url = f"http://{mesh.address(OUTSIDE)}:8080/"
    mesh.apply(REGISTRY_ONLY)
    assert mesh.get(url).status == 502
    assert mesh.get("http://echo:8080/").status == 200


def test_registry_only_refuses_other_protocols(intercepting: Mesh) -> None:
    """There is no status that says so: the connection is closed."""
    intercepting.apply(REGISTRY_ONLY)
    assert intercepting.tcp(intercepting.address(OUTSIDE), 9999, "hello") == ""


def test_registry_only_lets_through_what_a_service_entry_names(mesh: Mesh) -> None:
    address = mesh.address(OUTSIDE)
    mesh.apply(REGISTRY_ONLY, entry(address))
    answer = mesh.get(f"http://{address}:8080/", {"host": "outside.test:8080"})
    assert answer.seen.service == "outside"
