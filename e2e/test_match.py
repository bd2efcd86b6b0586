"""Which rule a request meets, by header, method, path, authority, query or source."""

import pytest

from e2e.mesh import CLIENT, ECHO, STRANGER, Mesh, routes
from tests.semantics import covers

REST = "{route: [{destination: {host: echo, subset: v1}}]}"


def matched(match: str) -> str:
    """Requests that match go to v2, all others to v1."""
    rule = f"{{match: {match}, route: [{{destination: {{host: echo, subset: v2}}}}]}}"
    return routes(f"[{rule}, {REST}]")


@pytest.mark.parametrize(
    ("match", "hits", "misses"),
    [
        (
            '[{headers: {x-user: {exact: "tester"}}}]',
            [{"x-user": "tester"}],
            [{}, {"x-user": "testers"}, {"x-other": "tester"}],
        ),
        ("[{headers: {x-user: {prefix: te}}}]", [{"x-user": "team"}], [{"x-user": "other"}]),
        (
            '[{headers: {x-user: {regex: "te.+r"}}}]',
            [{"x-user": "tester"}],
            [{"x-user": "tester2"}, {"x-user": "ter"}],
        ),
        ("[{headers: {x-user: {}}}]", [{"x-user": "anybody"}], [{}]),
        (
            "[{headers: {x-a: {exact: one}, x-b: {exact: two}}}]",
            [{"x-a": "one", "x-b": "two"}],
            [{"x-a": "one"}, {"x-b": "two"}],
        ),
        (
            "[{headers: {x-a: {exact: one}}}, {headers: {x-b: {exact: two}}}]",
            [{"x-a": "one"}, {"x-b": "two"}],
            [{"x-a": "two", "x-b": "one"}],
        ),
        ("[{withoutHeaders: {x-user: {exact: me}}}]", [{}, {"x-user": "you"}], [{"x-user": "me"}]),
        ("[{withoutHeaders: {x-user: {}}}]", [{}], [{"x-user": "me"}, {"x-user": ""}]),
        (
            "[{withoutHeaders: {x-user: {prefix: m}}, headers: {x-b: {}}}]",
            [{"x-b": "1"}, {"x-b": "1", "x-user": "you"}],
            [{}, {"x-b": "1", "x-user": "me"}],
        ),
    ],
    ids=[
        "exact",
        "prefix",
        "regex",
        "present",
        "all-of",
        "any-of",
        "without",
        "absent",
        "without-and-with",
    ],
)
def test_headers(
    mesh: Mesh, match: str, hits: list[dict[str, str]], misses: list[dict[str, str]]
) -> None:
    mesh.apply(matched(match))
    for headers in hits:
        assert mesh.get(ECHO, headers).seen.version == "v2", headers
    for headers in misses:
        assert mesh.get(ECHO, headers).seen.version == "v1", headers


def test_every_request_of_testers_reaches_their_version(mesh: Mesh) -> None:
    mesh.apply(matched('[{headers: {x-tester: {exact: "true"}}}]'))
    seen = {answer.seen.version for answer in mesh.repeat(ECHO, 50, {"x-tester": "true"})}
    assert seen == {"v2"}


