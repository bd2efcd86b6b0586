"""What comes in through the ingress gateway: by host and path, by server name, by port."""

from pathlib import Path

import pytest

from e2e.gateway import HTTPS, PORT, SHOP, TCP, bound, edge, server, to_echo, visit
from e2e.mesh import INGRESS, SUBSETS, VISITOR, Answer, Mesh
from e2e.witness import told, witness
from tests.meshes import destination_rule, secret, virtual_service
from tests.security_rows import guards
from tests.semantics import covers

MUTUAL, PASSED = "mutual.example.com", "passed.example.com"
GATEWAY = "ingress.edge.svc.cluster.local"
CLIENT_ID = "'spiffe://cluster.local/ns/e2e/sa/default'"


def credential(folder: Path, name: str, file: str, roots: str = "") -> str:
    """A Secret in the gateway's namespace."""
    pair = (folder / f"{file}.pem").read_bytes(), (folder / f"{file}-key.pem").read_bytes()
    more = {"ca_crt": (folder / roots).read_bytes()} if roots else {}
    return secret(name, "edge", tls_crt=pair[0], tls_key=pair[1], **more)


def visit_tls(
    mesh: Mesh, folder: Path, host: str, shown: str = "", roots: str = "roots.pem"
) -> Answer:
    """The same within TLS; `shown` is the client's certificate."""
    tls = {"sni": host} | ({"roots": str(folder / roots)} if roots else {})
    if shown:
        tls |= {
            "certificate": str(folder / f"{shown}.pem"),
            "key": str(folder / f"{shown}-key.pem"),
        }
    url = f"https://{mesh.address(INGRESS)}:{HTTPS}/tls"
    return mesh.get(url, {"host": host}, via=VISITOR, tls=tls)


@covers("S-8")
def test_all_virtual_services_of_a_host_count(mesh: Mesh) -> None:
    """The older one first, and those that take everything last; no other host is served."""
    rules = {
        version: f"hosts: [{SHOP}], http: [{{match: [{{uri: {{prefix: /{version}}}}}], "
        f"rewrite: {{uri: /rewritten}}, "
        f"route: [{{destination: {{host: echo, subset: {version}, {PORT}}}}}]}}]"
        for version in ("v1", "v2")
    }
    mesh.apply(
        edge(server(80, "HTTP", "*.example.com")),
        SUBSETS,
        bound(
            "rest",
            f"hosts: [{SHOP}], http: [{{headers: {{request: {{set: {{x-by: rest}}}}}}, "
            f"route: [{{destination: {{host: echo, {PORT}}}}}]}}]",
            "2026-01-01T00:00:00Z",
        ),
        bound("one", rules["v1"], "2026-01-02T00:00:00Z"),
        bound("two", rules["v2"], "2026-01-03T00:00:00Z"),
    )
    for version in ("v1", "v2"):
        seen = visit(mesh, SHOP, f"/{version}").seen
        assert (seen.version, seen.path, "x-by" in seen.headers) == (version, "/rewritten", False)
    seen = visit(mesh, SHOP, "/any?a=b").seen
    assert (seen.path, seen.headers["x-by"]) == ("/any?a=b", "rest")
    assert visit(mesh, "other.example.com").status == 404
    assert visit(mesh, "shop.example.org").status == 404


@guards("C18", "P8")
@pytest.mark.parametrize("before", ["", "1.2.3.4"], ids=["direct", "forwarded"])
def test_who_connects_is_told_and_not_taken_from_headers(mesh: Mesh, before: str) -> None:
    """The edge of the mesh trusts nothing that a client says of itself, wherever it is."""
    mesh.apply(edge(server(80, "HTTP", "*")), to_echo(SHOP))
    claimed = {
        "x-forwarded-client-cert": "By=spiffe://cluster.local/ns/x/sa/admin",
        "x-envoy-internal": "true",
        "x-envoy-max-retries": "9",
        "x-envoy-original-path": "/other",
    }
    claimed |= {"x-forwarded-for": before} if before else {}
    headers = dict(visit(mesh, SHOP, **claimed).seen.headers)
    came_from = headers["x-forwarded-for"].split(",")[-1].strip()
    if mesh.intercepts:  # elsewhere pods have no addresses of their own to call from
        assert came_from == mesh.address(VISITOR)
    assert came_from != "1.2.3.4"
    who = headers.pop("x-forwarded-client-cert")  # as the server's sidecar has seen
    assert ("/sa/admin" not in who, "/ns/edge/sa/ingress" in who) == (True, True), who
    assert not (claimed.keys() - {"x-forwarded-for"}) & headers.keys()


