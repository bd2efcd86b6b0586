"""TLS that the sidecar adds, by a DestinationRule, towards servers outside of the mesh."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.certificates import authority, write
from e2e.conftest import ROOT
from e2e.mesh import ECHO, INGRESS, VISITOR, Mesh
from e2e.tokens import FRESH, OURS, STRANGER, authentication, bearer, keys_at
from e2e.witness import policy, told, witness
from tests.meshes import destination_rule, gateway, secret, virtual_service
from tests.semantics import covers

URL = "http://secure:8443/"
NAMES = ("secure", "secure.e2e.svc.cluster.local")


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """`roots.pem` signed the servers, `others.pem` did not; the server in `mutual` wants clients'
    certificates. Within the checkout, which all containers see."""
    (ROOT / ".cache").mkdir(exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=ROOT / ".cache"))
    made.chmod(0o755)
    ours, others = authority("ours"), authority("others")
    write(made / "roots.pem", ours.certificate)
    write(made / "others.pem", others.certificate)
    ours.issue(made, "client", "a client")
    ours.issue(made, "next", "the next client")
    for kind in ("plain", "mutual"):
        (made / kind).mkdir()
        ours.issue(made / kind, "server", "secure", NAMES)
    write(made / "mutual/clients.pem", ours.certificate)
    yield made
    shutil.rmtree(made)


def secured(mesh: Mesh, folder: Path, tls: str, server: str = "plain", more: str = "") -> None:
    """A TLS server, and the policy for it."""
    text = policy("secure", f"tls: {{{tls.format(folder)}}}{more}")
    mesh.apply(witness("secure", TLS=str(folder / server)), text)


def test_the_server_is_asked_for_and_verified_by_the_request_s_host(
    mesh: Mesh, folder: Path
) -> None:
    secured(mesh, folder, "mode: SIMPLE, caCertificates: {}/roots.pem")
    seen = told(mesh.get(URL))
    assert (seen["sni"], seen["client"], seen["http"]) == ("secure", "", "1.1")
    assert mesh.get("http://secure.e2e:8443/").status == 503, "its certificate lacks this name"


@pytest.mark.parametrize(
    "tls",
    [
        "mode: SIMPLE, caCertificates: {}/others.pem",
        "mode: SIMPLE, caCertificates: {}/missing.pem",
        "mode: SIMPLE, caCertificates: {}/roots.pem, subjectAltNames: [other.example.com]",
        "mode: SIMPLE",
        "mode: ISTIO_MUTUAL",
        "mode: SIMPLE, credentialName: roots",
    ],
    ids=["wrong-roots", "no-file", "wrong-name", "system-roots", "no-identity", "credential"],
)
def test_who_cannot_be_verified_gets_nothing(mesh: Mesh, folder: Path, tls: str) -> None:
    secured(mesh, folder, tls)
    assert mesh.get(URL).status == 503
    assert mesh.get(ECHO).status == 200, "nobody else is harmed"


def test_the_policy_may_name_the_server(mesh: Mesh, folder: Path) -> None:
    secured(
        mesh,
        folder,
        "mode: SIMPLE, caCertificates: {}/roots.pem, sni: asked.example.com, "
        f"subjectAltNames: [nobody, {NAMES[1]}]",
    )
    assert told(mesh.get(URL))["sni"] == "asked.example.com"


def test_the_verification_can_be_skipped(mesh: Mesh, folder: Path) -> None:
    secured(mesh, folder, "mode: SIMPLE, insecureSkipVerify: true")
    assert told(mesh.get("http://secure.e2e:8443/"))["sni"] == "secure.e2e"


def test_a_client_shows_its_certificate(mesh: Mesh, folder: Path) -> None:
    pair = "clientCertificate: {0}/client.pem, privateKey: {0}/client-key.pem"
    secured(mesh, folder, f"mode: MUTUAL, {pair}, caCertificates: {{0}}/roots.pem", "mutual")
    assert told(mesh.get(URL))["client"] == "a client"
    secured(mesh, folder, "mode: SIMPLE, caCertificates: {}/roots.pem", "mutual")
    assert mesh.get(URL).status == 503


def credential(folder: Path, name: str, where: str = "e2e") -> str:
    """The Secret `shown`: a client's certificate, and the authority of the servers."""
    files = {"tls_crt": f"{name}.pem", "tls_key": f"{name}-key.pem", "ca_crt": "roots.pem"}
    return secret(
        "shown", where, **{key: (folder / file).read_bytes() for key, file in files.items()}
    )


def by_secret(selector: str = "") -> str:
    """The policy that names it."""
    tls = "{mode: MUTUAL, credentialName: shown}"
    return destination_rule(
        "secure", f"{{host: secure, {selector}trafficPolicy: {{tls: {tls}}}}}", "e2e"
    )


