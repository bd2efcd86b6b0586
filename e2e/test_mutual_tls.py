"""Mutual TLS between sidecars: by itself, by PeerAuthentication, and who is refused."""

import json

import pytest

from e2e.mesh import CLIENT, ECHO, STRANGER, VISITOR, Mesh
from tests.semantics import covers

XFCC = "x-forwarded-client-cert"
ECHO_ID = "spiffe://cluster.local/ns/e2e/sa/echo"
CLIENT_ID = "spiffe://cluster.local/ns/e2e/sa/default"
STRANGER_ID = "spiffe://cluster.local/ns/other/sa/default"


def peer_authentication(
    mode: str, *, name: str = "default", namespace: str = "e2e", more: str = ""
) -> str:
    return f"""
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {{name: {name}, namespace: {namespace}}}
spec: {{mtls: {{mode: {mode}}}{more}}}
"""


ONLY_ECHO = ", selector: {matchLabels: {app: echo}}"


def caller(mesh: Mesh, url: str = ECHO, *, via: str = CLIENT) -> str:
    """Who the server is told that its client is; `""` for a client that showed no certificate."""
    given = mesh.get(url, via=via).seen.headers.get(XFCC, "")
    return dict(part.split("=", 1) for part in given.split(";") if part).get("URI", "")


@covers("S-30", "S-34")
def test_sidecars_know_each_other_without_being_told(mesh: Mesh) -> None:
    assert caller(mesh) == CLIENT_ID
    assert caller(mesh, "http://echo.e2e:8080", via=STRANGER) == STRANGER_ID


def test_nobody_can_say_that_he_is_another(mesh: Mesh) -> None:
    forged = {XFCC: f"By={ECHO_ID};URI=spiffe://cluster.local/ns/bank/sa/admin"}
    answer = mesh.get(ECHO, forged)
    assert f"URI={CLIENT_ID}" in answer.seen.headers[XFCC]
    assert "bank" not in answer.seen.headers[XFCC]


@pytest.mark.parametrize("mode", ["STRICT", "PERMISSIVE", "DISABLE"])
def test_every_protocol_works_in_every_mode(mesh: Mesh, mode: str) -> None:
    mesh.apply(peer_authentication(mode))
    assert mesh.get(ECHO).status == 200
    code, text = mesh.grpc("echo:9001", "/shop.Reviews/Get", {}, "x")
    assert (code, json.loads(text)["body"]) == ("OK", "x")


@pytest.mark.parametrize("mode", ["STRICT", "PERMISSIVE", "DISABLE"])
def test_connections_work_in_every_mode(intercepting: Mesh, mode: str) -> None:
    intercepting.apply(peer_authentication(mode))
    assert "hello" in intercepting.tcp("echo", 9000, "hello")


@covers("S-31", "S-35")
@pytest.mark.parametrize(
    ("policies", "taken"),
    [
        ((), True),
        ((peer_authentication("STRICT", namespace="istio-system"),), False),
        (
            (
                peer_authentication("STRICT", namespace="istio-system"),
                peer_authentication("PERMISSIVE"),
            ),
            True,
        ),
        (
            (
                peer_authentication("PERMISSIVE"),
                peer_authentication("STRICT", name="echo", more=ONLY_ECHO),
            ),
            False,
        ),
    ],
    ids=["none", "mesh", "namespace", "workload"],
)
def test_who_has_no_sidecar_is_taken_or_refused(
    intercepting: Mesh, policies: tuple[str, ...], taken: bool
) -> None:
    intercepting.apply(*policies)
    address = intercepting.address("e2e/echo-v1")
    answer = intercepting.get(f"http://{address}:8080/", via=VISITOR)
    assert (answer.status == 200) is taken, answer
    line = intercepting.tcp(address, 9000, "hello", via=VISITOR)
    assert ("hello" in line) is taken, line
    assert caller(intercepting) == CLIENT_ID


@covers("S-28", "S-32", "C-8")
def test_each_workload_and_port_is_called_as_it_wants_to_be(intercepting: Mesh) -> None:
    """STRICT within a DISABLE namespace, and one port of it in the clear."""
    strict = ONLY_ECHO + ", portLevelMtls: {9000: {mode: DISABLE}}"
    intercepting.apply(
        peer_authentication("DISABLE"), peer_authentication("STRICT", name="echo", more=strict)
    )
    assert caller(intercepting) == CLIENT_ID
    assert "hello" in intercepting.tcp("echo", 9000, "hello")
    address = intercepting.address("e2e/echo-v1")
    assert "hello" in intercepting.tcp(address, 9000, "hello", via=VISITOR)
    assert intercepting.get(f"http://{address}:8080/", via=VISITOR).status != 200


@covers("S-36")
def test_a_port_of_no_service_is_guarded_too(intercepting: Mesh) -> None:
    address = intercepting.address("e2e/echo-v1")
    assert intercepting.get(f"http://{address}:9003/", via=VISITOR).status != 0
    intercepting.apply(peer_authentication("STRICT"))
    assert intercepting.get(f"http://{address}:9003/", via=VISITOR).status == 0


def test_a_server_that_is_not_whom_the_client_wants_is_refused(mesh: Mesh) -> None:
    mesh.apply("""
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: echo, namespace: e2e}
spec:
  host: echo
  trafficPolicy:
    tls: {mode: ISTIO_MUTUAL, subjectAltNames: ["spiffe://cluster.local/ns/e2e/sa/other"]}
""")
    assert mesh.get(ECHO).status == 503
