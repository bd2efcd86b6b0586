"""Cross-origin requests: the client's sidecar answers what a browser asks beforehand."""

import pytest

from e2e.mesh import ECHO, Answer, Mesh, routes
from tests.semantics import covers

ROUTE = "route: [{destination: {host: echo, subset: v1}}]"


def cors(policy: str) -> str:
    return routes(f"[{{corsPolicy: {policy}, {ROUTE}}}]")


def preflight(mesh: Mesh, origin: str, name: str = "") -> Answer:
    asked = {"origin": origin, "access-control-request-method": "GET", "x-echo-id": name}
    return mesh.get(ECHO, asked, method="OPTIONS")


@pytest.mark.parametrize(
    ("origins", "allowed", "refused"),
    [
        ("[{exact: 'http://a.test'}]", "http://a.test", "http://a.test.evil"),
        ("[{prefix: 'http://a.'}]", "http://a.other", "http://b.a."),
        ("[{regex: 'https?://[a-z]+[.]test'}]", "https://b.test", "https://b.test.evil"),
        ("[{exact: 'http://x.test'}, {exact: 'http://a.test'}]", "http://a.test", "http://y.test"),
    ],
    ids=["exact", "prefix", "regex", "several"],
)
@covers("S-63")
def test_origins(mesh: Mesh, origins: str, allowed: str, refused: str) -> None:
    """An allowed origin is answered by the sidecar and marked on the way back; another is not."""
    mesh.apply(cors(f"{{allowOrigins: {origins}}}"))
    name = mesh.name()
    answer = preflight(mesh, allowed, name)
    assert (answer.status, answer.text) == (200, "")
    assert answer.headers["access-control-allow-origin"] == allowed
    assert mesh.received("echo-v1", name, 0) == []
    assert mesh.get(ECHO, {"origin": allowed}).headers["access-control-allow-origin"] == allowed
    assert "access-control-allow-origin" not in mesh.get(ECHO, {"origin": refused}).headers


def test_a_preflight_is_told_what_is_allowed(mesh: Mesh) -> None:
    mesh.apply(
        cors(
            "{allowOrigins: [{exact: 'http://a.test'}], allowMethods: [GET, PUT], "
            "allowHeaders: [x-a, x-b], exposeHeaders: [x-c], maxAge: 90s, allowCredentials: true}"
        )
    )
    told = preflight(mesh, "http://a.test").headers
    assert told["access-control-allow-methods"] == "GET,PUT"
    assert told["access-control-allow-headers"] == "x-a,x-b"
    assert told["access-control-max-age"] == "90"
    assert told["access-control-allow-credentials"] == "true"
    actual = mesh.get(ECHO, {"origin": "http://a.test"}).headers
    assert actual["access-control-expose-headers"] == "x-c"


@covers("S-63")
@pytest.mark.parametrize(("unmatched", "arrives"), [("FORWARD", True), ("IGNORE", False)])
def test_a_preflight_of_another_origin(mesh: Mesh, unmatched: str, arrives: bool) -> None:
    mesh.apply(
        cors(f"{{allowOrigins: [{{exact: 'http://a.test'}}], unmatchedPreflights: {unmatched}}}")
    )
    name = mesh.name()
    answer = preflight(mesh, "http://b.test", name)
    assert answer.status == 200
    assert [seen.method for seen in mesh.received("echo-v1", name, int(arrives))] == (
        ["OPTIONS"] if arrives else []
    )


def test_the_deprecated_list_of_origins(mesh: Mesh) -> None:
    mesh.apply(cors("{allowOrigin: ['*']}"))
    assert preflight(mesh, "http://any.test").headers["access-control-allow-origin"]
