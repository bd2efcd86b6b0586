"""gRPC: calls keep their metadata, and rules match their methods."""

import json

from e2e.mesh import Mesh, routes
from tests.semantics import covers

TARGET = "echo:9001"
METHOD = "/shop.Reviews/Get"


@covers("S-66")
def test_a_call_reaches_the_server(mesh: Mesh) -> None:
    code, text = mesh.grpc(TARGET, METHOD, {"x-user": "me"}, "body")
    assert code == "OK"
    seen = json.loads(text)
    assert (seen["body"], seen["headers"]["x-user"]) == ("body", "me")


def test_a_method_is_matched_as_a_path(mesh: Mesh) -> None:
    mesh.apply(
        routes(
            f"[{{match: [{{uri: {{exact: {METHOD}}}}}], "
            "route: [{destination: {host: echo, subset: v2}}]}, "
            "{route: [{destination: {host: echo, subset: v1}}]}]"
        )
    )
    for method, version in ((METHOD, "v2"), ("/shop.Reviews/List", "v1")):
        code, text = mesh.grpc(TARGET, method, {}, "")
        assert (code, json.loads(text)["version"]) == ("OK", version)


def test_an_aborted_call_has_the_grpc_status(mesh: Mesh) -> None:
    abort = "fault: {abort: {grpcStatus: RESOURCE_EXHAUSTED, percentage: {value: 100}}}"
    mesh.apply(routes(f"[{{{abort}, route: [{{destination: {{host: echo}}}}]}}]"))
    assert mesh.grpc(TARGET, METHOD, {}, "")[0] == "RESOURCE_EXHAUSTED"