@pytest.mark.parametrize(
    ("match", "hits", "misses"),
    [
        ("[{uri: {exact: /a}}]", ["/a", "/a?x=y"], ["/", "/a/", "/ab", "/A"]),
        ("[{uri: {prefix: /a}}]", ["/a", "/a/b", "/ab"], ["/", "/b/a"]),
        ("[{uri: {prefix: /a/}}]", ["/a/b"], ["/a", "/ab"]),
        ('[{uri: {regex: "/a[0-9]+"}}]', ["/a1", "/a22?x"], ["/a", "/a1b", "/b/a1"]),
        ("[{uri: {exact: /a}, ignoreUriCase: true}]", ["/a", "/A"], ["/b"]),
        ("[{queryParams: {v: {exact: new}}}]", ["/?v=new", "/?x&v=new"], ["/", "/?v=newer"]),
        ("[{queryParams: {v: {prefix: ne}}}]", ["/?v=ne", "/?v=new"], ["/?v=one", "/?w=ne"]),
        ('[{queryParams: {v: {regex: "v[0-9]"}}}]', ["/?v=v1"], ["/?v=v10", "/?v=v"]),
        ("[{queryParams: {v: {}}}]", ["/?v", "/?v=", "/?v=any"], ["/", "/?w=v"]),
        (
            "[{queryParams: {v: {exact: a}, w: {exact: b}}}]",
            ["/?v=a&w=b", "/?w=b&v=a"],
            ["/?v=a", "/?w=b"],
        ),
        ("[{port: 8080, uri: {prefix: /a}}]", ["/a"], ["/b"]),
        ("[{port: 9999}, {uri: {exact: /b}}]", ["/b"], ["/a"]),
    ],
    ids=[
        "exact",
        "prefix",
        "prefix-slash",
        "regex",
        "ignore-case",
        "query",
        "query-prefix",
        "query-regex",
        "query-present",
        "query-all-of",
        "port",
        "other-port",
    ],
)
def test_paths(mesh: Mesh, match: str, hits: list[str], misses: list[str]) -> None:
    mesh.apply(matched(match))
    for path in hits:
        assert mesh.get(f"{ECHO}{path}").seen.version == "v2", path
    for path in misses:
        assert mesh.get(f"{ECHO}{path}").seen.version == "v1", path


def test_method(mesh: Mesh) -> None:
    mesh.apply(matched("[{method: {exact: POST}}]"))
    assert mesh.get(ECHO, method="POST").seen.version == "v2"
    assert mesh.get(ECHO, method="GET").seen.version == "v1"


def test_method_by_expression_and_scheme(mesh: Mesh) -> None:
    mesh.apply(matched('[{method: {regex: "PUT|POST"}, scheme: {exact: http}}]'))
    assert mesh.get(ECHO, method="PUT").seen.version == "v2"
    assert mesh.get(ECHO, method="DELETE").seen.version == "v1"
    mesh.apply(matched("[{scheme: {exact: https}}]"))
    assert mesh.get(ECHO).seen.version == "v1"


def test_authority(mesh: Mesh) -> None:
    """The name under which the client knows the service, with its port."""
    mesh.apply(matched('[{authority: {prefix: "echo.e2e"}}]'))
    assert mesh.get("http://echo.e2e:8080/").seen.version == "v2"
    assert mesh.get("http://echo:8080/").seen.version == "v1"


def test_source(mesh: Mesh) -> None:
    """A rule for some clients is none for the others."""
    url = "http://echo.e2e:8080/"
    mesh.apply(matched("[{sourceLabels: {app: client}}]"))
    assert mesh.get(url, via=CLIENT).seen.version == "v2"
    assert mesh.get(url, via=STRANGER).seen.version == "v1"
    mesh.apply(matched("[{sourceNamespace: other}]"))
    assert mesh.get(url, via=CLIENT).seen.version == "v1"
    assert mesh.get(url, via=STRANGER).seen.version == "v2"


def test_the_first_rule_that_matches_wins(mesh: Mesh) -> None:
    general = "{match: [{uri: {prefix: /}}], route: [{destination: {host: echo, subset: v2}}]}"
    special = "{match: [{uri: {exact: /a}}], route: [{destination: {host: echo, subset: v1}}]}"
    mesh.apply(routes(f"[{special}, {general}]"))
    assert mesh.get(f"{ECHO}/a").seen.version == "v1"
    mesh.apply(routes(f"[{general}, {special}]"))
    assert mesh.get(f"{ECHO}/a").seen.version == "v2"


@covers("S-10")
def test_what_no_rule_matches_is_not_found(mesh: Mesh) -> None:
    mesh.apply(routes("[{match: [{uri: {prefix: /only}}], route: [{destination: {host: echo}}]}]"))
    assert mesh.get(f"{ECHO}/only/this").status == 200
    assert mesh.get(f"{ECHO}/other").status == 404
