"""What servers outside of the mesh see of the connections that a policy makes."""

import pytest

from e2e.mesh import Mesh
from e2e.witness import pod, policy, told, witness


@pytest.mark.parametrize(
    ("pool", "http"),
    [("h2UpgradePolicy: UPGRADE", "2"), ("h2UpgradePolicy: DO_NOT_UPGRADE", "1.1")],
)
def test_requests_are_upgraded_to_http2(mesh: Mesh, pool: str, http: str) -> None:
    mesh.apply(witness("seer"), policy("seer", f"connectionPool: {{http: {{{pool}}}}}"))
    assert told(mesh.get("http://seer:8443/"))["http"] == http


@pytest.mark.parametrize("version", ["V1", "V2"])
def test_the_server_is_told_who_the_client_is(mesh: Mesh, version: str) -> None:
    """In the PROXY header, before the request."""
    mesh.apply(witness("seer", PROXY="1"), policy("seer", f"proxyProtocol: {{version: {version}}}"))
    number, source = told(mesh.get("http://seer:8443/"))["proxy"].split()
    assert number == version.removeprefix("V")
    if mesh.intercepts:
        assert source == mesh.address("e2e/client")


@pytest.mark.parametrize("protocol", ["CONNECT", "POST"])
def test_connections_go_through_an_http_proxy(intercepting: Mesh, protocol: str) -> None:
    parts = (
        pod("target", "echo", 8080, TCP_PORT="9000", NAME="target"),
        pod("tunnel", "tunnel", 3128),
        "{apiVersion: v1, kind: Service, metadata: {name: tunnel, namespace: e2e}, spec: "
        "{selector: {app: tunnel}, ports: [{name: tcp, port: 3128}]}}",
    )
    intercepting.apply(*parts)
    host = intercepting.address("e2e/target")
    tunnel = f"tunnel: {{protocol: {protocol}, targetHost: {host}, targetPort: 9000}}"
    intercepting.apply(*parts, policy("tunnel", tunnel))
    answer = intercepting.tcp("tunnel", 3128, "hello")
    assert answer == f"{protocol} {host}:9000 target v1 hello"