def test_a_selected_client_shows_a_certificate_of_a_secret(mesh: Mesh, folder: Path) -> None:
    """It comes, changes and goes while the sidecar runs, and nothing is sent without it."""
    server = witness("secure", TLS=str(folder / "mutual"))
    rule = by_secret("workloadSelector: {matchLabels: {app: client}}, ")
    mesh.apply(server, rule)
    assert mesh.get(URL).status == 503
    assert any("unusable-secret" in problem for problem in mesh.problems())
    mesh.apply(server, rule, credential(folder, "client"))
    assert told(mesh.get(URL))["client"] == "a client"
    mesh.apply(server, rule, credential(folder, "client", "edge"))
    assert mesh.get(URL).status == 503, "it is another namespace's"
    assert mesh.get(ECHO).status == 200, "nobody else is harmed"
    mesh.apply(server, rule, credential(folder, "next"))
    assert told(mesh.get(URL))["client"] == "the next client"


@covers("S-24", "C-6")
def test_a_gateway_has_the_secrets_of_its_namespace(mesh: Mesh, folder: Path) -> None:
    """By a rule for everybody; a sidecar that obeys it sends nothing, where Istio's would send in
    the clear.
    """
    port = "{number: 80, name: http, protocol: HTTP}"
    mesh.apply(
        witness("secure", TLS=str(folder / "mutual")),
        by_secret(),
        credential(folder, "client"),
        credential(folder, "next", "edge"),
        gateway(
            "public",
            f"{{selector: {{istio: ingressgateway}}, servers: [{{port: {port}, hosts: ['*']}}]}}",
            "e2e",
        ),
        virtual_service(
            "secure",
            "{gateways: [public], hosts: [secure.example.com], http: [{rewrite: "
            "{authority: secure}, route: [{destination: {host: secure, port: {number: 8443}}}]}]}",
            "e2e",
        ),
    )
    url = f"http://{mesh.address(INGRESS)}:8080/"
    answer = mesh.get(url, {"host": "secure.example.com"}, via=VISITOR)
    assert told(answer)["client"] == "the next client"
    assert mesh.get(URL).status == 503


def test_http2_is_negotiated_where_it_is_asked_for(mesh: Mesh, folder: Path) -> None:
    more = ", connectionPool: {http: {h2UpgradePolicy: UPGRADE}}"
    secured(mesh, folder, "mode: SIMPLE, caCertificates: {}/roots.pem", more=more)
    seen = told(mesh.get(URL))
    assert (seen["http"], seen["alpn"]) == ("2", "h2")


def test_an_entry_may_say_which_names_to_expect(mesh: Mesh, folder: Path) -> None:
    """`subjectAltNames` of a ServiceEntry, where the policy names none."""
    server = witness("secure", TLS=str(folder / "plain"))
    mesh.apply(server)
    entry = f"""
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: api, namespace: e2e}}
spec:
  hosts: [api.example.com]
  ports: [{{number: 80, name: http, protocol: HTTP, targetPort: 8443}}]
  resolution: STATIC
  endpoints: [{{address: {mesh.address("e2e/secure")}}}]
  subjectAltNames: [EXPECTED]
"""
    tls = policy("api.example.com", f"tls: {{mode: SIMPLE, caCertificates: {folder}/roots.pem}}")
    for expected, status in (("other.example.com", 503), (NAMES[1], 200)):
        mesh.apply(server, entry.replace("EXPECTED", expected), tls)
        assert mesh.get("http://api.example.com/").status == status


@pytest.mark.parametrize(
    ("tls", "status"),
    [
        (f"mode: SIMPLE, caCertificates: {{}}/roots.pem, subjectAltNames: [{NAMES[1]}]", 200),
        (f"mode: SIMPLE, caCertificates: {{}}/others.pem, subjectAltNames: [{NAMES[1]}]", 401),
        ("mode: SIMPLE, caCertificates: {}/roots.pem, subjectAltNames: [other]", 401),
        ("mode: DISABLE", 401),
    ],
    ids=["verified", "wrong-roots", "wrong-name", "system-roots"],
)
def test_keys_of_tokens_are_those_of_a_server_that_is_verified(
    mesh: Mesh, folder: Path, tls: str, status: int
) -> None:
    """By the DestinationRule of its service, or else by the roots of the operating system."""
    write(folder / "keys.json", OURS.jwks.encode())
    server = witness("secure", "https", TLS=str(folder / "plain"), BODY=str(folder / "keys.json"))
    waits = 10 if status == 200 else 1  # seconds: whom Envoy cannot ask it waits for in vain
    keys = authentication(keys_at(f"https://{NAMES[1]}:8443/", f", timeout: {waits}s"))
    mesh.apply(server, policy("secure", f"tls: {{{tls.format(folder)}}}"), keys, FRESH)
    assert mesh.get(ECHO, bearer(OURS.token())).status == status
    assert mesh.get(ECHO, bearer(STRANGER.token())).status == 401
