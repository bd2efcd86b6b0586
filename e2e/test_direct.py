"""What reaches a pod beside its services: its own address, names without a port, large bodies."""

from e2e.mesh import ECHO, OUTSIDE, Mesh

LARGE = 300_000


def test_a_pods_own_address(intercepting: Mesh) -> None:
    address = intercepting.address("e2e/echo-v2")
    assert intercepting.get(f"http://{address}:8080/").seen.version == "v2"


def test_a_pod_without_a_sidecar(intercepting: Mesh) -> None:
    address = intercepting.address(OUTSIDE)
    answer = intercepting.get(f"http://{address}:8080/a", {"x-user": "me"})
    assert (answer.seen.service, answer.seen.headers["x-user"]) == ("outside", "me")


def test_a_port_where_nobody_listens(intercepting: Mesh) -> None:
    """An error at once, from the sidecar or from the kernel, and not a timeout."""
    address = intercepting.address("e2e/echo-v1")
    assert intercepting.get(f"http://{address}:8099/").status in (0, 503)


def test_a_large_body(mesh: Mesh) -> None:
    answer = mesh.get(f"{ECHO}/seen?id=none", {"x-large": "y"}, method="POST", body="x" * LARGE)
    assert answer.status == 200


def test_a_head_request_has_no_body(mesh: Mesh) -> None:
    answer = mesh.get(ECHO, method="HEAD")
    assert (answer.status, answer.text) == (200, "")
