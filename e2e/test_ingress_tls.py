"""Callers from outside of the mesh, to whom a sidecar shows a certificate of its own."""

from pathlib import Path

import pytest

from e2e.mesh import VISITOR, Answer, Mesh
from tests.meshes import secret, sidecar

NAME = "edge.example.com"
ENTRANCE = 20_000
"""What is added to a port where sidecars are called without interception."""


def applied(folder: Path, tls: str, taken: str = "DISABLE") -> tuple[str, ...]:
    """One port of echo-v1 with TLS, mutual TLS at it as `taken`, and what the Secret has."""
    listener = (
        "{port: {number: 8443, protocol: HTTPS, name: https}, "
        f"defaultEndpoint: '127.0.0.1:8080', tls: {{{tls}}}}}"
    )
    certificate, key, roots = (
        (folder / f"{name}.pem").read_bytes() for name in ("edge", "edge-key", "roots")
    )
    return (
        sidecar(
            "own",
            f"{{workloadSelector: {{labels: {{version: v1}}}}, ingress: [{listener}]}}",
            "e2e",
        ),
        secret("cert", "e2e", tls_crt=certificate, tls_key=key, ca_crt=roots),
        f"""
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {{name: own, namespace: e2e}}
spec: {{selector: {{matchLabels: {{version: v1}}}}, portLevelMtls: {{8443: {{mode: {taken}}}}}}}
""",
    )


def call(mesh: Mesh, folder: Path, scheme: str = "https", shown: str = "") -> Answer:
    """From a client without a sidecar."""
    port = 8443 if mesh.intercepts else 8443 + ENTRANCE
    tls = {"sni": NAME, "roots": str(folder / "roots.pem")}
    if shown:
        tls |= {
            "certificate": str(folder / f"{shown}.pem"),
            "key": str(folder / f"{shown}-key.pem"),
        }
    url = f"{scheme}://{mesh.address('e2e/echo-v1')}:{port}/path"
    return mesh.get(url, {"host": NAME}, via=VISITOR, tls=tls, direct=True)


@pytest.mark.parametrize(
    ("tls", "shown", "taken"),
    [
        ("mode: SIMPLE, credentialName: cert", "", True),
        ("mode: MUTUAL, credentialName: cert", "client", True),
        ("mode: MUTUAL, credentialName: cert", "other", False),
        ("mode: MUTUAL, credentialName: cert", "", False),
        ("mode: SIMPLE, credentialName: missing", "", False),
    ],
    ids=["simple", "mutual", "stranger", "nobody", "no secret"],
)
def test_callers_from_outside_speak_tls(
    mesh: Mesh, folder: Path, tls: str, shown: str, taken: bool
) -> None:
    for _ in range(2):  # a proxy that a Sidecar selects connects again
        mesh.apply(*applied(folder, tls))
    answer = call(mesh, folder, shown=shown)
    assert (answer.status == 200) is taken, answer
    if taken:
        assert (answer.seen.version, answer.seen.path) == ("v1", "/path")
    assert call(mesh, folder, "http").status == 0, "nothing else is taken there"
