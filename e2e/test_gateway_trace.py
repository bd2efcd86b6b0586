"""`heddle trace` from a gateway says what the gateway's Envoy then does with the same call."""

import json
from dataclasses import dataclass
from pathlib import Path

from typer.testing import CliRunner

from e2e.gateway import HTTP, HTTPS, PORT, SHOP, bound, edge, server, to_echo
from e2e.mesh import INGRESS, SUBSETS, VISITOR, Mesh
from heddle.main import app
from tests.meshes import authorization_policy, secret

GATEWAY = "deploy/ingress.edge"
PLAIN, MUTUAL, LOST = "plain.example.com", "mutual.example.com", "lost.example.com"


@dataclass(frozen=True)
class Visit:
    """A call, the status that Envoy gives it (0: none), and what the trace says of how it ends."""

    host: str
    path: str
    status: int
    verdict: str
    tls: bool = False


VISITS = (
    Visit(SHOP, "/v1", 200, "goes to outbound|8080|v1|echo"),
    Visit(SHOP, "/v1/secret", 403, "fails: denied"),
    Visit(SHOP, "/gone", 503, "503"),
    Visit(SHOP, "/moved", 301, "is answered by the gateway with 301"),
    Visit(SHOP, "/else", 404, "is answered by the gateway with 404"),
    Visit(PLAIN, "/", 301, "is answered by the gateway with 301"),
    Visit(LOST, "/", 404, "404: no Gateway has a VirtualService for this host"),
    Visit(SHOP, "/v1", 200, "goes to outbound|8080|v1|echo", tls=True),
    Visit(MUTUAL, "/", 0, "fails: takes workloads of the mesh only", tls=True),
    Visit(LOST, "/", 0, "fails: no server takes TLS for lost.example.com", tls=True),
)


def applied(mesh: Mesh, folder: Path) -> None:
    """A gateway with plain and secured servers, and a policy at it."""
    pair = (folder / "edge.pem").read_bytes(), (folder / "edge-key.pem").read_bytes()
    there = f"destination: {{host: echo, {PORT}, subset: "
    rules = (
        f"{{match: [{{uri: {{prefix: /v1}}}}], route: [{{{there}v1}}}}]}}",
        f"{{match: [{{uri: {{prefix: /gone}}}}], route: [{{{there}v9}}}}]}}",
        "{match: [{uri: {prefix: /moved}}], redirect: {uri: /v1}}",
    )
    mesh.apply(
        edge(
            server(80, "HTTP", SHOP),
            server(80, "HTTP", LOST),
            server(80, "HTTP", PLAIN, "httpsRedirect: true"),
            server(443, "HTTPS", SHOP, "mode: SIMPLE, credentialName: cert"),
            server(443, "HTTPS", MUTUAL, "mode: ISTIO_MUTUAL"),
        ),
        SUBSETS,
        secret("cert", "edge", tls_crt=pair[0], tls_key=pair[1]),
        bound("shop", f"hosts: [{SHOP}], http: [{', '.join(rules)}]"),
        to_echo(MUTUAL, "mutual"),
        authorization_policy(
            "secret",
            "{action: DENY, rules: [{to: [{operation: {paths: ['*/secret']}}]}]}",
            "edge",
        ),
    )


def test_traces_agree_with_the_gateway(mesh: Mesh, folder: Path) -> None:
    applied(mesh, folder)
    for visit in VISITS:
        assert (answered(mesh, visit, folder), verdict(mesh, visit)) == (visit.status, True), visit


def answered(mesh: Mesh, visit: Visit, folder: Path) -> int:
    """What the gateway's Envoy answers."""
    tls = {"sni": visit.host, "roots": str(folder / "roots.pem")} if visit.tls else None
    scheme, port = ("https", HTTPS) if visit.tls else ("http", HTTP)
    url = f"{scheme}://{mesh.address(INGRESS)}:{port}{visit.path}"
    return mesh.get(url, {"host": visit.host}, via=VISITOR, tls=tls).status


def verdict(mesh: Mesh, visit: Visit) -> bool:
    """Whether the trace says so, and names a file and line for each object."""
    url = f"{'https' if visit.tls else 'http'}://{visit.host}{visit.path}"
    arguments = ["trace", "--from", GATEWAY, "--to", url, "-o", "json", *mesh.options]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == (0 if visit.status in (200, 301) else 1), result.output
    found = json.loads(result.stdout)
    causes = [cause for step in found["steps"] for cause in step["causes"]]
    assert all(cause["line"] > 0 for cause in causes), causes
    return visit.verdict in found["verdict"]
