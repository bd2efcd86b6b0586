"""Certificates that lie in the proxy's own container: Secrets that name files and hold nothing.

They come over SDS, not inside the cluster: a file that is missing then keeps this one cluster from
connecting (its requests get a 503), where Envoy would refuse the cluster, and all that came along
with it. Envoy reads the files again when their folder changes.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from envoy.config.core.v3.base_pb2 import DataSource
from envoy.extensions.transport_sockets.tls.v3.common_pb2 import (
    CertificateValidationContext,
    TlsCertificate,
)
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret

from crds.client_tls import ClientTLSSettings, TLSmode
from translator import names

SYSTEM_ROOTS = "/etc/ssl/certs/ca-certificates.crt"
"""Where the images of Envoy, and Debian, have the roots that the operating system trusts."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A client certificate with its chain, and its key: paths."""

    chain: str
    key: str
    owner: str = ""

    @property
    def name(self) -> str:
        """Of the resource: it belongs to one owner, even if another names the same files."""
        return self.owner + names.file_certificate(self.chain, self.key)

    def message(self) -> Secret:
        """The resource."""
        return Secret(
            name=self.name,
            tls_certificate=TlsCertificate(
                certificate_chain=DataSource(filename=self.chain),
                private_key=DataSource(filename=self.key),
            ),
        )


@dataclass(frozen=True, slots=True)
class Roots:
    """The authorities that a server's certificate may come from, and those certificates that were
    revoked: paths. No bundle: those of the operating system.
    """

    bundle: str = ""
    revoked: str = ""
    owner: str = ""

    @property
    def name(self) -> str:
        """Of the resource."""
        return self.owner + names.file_root(self.bundle, self.revoked)

    def message(self) -> Secret:
        """The resource."""
        return Secret(
            name=self.name,
            validation_context=CertificateValidationContext(
                trusted_ca=DataSource(filename=self.bundle or SYSTEM_ROOTS),
                crl=DataSource(filename=self.revoked) if self.revoked else None,
            ),
        )


FileSecret = KeyPair | Roots


def key_pair(tls: ClientTLSSettings) -> KeyPair | None:
    """What the client shows of itself, if that is in files."""
    in_files = tls.client_certificate and tls.private_key and not tls.credential_name
    if tls.mode is not TLSmode.MUTUAL or not in_files:
        return None
    return KeyPair(tls.client_certificate, tls.private_key)


def roots(tls: ClientTLSSettings) -> Roots | None:
    """What servers are verified with, if that is in files."""
    if tls.insecure_skip_verify or tls.credential_name:
        return None
    return Roots(tls.ca_certificates, tls.ca_crl)


def named_by(tls: ClientTLSSettings) -> Iterator[FileSecret]:
    """All secrets that the clusters of a policy ask for."""
    for each in (key_pair(tls), roots(tls)):
        if each is not None:
            yield each
