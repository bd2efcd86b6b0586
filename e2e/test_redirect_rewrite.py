"""Redirects and rewrites: where the client is sent, and what the server sees."""

import pytest

from e2e.mesh import ECHO, Mesh, routes
from tests.semantics import covers

V1 = "route: [{destination: {host: echo, subset: v1}}]"


@covers("S-62")
@pytest.mark.parametrize(
    ("redirect", "location", "status"),
    [
        ("{uri: /new}", "http://echo:8080/new", 301),
        ("{authority: other.test}", "http://other.test/old/below?q=1", 301),
        ("{uri: /new, redirectCode: 308}", "http://echo:8080/new", 308),
        ("{scheme: https, port: 8443}", "https://echo:8443/old/below?q=1", 301),
        ("{prefixRewrite: /new, redirectCode: 302}", "http://echo:8080/new/below?q=1", 302),
        (
            "{authority: other.test, derivePort: FROM_REQUEST_PORT, redirectCode: 303}",
            "http://other.test:8080/old/below?q=1",
            303,
        ),
        (
            "{authority: other.test, derivePort: FROM_PROTOCOL_DEFAULT, redirectCode: 307}",
            "http://other.test/old/below?q=1",
            307,
        ),
        (
            "{authority: other.test, scheme: https, port: 443}",
            "https://other.test/old/below?q=1",
            301,
        ),
    ],
    ids=[
        "path",
        "authority",
        "code",
        "scheme",
        "prefix",
        "port-of-request",
        "port-of-protocol",
        "implied-port",
    ],
)
def test_redirect(mesh: Mesh, redirect: str, location: str, status: int) -> None:
    mesh.apply(routes(f"[{{match: [{{uri: {{prefix: /old}}}}], redirect: {redirect}}}, {{{V1}}}]"))
    answer = mesh.get(f"{ECHO}/old/below?q=1")
    assert answer.status == status
    # The path of a redirect replaces the query, too, or leaves it: Envoy's choice, not ours.
    assert answer.headers["location"].removesuffix("?q=1") == location.removesuffix("?q=1")
    assert mesh.get(f"{ECHO}/else").status == 200


@pytest.mark.parametrize(
    ("match", "rewrite", "sent", "received"),
    [
        ("{prefix: /a}", "{uri: /b}", "/a/c?q=1", "/b/c?q=1"),
        ("{prefix: /a/}", "{uri: /}", "/a/c", "/c"),
        ("{exact: /a}", "{uri: /b}", "/a?q=1", "/b?q=1"),
        (
            '{regex: "/a/.*"}',
            '{uriRegexRewrite: {match: "/a/([^/]*)/(.*)", rewrite: "/\\\\2/\\\\1"}}',
            "/a/x/y",
            "/y/x",
        ),
    ],
    ids=["prefix", "prefix-slash", "exact", "regex"],
)
def test_rewrite_of_the_path(
    mesh: Mesh, match: str, rewrite: str, sent: str, received: str
) -> None:
    mesh.apply(routes(f"[{{match: [{{uri: {match}}}], rewrite: {rewrite}, {V1}}}]"))
    assert mesh.get(f"{ECHO}{sent}").seen.path == received


def test_rewrite_of_the_authority(mesh: Mesh) -> None:
    mesh.apply(routes(f"[{{rewrite: {{authority: other.test}}, {V1}}}]"))
    seen = mesh.get(f"{ECHO}/a").seen
    assert (seen.headers["host"], seen.path) == ("other.test", "/a")


def test_a_direct_response_needs_no_server(mesh: Mesh) -> None:
    response = "directResponse: {status: 451, body: {string: not here}}"
    mesh.apply(routes(f"[{{match: [{{uri: {{exact: /no}}}}], {response}}}, {{{V1}}}]"))
    answer = mesh.get(f"{ECHO}/no")
    assert (answer.status, answer.text) == (451, "not here")


def test_a_direct_response_has_the_headers_of_its_rule(mesh: Mesh) -> None:
    response = "directResponse: {status: 200, body: {bytes: bWFkZQ==}}"
    added = "headers: {response: {set: {x-made: here, content-type: text/x-own}}}"
    mesh.apply(routes(f"[{{{response}, {added}}}]"))
    answer = mesh.get(ECHO)
    assert (answer.status, answer.text) == (200, "made")
    assert (answer.headers["x-made"], answer.headers["content-type"]) == ("here", "text/x-own")