def test_plain_requests_are_sent_to_https(mesh: Mesh, folder: Path) -> None:
    mesh.apply(
        edge(
            server(80, "HTTP", SHOP, "httpsRedirect: true"),
            server(80, "HTTP", MUTUAL),
            server(443, "HTTPS", SHOP, "mode: SIMPLE, credentialName: cert"),
        ),
        to_echo(SHOP),
        to_echo(MUTUAL, "plain"),
        credential(folder, "cert", "edge"),
    )
    answer = visit(mesh, SHOP, "/a?b=c")
    assert (answer.status, answer.headers["location"]) == (301, f"https://{SHOP}/a?b=c")
    assert visit(mesh, MUTUAL).status == 200
    assert visit_tls(mesh, folder, SHOP).seen.path == "/tls"


def test_the_server_name_chooses_the_certificate_and_the_way(mesh: Mesh, folder: Path) -> None:
    """Three servers on one port: TLS ends at two of them, and passes through the third."""
    mesh.apply(
        edge(
            server(443, "HTTPS", SHOP, "mode: SIMPLE, credentialName: cert"),
            server(443, "HTTPS", MUTUAL, "mode: MUTUAL, credentialName: both"),
            server(443, "TLS", PASSED, "mode: PASSTHROUGH"),
        ),
        credential(folder, "cert", "edge"),
        credential(folder, "both", "edge", "roots.pem"),
        witness("red", "tls", TLS=str(folder / "server"), VERSION="red"),
        to_echo(SHOP),
        to_echo(MUTUAL, "mutual"),
        bound(
            "passed",
            f"hosts: [{PASSED}], tls: [{{match: [{{sniHosts: [{PASSED}]}}], "
            "route: [{destination: {host: red, port: {number: 8443}}}]}]",
        ),
    )
    seen = visit_tls(mesh, folder, SHOP).seen
    assert (seen.service, seen.path, seen.headers["x-forwarded-proto"]) == ("echo", "/tls", "https")
    assert visit_tls(mesh, folder, MUTUAL, shown="client").seen.service == "echo"
    for shown in ("", "other"):
        assert visit_tls(mesh, folder, MUTUAL, shown=shown).status == 0
    answer = visit_tls(mesh, folder, PASSED)
    assert (answer.seen.version, told(answer)["sni"]) == ("red", PASSED)
    assert visit_tls(mesh, folder, "nobody.example.com").status == 0


def test_a_client_may_show_a_certificate(mesh: Mesh, folder: Path) -> None:
    """OPTIONAL_MUTUAL: none is asked for, a wrong one is refused; upstream hears of a good one."""
    mesh.apply(
        edge(server(443, "HTTPS", MUTUAL, "mode: OPTIONAL_MUTUAL, credentialName: cert")),
        credential(folder, "cert", "edge"),
        secret("cert-cacert", "edge", cacert=(folder / "roots.pem").read_bytes()),
        to_echo(MUTUAL),
    )
    assert visit_tls(mesh, folder, MUTUAL).status == 200
    assert visit_tls(mesh, folder, MUTUAL, shown="client").status == 200
    assert visit_tls(mesh, folder, MUTUAL, shown="other").status == 0


def test_a_new_certificate_is_shown_at_once_and_none_without_a_secret(
    mesh: Mesh, folder: Path
) -> None:
    public = edge(
        server(80, "HTTP", SHOP),
        server(443, "HTTPS", SHOP, "mode: SIMPLE, credentialName: cert"),
    )
    mesh.apply(public, to_echo(SHOP), credential(folder, "cert", "edge"))
    assert visit_tls(mesh, folder, SHOP).status == 200
    mesh.apply(public, to_echo(SHOP), credential(folder, "cert", "other"))
    assert visit_tls(mesh, folder, SHOP).status == 0
    assert visit_tls(mesh, folder, SHOP, roots="others.pem").status == 200
    mesh.apply(public, to_echo(SHOP))
    assert visit_tls(mesh, folder, SHOP, roots="others.pem").status == 0
    assert any("edge/cert has no usable certificate" in each for each in mesh.problems())
    assert visit(mesh, SHOP).status == 200


