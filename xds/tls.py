"""The server's certificate, which may change while it listens."""

from collections.abc import Callable
from dataclasses import dataclass, field

import grpc


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A certificate chain, leaf first, and its key, both PEM. The key never shows."""

    chain: bytes
    key: bytes = field(repr=False)


def credentials(current: Callable[[], Certificate]) -> grpc.ServerCredentials:
    """Server credentials that ask for the current certificate at every handshake.

    `current` is called on a thread of gRPC's, so it must only read. TLS 1.2 is gRPC's minimum.
    Clients show no certificate: they authenticate with a token.
    """
    used = current()

    def fetch() -> grpc.ServerCertificateConfiguration | None:
        nonlocal used
        newest = current()
        if newest is used:
            return None
        used = newest
        return _configuration(newest)

    return grpc.dynamic_ssl_server_credentials(
        _configuration(used),
        fetch,  # type: ignore[arg-type]  # the stubs forget that None means no change
        require_client_authentication=False,
    )


def _configuration(certificate: Certificate) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration([(certificate.key, certificate.chain)])
