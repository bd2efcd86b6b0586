"""A workload's certificate and its trust as Envoy's SDS secrets, by Istio's names."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from envoy.config.core.v3.base_pb2 import DataSource
from envoy.extensions.transport_sockets.tls.v3.common_pb2 import (
    CertificateValidationContext,
    TlsCertificate,
)
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret

from ca.authority import Authority, pem
from ca.workload import KeyPair

WORKLOAD = "default"
"""The name of a workload's own certificate."""
TRUST = "ROOTCA"
"""The name of what it trusts."""


def workload_secret(pair: KeyPair) -> Secret:
    """The certificate and its key. Whoever prints the message shows the key: send it, drop it."""
    return Secret(
        name=WORKLOAD,
        tls_certificate=TlsCertificate(
            certificate_chain=DataSource(inline_bytes=pair.certificate.chain_pem),
            private_key=DataSource(inline_bytes=pair.key.reveal()),
        ),
    )


def trust_secret(roots: Sequence[x509.Certificate]) -> Secret:
    """The roots that peers are verified by."""
    return Secret(
        name=TRUST,
        validation_context=CertificateValidationContext(
            trusted_ca=DataSource(inline_bytes=pem(roots))
        ),
    )


def workload_version(authority: Authority, holder: str, renew_at: datetime) -> str:
    """The version of the certificate that `holder` has until `renew_at`. It says nothing of a key:
    all replicas give the same one, whichever of them made the certificate.
    """
    fingerprint = authority.certificate.fingerprint(hashes.SHA256())
    text = f"{renew_at.timestamp():.0f} {holder}".encode()
    return blake2b(fingerprint + text, digest_size=8).hexdigest()
