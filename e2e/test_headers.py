"""Headers that a rule sets, adds or removes, on the way there and on the way back."""

from e2e.mesh import ECHO, Mesh, routes


def test_request_headers(mesh: Mesh) -> None:
    change = "{request: {set: {x-set: new}, add: {x-add: more}, remove: [x-gone]}}"
    mesh.apply(routes(f"[{{headers: {change}, route: [{{destination: {{host: echo}}}}]}}]"))
    sent = {"x-set": "old", "x-add": "one", "x-gone": "secret", "x-kept": "same"}
    headers = mesh.get(ECHO, sent).seen.headers
    assert headers["x-set"] == "new"
    assert [part.strip() for part in headers["x-add"].split(",")] == ["one", "more"]
    assert "x-gone" not in headers
    assert headers["x-kept"] == "same"


def test_response_headers(mesh: Mesh) -> None:
    change = "{response: {set: {content-type: text/x-set}, add: {x-add: more}}}"
    mesh.apply(routes(f"[{{headers: {change}, route: [{{destination: {{host: echo}}}}]}}]"))
    headers = mesh.get(ECHO).headers
    assert (headers["content-type"], headers["x-add"]) == ("text/x-set", "more")
    mesh.apply(
        routes(
            "[{headers: {response: {remove: [content-type]}}, "
            "route: [{destination: {host: echo}}]}]"
        )
    )
    assert "content-type" not in mesh.get(ECHO).headers


def test_headers_of_one_destination_concern_it_alone(mesh: Mesh) -> None:
    marked = "headers: {request: {set: {x-version: two}}}"
    mesh.apply(
        routes(
            "[{route: [{destination: {host: echo, subset: v1}, weight: 50}, "
            f"{{destination: {{host: echo, subset: v2}}, weight: 50, {marked}}}]}}]"
        )
    )
    for answer in mesh.repeat(ECHO, 20):
        seen = answer.seen
        assert seen.headers.get("x-version") == {"v1": None, "v2": "two"}[seen.version]


def test_the_host_header_can_be_set(mesh: Mesh) -> None:
    change = "{request: {set: {Host: other.test}}}"
    mesh.apply(routes(f"[{{headers: {change}, route: [{{destination: {{host: echo}}}}]}}]"))
    assert mesh.get(ECHO).seen.headers["host"] == "other.test"
