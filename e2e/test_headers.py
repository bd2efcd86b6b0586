"""Headers that a rule sets, adds or removes, on the way there and on the way back."""

import pytest

from e2e.mesh import ECHO, Mesh, routes
from tests.semantics import covers


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


@covers("S-57")
@pytest.mark.parametrize("name", ["Host", ":authority"])
def test_the_host_header_can_be_set(mesh: Mesh, name: str) -> None:
    change = f"{{request: {{set: {{'{name}': other.test}}}}}}"
    mesh.apply(routes(f"[{{headers: {change}, route: [{{destination: {{host: echo}}}}]}}]"))
    assert mesh.get(ECHO).seen.headers["host"] == "other.test"


@covers("S-57")
def test_each_destination_may_be_asked_for_another_host(mesh: Mesh) -> None:
    own = "headers: {request: {set: {Host: two.test}}, response: {set: {x-from: two}}}"
    split = (
        "route: [{destination: {host: echo, subset: v1}, weight: 50}, "
        f"{{destination: {{host: echo, subset: v2}}, weight: 50, {own}}}]"
    )
    mesh.apply(routes(f"[{{{split}}}]"))
    for answer in mesh.repeat(ECHO, 20):
        seen = answer.seen
        expected = {"v1": ("echo:8080", None), "v2": ("two.test", "two")}[seen.version]
        assert (seen.headers["host"], answer.headers.get("x-from")) == expected
    mesh.apply(routes(f"[{{rewrite: {{authority: rule.test}}, {split}}}]"))
    assert {a.seen.headers["host"] for a in mesh.repeat(ECHO, 20)} == {"rule.test"}


@covers("S-58")
def test_a_value_may_say_what_envoy_knows_of_the_request(mesh: Mesh) -> None:
    change = "{request: {set: {x-told: '%REQ(x-user)% 100%% %UPSTREAM_REQUEST_ATTEMPT_COUNT%'}}}"
    mesh.apply(routes(f"[{{headers: {change}, route: [{{destination: {{host: echo}}}}]}}]"))
    assert mesh.get(ECHO, {"x-user": "me"}).seen.headers["x-told"] == "me 100% 1"
