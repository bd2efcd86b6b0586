"""Certificates that come over SDS, as a bootstrap can hold them: in files, and known by name."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate
from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.core.v3.base_pb2 import DataSource, TransportSocket
from envoy.extensions.transport_sockets.proxy_protocol.v3.upstream_proxy_protocol_pb2 import (
    ProxyProtocolUpstreamTransport,
)
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret
from envoy.extensions.transport_sockets.tls.v3.tls_pb2 import UpstreamTlsContext

from tests.xds.certificates import certificate
from translator import pb

PAIR = certificate("anybody")


def by_name(cluster: Cluster) -> None:
    """Makes a cluster look its secrets up in the bootstrap, where a missing one is an error."""
    if cluster.HasField("transport_socket"):
        _by_name(cluster.transport_socket)


def _by_name(socket: TransportSocket) -> None:
    wrapper, tls = ProxyProtocolUpstreamTransport(), UpstreamTlsContext()
    if socket.typed_config.Unpack(wrapper):
        _by_name(wrapper.transport_socket)
        socket.typed_config.CopyFrom(pb.any_of(wrapper))
    elif socket.typed_config.Unpack(tls):
        context = tls.common_tls_context
        for pair in context.tls_certificate_sds_secret_configs:
            pair.ClearField("sds_config")
        if context.HasField("combined_validation_context"):
            verified = context.combined_validation_context
            verified.validation_context_sds_secret_config.ClearField("sds_config")
        socket.typed_config.CopyFrom(pb.any_of(tls))


def in_files(secrets: Iterable[Secret], folder: Path) -> Iterator[Secret]:
    """Each name once, its files written."""
    for secret in {secret.name: secret for secret in secrets}.values():
        own = Secret()
        own.CopyFrom(secret)
        pair, roots = own.tls_certificate, own.validation_context
        for source, content in (
            (pair.certificate_chain, PAIR.chain),
            (pair.private_key, PAIR.key),
            (roots.trusted_ca, PAIR.chain),
            (roots.crl, _nothing_revoked()),
        ):
            _write(source, folder, content)
        yield own


def _write(source: DataSource, folder: Path, content: bytes) -> None:
    if source.filename:
        file = folder / source.filename.replace("/", "-")
        file.write_bytes(content)
        source.filename = str(file)


def _nothing_revoked() -> bytes:
    issuer = load_pem_x509_certificate(PAIR.chain)
    key = load_pem_private_key(PAIR.key, password=None)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    made = x509.CertificateRevocationListBuilder(issuer.subject, now, now + timedelta(days=9999))
    return made.sign(key, SHA256()).public_bytes(Encoding.PEM)  # type: ignore[arg-type]  # any key
