"""Certificates that come over SDS, as a bootstrap can hold them: in files, and known by name."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate
from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.core.v3.base_pb2 import DataSource, TransportSocket
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.extensions.transport_sockets.proxy_protocol.v3.upstream_proxy_protocol_pb2 import (
    ProxyProtocolUpstreamTransport,
)
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret
from envoy.extensions.transport_sockets.tls.v3.tls_pb2 import (
    CommonTlsContext,
    DownstreamTlsContext,
    UpstreamTlsContext,
)

from mesh.credentials import ROOTS_SUFFIX
from tests.xds.certificates import certificate
from translator import pb

PAIR = certificate("anybody")


WORKLOAD, TRUST = "default", "ROOTCA"
_CREDENTIAL = "kubernetes://"


def of_workload() -> tuple[Secret, Secret]:
    """The secrets that every sidecar has of its own."""
    pair = Secret(name=WORKLOAD)
    pair.tls_certificate.certificate_chain.inline_bytes = PAIR.chain
    pair.tls_certificate.private_key.inline_bytes = PAIR.key
    trust = Secret(name=TRUST)
    trust.validation_context.trusted_ca.inline_bytes = PAIR.chain
    return pair, trust


def of_secrets(clusters: Iterable[Mapping[str, object]]) -> Iterator[Secret]:
    """What clusters, as JSON, ask for by the names of Secrets."""
    named = re.findall(f'{_CREDENTIAL}([a-z0-9-]+?)(?:{ROOTS_SUFFIX})?"', json.dumps([*clusters]))
    for name in sorted(set(named)):
        made = Secret(name=f"{_CREDENTIAL}{name}")
        made.tls_certificate.certificate_chain.inline_bytes = PAIR.chain
        made.tls_certificate.private_key.inline_bytes = PAIR.key
        roots = Secret(name=f"{_CREDENTIAL}{name}{ROOTS_SUFFIX}")
        roots.validation_context.trusted_ca.inline_bytes = PAIR.chain
        yield from (made, roots)


def by_name(resource: Cluster | Listener) -> None:
    """Makes a resource look its secrets up in the bootstrap, where a missing one is an error."""
    for socket in _sockets(resource):
        _by_name(socket)


def _sockets(resource: Cluster | Listener) -> Iterator[TransportSocket]:
    if isinstance(resource, Cluster):
        for match in resource.transport_socket_matches:
            yield match.transport_socket
        if resource.HasField("transport_socket"):
            yield resource.transport_socket
    else:
        for chain in (*resource.filter_chains, resource.default_filter_chain):
            if chain.HasField("transport_socket"):
                yield chain.transport_socket


def _by_name(socket: TransportSocket) -> None:
    wrapper, tls, server = (
        ProxyProtocolUpstreamTransport(),
        UpstreamTlsContext(),
        DownstreamTlsContext(),
    )
    if socket.typed_config.Unpack(wrapper):
        _by_name(wrapper.transport_socket)
        socket.typed_config.CopyFrom(pb.any_of(wrapper))
        return
    for context in (tls, server):
        if socket.typed_config.Unpack(context):
            _look_up(context.common_tls_context, downstream=context is server)
            socket.typed_config.CopyFrom(pb.any_of(context))


def _look_up(context: CommonTlsContext, *, downstream: bool) -> None:
    named = [*context.tls_certificate_sds_secret_configs]
    if context.HasField("combined_validation_context"):
        named.append(context.combined_validation_context.validation_context_sds_secret_config)
    for each in named:
        if downstream and each.name.startswith(_CREDENTIAL):
            continue  # what a listener has of Secrets may come later
        each.ClearField("sds_config")


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