def test_versions_of_tls(mesh: Mesh, folder: Path) -> None:
    """The client speaks TLS 1.2 and 1.3; a server that ends below that is not for it."""
    tls = "mode: SIMPLE, credentialName: cert"
    mesh.apply(
        edge(
            server(443, "HTTPS", SHOP, f"{tls}, minProtocolVersion: TLSV1_3"),
            server(443, "HTTPS", MUTUAL, f"{tls}, maxProtocolVersion: TLSV1_1"),
            server(
                443,
                "HTTPS",
                PASSED,
                f"{tls}, maxProtocolVersion: TLSV1_2, "
                "cipherSuites: [ECDHE-ECDSA-AES256-GCM-SHA384]",
            ),
        ),
        credential(folder, "cert", "edge"),
        to_echo("'*.example.com'"),
    )
    assert visit_tls(mesh, folder, SHOP).status == 200
    assert visit_tls(mesh, folder, PASSED).status == 200
    assert visit_tls(mesh, folder, MUTUAL).status == 0


def test_connections_without_tls(mesh: Mesh) -> None:
    mesh.apply(
        edge(server(9000, "TCP", "*")),
        bound(
            "tcp",
            "hosts: ['*'], tcp: [{match: [{port: 9000}], "
            "route: [{destination: {host: echo, port: {number: 9000}}}]}]",
        ),
    )
    assert "hello" in mesh.tcp(mesh.address(INGRESS), TCP, "hello", via=VISITOR)


def test_what_leads_nowhere_is_a_clear_503_and_harms_nobody(mesh: Mesh) -> None:
    mesh.apply(
        edge(server(80, "HTTP", "*")),
        to_echo(SHOP),
        bound("lost", f"hosts: [{PASSED}], http: [{{route: [{{destination: {{host: gone}}}}]}}]"),
    )
    assert visit(mesh, PASSED).status == 503
    assert visit(mesh, SHOP).status == 200
    assert any("gone" in each for each in mesh.problems())


def by_the_mesh(protocol: str, clients: str = "") -> str:
    """A server for workloads of the mesh, and how their sidecars call it by its name."""
    names = f", subjectAltNames: [{clients}]" if clients else ""
    return "\n".join(
        (
            edge(server(443, protocol, MUTUAL, f"mode: ISTIO_MUTUAL{names}")),
            destination_rule(
                "ingress",
                f"{{host: {GATEWAY}, trafficPolicy: "
                f"{{tls: {{mode: ISTIO_MUTUAL, sni: {MUTUAL}}}}}}}",
                "e2e",
            ),
        )
    )


@pytest.mark.parametrize(
    ("clients", "status"),
    [("", 200), (CLIENT_ID, 200), ("'spiffe://cluster.local/ns/e2e/sa/other'", 503)],
    ids=["any", "named", "another"],
)
def test_workloads_of_the_mesh_know_the_gateway_and_it_them(
    mesh: Mesh, folder: Path, clients: str, status: int
) -> None:
    """ISTIO_MUTUAL: both show the mesh's certificates; nobody else has one."""
    there = f"destination: {{host: {GATEWAY}, port: {{number: 443}}}}"
    rule = f"headers: {{request: {{set: {{x-by: mesh}}}}}}, rewrite: {{authority: {MUTUAL}}}"
    mesh.apply(
        by_the_mesh("HTTPS", clients),
        to_echo(MUTUAL, "inside"),
        virtual_service(
            "echo", f"{{hosts: [echo-v1], http: [{{{rule}, route: [{{{there}}}]}}]}}", "e2e"
        ),
    )
    answer = mesh.get("http://echo-v1:8080/path")
    assert answer.status == status, answer
    if status == 200:
        seen = answer.seen
        assert (seen.path, seen.headers["x-by"]) == ("/path", "mesh")
        assert "/ns/edge/sa/ingress" in seen.headers["x-forwarded-client-cert"]
    for shown in ("", "client"):
        assert visit_tls(mesh, folder, MUTUAL, shown=shown, roots="").status == 0


def test_connections_of_the_mesh_end_at_the_gateway(mesh: Mesh) -> None:
    """The same for what is no request."""
    mesh.apply(
        by_the_mesh("TLS"),
        bound(
            "inside",
            f"hosts: [{MUTUAL}], tcp: [{{route: [{{destination: {{host: echo, "
            "port: {number: 9000}}}]}]",
        ),
        virtual_service(
            "echo",
            f"{{hosts: [echo], tcp: [{{route: [{{destination: {{host: {GATEWAY}, "
            "port: {number: 443}}}]}]}",
            "e2e",
        ),
    )
    assert "hello" in mesh.tcp("echo", 9000, "hello")
