"""Without any routing rule: requests arrive as they were sent, at every port and version."""

from e2e.mesh import CLIENT, ECHO, STRANGER, Mesh


def test_a_request_reaches_the_server_as_it_was_sent(mesh: Mesh) -> None:
    answer = mesh.get(f"{ECHO}/a%2Fb?c=d&e", {"x-user": "me"}, method="POST", body="hello")
    assert answer.status == 200
    seen = answer.seen
    assert (seen.method, seen.path, seen.body) == ("POST", "/a%2Fb?c=d&e", "hello")
    assert (seen.headers["host"], seen.headers["x-user"]) == ("echo:8080", "me")


def test_every_version_gets_its_share(mesh: Mesh) -> None:
    versions = {answer.seen.version for answer in mesh.repeat(ECHO, 12)}
    assert versions == {"v1", "v2"}


def test_another_namespace_reaches_it_by_its_longer_names(mesh: Mesh) -> None:
    for host in ("echo.e2e", "echo.e2e.svc", "echo.e2e.svc.cluster.local"):
        assert mesh.get(f"http://{host}:8080/", via=STRANGER).status == 200, host


def test_a_request_goes_through_both_sidecars(mesh: Mesh) -> None:
    """`x-envoy-attempt-count` is the client's, and only a sidecar adds a request id."""
    headers = mesh.get(ECHO, via=CLIENT).seen.headers
    assert headers["x-envoy-attempt-count"] == "1"
    assert "x-request-id" in headers
