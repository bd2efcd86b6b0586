"""What is wrong in one object stays with it, and says where and what to do."""

from e2e.mesh import ECHO, Mesh, routes

V2 = "[{route: [{destination: {host: echo, subset: v2}}]}]"
BROKEN = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: broken, namespace: e2e}
spec:
  hosts: [echo-v1]
  http: [{timeout: soon, route: [{destination: {host: echo-v1}}]}]
"""


def test_an_object_that_cannot_be_read_harms_no_other(mesh: Mesh) -> None:
    mesh.apply(routes(V2), BROKEN)
    assert {answer.seen.version for answer in mesh.repeat(ECHO, 5)} == {"v2"}
    assert mesh.get("http://echo-v1:8080/").status == 200
    (told,) = mesh.problems()
    for part in ("VirtualService e2e/broken", "http[0].timeout", "soon"):
        assert part in told


def test_its_last_good_version_stays(mesh: Mesh) -> None:
    good = BROKEN.replace("timeout: soon", "headers: {request: {set: {x-good: yes please}}}")
    mesh.apply(good)
    assert mesh.get("http://echo-v1:8080/").seen.headers["x-good"] == "yes please"
    mesh.apply(BROKEN)
    assert mesh.get("http://echo-v1:8080/").seen.headers["x-good"] == "yes please"
