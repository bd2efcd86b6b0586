"""TLS that ends at a gateway or a sidecar: what the client is shown, and what is asked of it.

Certificates and authorities are only named here. They come over SDS, each by itself, so that one
that Envoy cannot use closes nothing but the servers that name it. With ISTIO_MUTUAL they are the
gateway's own, as a workload of the mesh.
"""

from collections.abc import Sequence

from envoy.config.core.v3.base_pb2 import TransportSocket
from envoy.extensions.transport_sockets.tls.v3.common_pb2 import (
    CertificateValidationContext,
    SubjectAltNameMatcher,
    TlsParameters,
)
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import SdsSecretConfig
from envoy.extensions.transport_sockets.tls.v3.tls_pb2 import (
    CommonTlsContext,
    DownstreamTlsContext,
)
from envoy.type.matcher.v3.string_pb2 import StringMatcher
from google.protobuf.wrappers_pb2 import BoolValue

from crds.server_tls import (
    CIPHER_SUITES,
    ECDH_CURVES,
    ServerTLSSettings,
    TLSProtocol,
)
from mesh.credentials import secret_name
from mesh.protection import OF_ANY_MESH, Membership
from translator import mutual_tls, names, pb
from translator.bootstrap_secrets import CERTIFICATE, TRUST
from translator.own_secrets import own_secret
from translator.secrets import FileSecret, KeyPair, Roots

ALPN_HTTP = ("h2", "http/1.1")
_OWNER = "server:"

_VERSIONS = {
    TLSProtocol.TLS_AUTO: TlsParameters.TLS_AUTO,
    TLSProtocol.TLSV1_0: TlsParameters.TLSv1_0,
    TLSProtocol.TLSV1_1: TlsParameters.TLSv1_1,
    TLSProtocol.TLSV1_2: TlsParameters.TLSv1_2,
    TLSProtocol.TLSV1_3: TlsParameters.TLSv1_3,
}
_SAN_TYPES = (
    SubjectAltNameMatcher.DNS,
    SubjectAltNameMatcher.URI,
    SubjectAltNameMatcher.EMAIL,
    SubjectAltNameMatcher.IP_ADDRESS,
)


def server_tls(
    tls: ServerTLSSettings, alpn: Sequence[str] = (), membership: Membership = OF_ANY_MESH
) -> TransportSocket:
    """The transport socket of a server that ends TLS. `membership` is the gateway's own in the
    mesh, any member of which may call where ISTIO_MUTUAL names nobody.
    """
    context = DownstreamTlsContext(
        common_tls_context=_common(tls, alpn, membership),
        require_client_certificate=BoolValue(value=tls.mode.demands),
        # A session must not outlive a change of whom the mesh trusts.
        disable_stateless_session_resumption=tls.mode.is_of_the_mesh or None,
        disable_stateful_session_resumption=tls.mode.is_of_the_mesh,
    )
    return TransportSocket(name="envoy.transport_sockets.tls", typed_config=pb.any_of(context))


def _common(
    tls: ServerTLSSettings, alpn: Sequence[str], membership: Membership
) -> CommonTlsContext:
    return CommonTlsContext(
        tls_params=_parameters(tls),
        tls_certificate_sds_secret_configs=[
            _sds(name, tls, membership) for name in certificate_names(tls)
        ],
        combined_validation_context=_validation(tls, membership) if tls.mode.verifies else None,
        alpn_protocols=alpn,
    )


def certificate_names(tls: ServerTLSSettings) -> tuple[str, ...]:
    """The SDS resources of the certificates that clients are shown."""
    if tls.mode.is_of_the_mesh:
        return (CERTIFICATE,)
    if tls.credentials:
        return tuple(names.credential(secret_name(each)) for each in tls.credentials)
    return tuple(pair.name for pair in _key_pairs(tls))


def roots_name(tls: ServerTLSSettings) -> str:
    """The SDS resource of the authorities of clients; empty where none is verified."""
    if not tls.mode.verifies:
        return ""
    if tls.mode.is_of_the_mesh:
        return TRUST
    in_file = _roots_in_file(tls)
    return in_file.name if in_file else names.roots_credential(secret_name(tls.roots_credential))


def file_secrets(tls: ServerTLSSettings) -> tuple[FileSecret, ...]:
    """What a server that ends TLS has in files of the proxy's container."""
    roots = _roots_in_file(tls) if tls.mode.verifies else None
    return (*_key_pairs(tls), *((roots,) if roots else ()))


def _key_pairs(tls: ServerTLSSettings) -> tuple[KeyPair, ...]:
    return tuple(KeyPair(*files, owner=_OWNER) for files in tls.certificate_files)


def _roots_in_file(tls: ServerTLSSettings) -> Roots | None:
    return Roots(tls.roots_file, tls.ca_crl, owner=_OWNER) if tls.roots_file else None


def _parameters(tls: ServerTLSSettings) -> TlsParameters:
    """At least TLS 1.2 unless the user says otherwise. What Envoy does not know is left out: it
    would refuse the whole listener.
    """
    low = tls.min_protocol_version
    high = tls.max_protocol_version
    if low is TLSProtocol.TLS_AUTO:
        low = min((high, TLSProtocol.TLSV1_2), key=_age)
    return TlsParameters(
        tls_minimum_protocol_version=_VERSIONS[low],
        tls_maximum_protocol_version=_VERSIONS[high],
        cipher_suites=_known(tls.cipher_suites, CIPHER_SUITES),
        ecdh_curves=_known(tls.ecdh_curves, ECDH_CURVES),
    )


def _age(version: TLSProtocol) -> int:
    """`TLS_AUTO`, as a maximum, is the newest."""
    return list(_VERSIONS).index(version) or len(_VERSIONS)


def _known(given: Sequence[str], known: frozenset[str]) -> list[str]:
    return [name for name in dict.fromkeys(given) if name in known]


def _validation(
    tls: ServerTLSSettings, membership: Membership
) -> CommonTlsContext.CombinedCertificateValidationContext:
    return CommonTlsContext.CombinedCertificateValidationContext(
        default_validation_context=CertificateValidationContext(
            verify_certificate_spki=tls.verify_certificate_spki,
            verify_certificate_hash=tls.verify_certificate_hash,
            match_typed_subject_alt_names=_named(tls) or _members(tls, membership.domains),
        ),
        validation_context_sds_secret_config=_sds(roots_name(tls), tls, membership),
    )


def _named(tls: ServerTLSSettings) -> list[SubjectAltNameMatcher]:
    return [
        SubjectAltNameMatcher(san_type=kind, matcher=StringMatcher(exact=name))
        for name in tls.subject_alt_names
        for kind in _SAN_TYPES
    ]


def _members(tls: ServerTLSSettings, domains: Sequence[str]) -> list[SubjectAltNameMatcher]:
    return mutual_tls.members(domains) if tls.mode.is_of_the_mesh else []


def _sds(name: str, tls: ServerTLSSettings, membership: Membership) -> SdsSecretConfig:
    if tls.mode.is_of_the_mesh:
        return own_secret(name, membership.source)
    return pb.secret_over_ads(name)
