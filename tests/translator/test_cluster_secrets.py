"""What of Secrets a client is given: what its clusters ask for, and no more."""

import pytest

from mesh.scope import Scope
from tests.meshes import destination_rule, mesh_of, secret, service
from translator.cluster_secrets import Credential, credentials

PAIR, ROOTS = Credential("a"), Credential("a", roots=True)


@pytest.mark.parametrize(
    ("tls", "needed"),
    [
        ("mode: MUTUAL, credentialName: a", {PAIR, ROOTS}),
        ("mode: SIMPLE, credentialName: a", {ROOTS}),
        ("mode: MUTUAL, credentialName: a, insecureSkipVerify: true", {PAIR}),
        ("mode: SIMPLE, credentialName: a, insecureSkipVerify: true", set()),
        ("mode: SIMPLE, credentialName: b", set()),
        ("mode: ISTIO_MUTUAL, credentialName: a", set()),
    ],
)
def test_only_what_is_shown_or_verified_with(tls: str, needed: set[Credential]) -> None:
    selector = "workloadSelector: {matchLabels: {app: web}}"
    policy = f"{selector}, trafficPolicy: {{tls: {{{tls}}}}}"
    mesh = mesh_of(
        service("reviews")
        + secret("a", "shop", tls_crt=b"1", tls_key=b"2", ca_crt=b"3")
        + destination_rule("r", f"{{host: reviews, {policy}}}")
        + destination_rule("nobody", f"{{host: nowhere, {policy}}}")
    )
    assert credentials(mesh, Scope("shop", labels=frozenset({("app", "web")}))) == needed
    assert credentials(mesh, Scope("shop")) == set()
