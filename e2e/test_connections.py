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


def test_as_many_requests_go_over_a_connection_as_are_allowed(mesh: Mesh) -> None:
    mesh.apply(witness("seer", KEEP="1"))
    assert len(connections(mesh)) == 1
    once = "connectionPool: {http: {maxRequestsPerConnection: 1}}"
    mesh.apply(witness("seer", KEEP="1"), policy("seer", once))
    assert len(connections(mesh)) == 4


def connections(mesh: Mesh) -> set[str]:
    """Those that four requests in a row arrive over."""
    return {told(answer)["connection"] for answer in mesh.repeat("http://seer:8443/", 4)}


@pytest.mark.parametrize(
    "pool",
    [
        "http: {idleTimeout: 300ms}",
        "tcp: {idleTimeout: 300ms}",
        "http: {idleTimeout: 300ms}, tcp: {idleTimeout: 1h}",
        "tcp: {maxConnectionDuration: 300ms}",
    ],
)
def test_connections_to_servers_end_in_time(mesh: Mesh, pool: str) -> None:
    """Envoy's own time is an hour: the client would give up the question before."""
    watch = (
        "{apiVersion: v1, kind: Service, metadata: {name: watch, namespace: e2e}, spec: "
        "{selector: {app: seer}, ports: [{name: http, port: 8444}]}}"
    )
    parts = (witness("seer", KEEP="1", WATCH_PORT="8444"), watch)
    mesh.apply(*parts, policy("seer", f"connectionPool: {{{pool}}}"))
    assert told(mesh.get("http://seer:8443/"))["connection"] == "1"
    assert mesh.get("http://watch:8444/").status == 200
    assert told(mesh.get("http://seer:8443/"))["connection"] == "2"


@pytest.mark.parametrize(("more", "shared"), [("", True), (", maxConcurrentStreams: 1", False)])
def test_requests_share_a_connection_as_far_as_is_allowed(
    mesh: Mesh, more: str, shared: bool
) -> None:
    pool = f"connectionPool: {{http: {{h2UpgradePolicy: UPGRADE{more}}}}}"
    mesh.apply(witness("seer", DELAY="0.1"), policy("seer", pool))
    with mesh.load("http://seer:8443/", rate=600) as counts:
        mesh.repeat("http://seer:8443/", 5)
    assert counts.failures == {}
    assert (told(mesh.get("http://seer:8443/"))["connections"] == "1") == shared


def test_http2_connections_are_kept_alive_by_pings(mesh: Mesh) -> None:
    keeps = "h2UpgradePolicy: UPGRADE, http2KeepAlive: {interval: 200ms, timeout: 5s}"
    pool = f"connectionPool: {{http: {{{keeps}}}}}"
    mesh.apply(witness("seer", DELAY="0.1"), policy("seer", pool))
    pings = [int(told(answer)["pings"]) for answer in mesh.repeat("http://seer:8443/", 20)]
    assert pings[-1] > 1


def test_a_connection_without_traffic_is_closed(intercepting: Mesh) -> None:
    """The client, which waits for an answer that does not come, sees the end."""
    silent = pod("silent", "witness", 9000)
    service = (
        "{apiVersion: v1, kind: Service, metadata: {name: silent, namespace: e2e}, spec: "
        "{selector: {app: silent}, ports: [{name: tcp, port: 9000}]}}"
    )
    idle = policy("silent", "connectionPool: {tcp: {idleTimeout: 300ms}}")
    intercepting.apply(silent, service, idle)
    assert intercepting.tcp("silent", 9000, "hello") == ""
