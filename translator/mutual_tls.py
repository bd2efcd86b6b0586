"""Mutual TLS between workloads: both ends' transport sockets, by Istio's conventions (istio-api.md
S-26 to S-34), so that a peer of an Istio mesh would understand them.

Certificate and trust come over SDS on the ADS stream. Either end insists on a certificate and on
whose it is: a connection that only shares the root is refused.
"""

from collections.abc import Iterable, Sequence

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.core.v3.base_pb2 import Metadata, TransportSocket
from envoy.extensions.transport_sockets.raw_buffer.v3.raw_buffer_pb2 import RawBuffer
from envoy.extensions.transport_sockets.tls.v3.common_pb2 import (
    CertificateValidationContext,
    SubjectAltNameMatcher,
    TlsParameters,
)
from envoy.extensions.transport_sockets.tls.v3.tls_pb2 import (
    CommonTlsContext,
    DownstreamTlsContext,
    UpstreamTlsContext,
)
from envoy.type.matcher.v3.string_pb2 import StringMatcher
from google.protobuf.struct_pb2 import Struct
from google.protobuf.wrappers_pb2 import BoolValue

from crds.mesh_config import CertificateSource
from mesh.protection import Membership
from translator import pb
from translator.bootstrap_secrets import CERTIFICATE, TRUST
from translator.own_secrets import own_secret

TCP_PROTOCOLS = ("istio", "istio-peer-exchange")
HTTP_PROTOCOLS = ("istio-http/1.0", "istio-http/1.1", "istio-h2")
MESH_PROTOCOLS = (*TCP_PROTOCOLS, *HTTP_PROTOCOLS)
"""What a client of the mesh offers in ALPN: how a server tells it from an application's own TLS."""

TLS_MODE = "tlsMode"
MUTUAL = "istio"
_NAME = "envoy.transport_sockets.tls"


def _mutual() -> Struct:
    made = Struct()
    made.update({TLS_MODE: MUTUAL})
    return made


MUTUAL_ENDPOINT = Metadata(filter_metadata={"envoy.transport_socket_match": _mutual()})
"""What an endpoint that takes mutual TLS says of itself."""


def socket_matches(
    mutual: TransportSocket, plain: TransportSocket | None
) -> tuple[Cluster.TransportSocketMatch, ...]:
    """`mutual` for endpoints that take it, `plain` for the others."""
    raw = TransportSocket(
        name="envoy.transport_sockets.raw_buffer", typed_config=pb.any_of(RawBuffer())
    )
    return (
        Cluster.TransportSocketMatch(
            name="tlsMode-istio", match=_mutual(), transport_socket=mutual
        ),
        Cluster.TransportSocketMatch(
            name="tlsMode-disabled", match=Struct(), transport_socket=plain or raw
        ),
    )


def upstream(
    sni: str,
    identities: Iterable[str],
    *,
    http: bool,
    http2: bool,
    source: CertificateSource = CertificateSource.HEDDLE,
) -> TransportSocket:
    """The client's end; `identities` are the SPIFFE ids that may answer, `source` is where the
    client has its certificate from.
    """
    names = [
        SubjectAltNameMatcher(
            san_type=SubjectAltNameMatcher.URI, matcher=StringMatcher(exact=identity)
        )
        for identity in sorted(set(identities))
    ]
    # Nobody is known to be behind it: nobody may answer, rather than anybody of the mesh.
    nobody = SubjectAltNameMatcher(
        san_type=SubjectAltNameMatcher.URI, matcher=StringMatcher(exact="spiffe:///")
    )
    context = UpstreamTlsContext(
        common_tls_context=_context(names or [nobody], _offered(http=http, http2=http2), source),
        sni=sni,
    )
    return TransportSocket(name=_NAME, typed_config=pb.any_of(context))


def _offered(*, http: bool, http2: bool) -> tuple[str, ...]:
    """What a server is told to expect. It agrees to none of these names, and then finds out itself
    which HTTP it is; only where it is always HTTP/2 need it not.
    """
    if http2:
        return ("istio-h2", "istio", "h2")
    return ("istio-http/1.1", "istio") if http else ("istio-peer-exchange", "istio")


def downstream(membership: Membership, *, http: bool) -> TransportSocket:
    """The server's end: a certificate of the mesh, or nothing."""
    context = DownstreamTlsContext(
        # Never a name of the mesh's own, or HTTP/2 could not be agreed on (S-34).
        common_tls_context=_context(
            members(membership.domains), ("h2", "http/1.1") if http else (), membership.source
        ),
        require_client_certificate=BoolValue(value=True),
        # A session must not outlive a change of whom we trust.
        disable_stateless_session_resumption=True,
        disable_stateful_session_resumption=True,
    )
    return TransportSocket(name=_NAME, typed_config=pb.any_of(context))


def members(domains: Iterable[str]) -> list[SubjectAltNameMatcher]:
    """Whoever has an identity of one of these trust domains."""
    return [
        SubjectAltNameMatcher(
            san_type=SubjectAltNameMatcher.URI,
            matcher=StringMatcher(prefix=f"spiffe://{domain}/"),
        )
        for domain in domains
    ]


def _context(
    names: Sequence[SubjectAltNameMatcher], protocols: Sequence[str], source: CertificateSource
) -> CommonTlsContext:
    return CommonTlsContext(
        tls_params=TlsParameters(
            tls_minimum_protocol_version=TlsParameters.TLSv1_2,
            tls_maximum_protocol_version=TlsParameters.TLSv1_3,
        ),
        tls_certificate_sds_secret_configs=(own_secret(CERTIFICATE, source),),
        combined_validation_context=CommonTlsContext.CombinedCertificateValidationContext(
            default_validation_context=CertificateValidationContext(
                match_typed_subject_alt_names=names
            ),
            validation_context_sds_secret_config=own_secret(TRUST, source),
        ),
        alpn_protocols=protocols,
    )


def server_name(port: int, subset: str, host: str) -> str:
    """The SNI of a cluster, in Istio's form."""
    return f"outbound_.{port}_.{subset}_.{host}"
