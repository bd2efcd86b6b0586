"""How a cluster secures what it sends: the transport socket of a DestinationRule's `tls` and
`proxyProtocol`.

What cannot be done as it was asked for is closed, never sent in the clear: such a cluster has no
endpoints, nor a transport socket (`mesh.client_tls.is_closed`), and `mesh` reports why.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from envoy.config.core.v3.base_pb2 import TransportSocket
from envoy.config.core.v3.protocol_pb2 import UpstreamHttpProtocolOptions
from envoy.config.core.v3.proxy_protocol_pb2 import ProxyProtocolConfig
from envoy.extensions.transport_sockets.proxy_protocol.v3.upstream_proxy_protocol_pb2 import (
    ProxyProtocolUpstreamTransport,
)
from envoy.extensions.transport_sockets.raw_buffer.v3.raw_buffer_pb2 import RawBuffer
from envoy.extensions.transport_sockets.tls.v3.common_pb2 import (
    CertificateValidationContext,
    SubjectAltNameMatcher,
    TlsParameters,
)
from envoy.extensions.transport_sockets.tls.v3.tls_pb2 import CommonTlsContext, UpstreamTlsContext
from envoy.type.matcher.v3.string_pb2 import StringMatcher

from crds.client_tls import ClientTLSSettings, TLSmode
from crds.destination_rule import ProxyProtocol, ProxyProtocolVersion
from crds.names import is_ip
from mesh.credentials import secret_name
from mesh.destinations import Policy
from translator import names, pb, secrets

_MAX_SNI = 255
_VERSIONS = {
    ProxyProtocolVersion.V1: ProxyProtocolConfig.V1,
    ProxyProtocolVersion.V2: ProxyProtocolConfig.V2,
}


def originates(tls: ClientTLSSettings | None) -> bool:
    """Whether the cluster speaks TLS by this policy."""
    return tls is not None and tls.mode is not TLSmode.DISABLE


def naming_server(
    tls: ClientTLSSettings | None, names: tuple[str, ...]
) -> ClientTLSSettings | None:
    """Who does not say which names to expect in the server's certificate gets those that the
    service says.
    """
    if tls is None or tls.subject_alt_names or not names:
        return tls
    return replace(tls, subject_alt_names=names)


def transport_socket(policy: Policy, *, http2: bool) -> TransportSocket | None:
    """`None` for plain TCP. `http2`: whether nothing else is spoken, which the server is told."""
    socket = _tls(policy.tls, http2) if policy.tls and originates(policy.tls) else None
    return _with_header(policy.proxy_protocol, socket) if policy.proxy_protocol else socket


def with_header(policy: Policy, socket: TransportSocket) -> TransportSocket:
    """`socket`, behind a PROXY header if the policy wants one."""
    return _with_header(policy.proxy_protocol, socket) if policy.proxy_protocol else socket


def _with_header(header: ProxyProtocol, inner: TransportSocket | None) -> TransportSocket:
    plain = TransportSocket(
        name="envoy.transport_sockets.raw_buffer", typed_config=pb.any_of(RawBuffer())
    )
    return TransportSocket(
        name="envoy.transport_sockets.upstream_proxy_protocol",
        typed_config=pb.any_of(
            ProxyProtocolUpstreamTransport(
                config=ProxyProtocolConfig(version=_VERSIONS[header.version]),
                transport_socket=inner or plain,
            )
        ),
    )


def _tls(tls: ClientTLSSettings, http2: bool) -> TransportSocket:
    return TransportSocket(
        name="envoy.transport_sockets.tls",
        typed_config=pb.any_of(
            UpstreamTlsContext(
                common_tls_context=_context(tls, http2), sni=pb.text(tls.sni)[:_MAX_SNI]
            )
        ),
    )


def verifying(host: str, roots: str) -> TransportSocket:
    """TLS to a server that has to be `host`, by the authorities of the SDS resource `roots`."""
    return TransportSocket(
        name="envoy.transport_sockets.tls",
        typed_config=pb.any_of(
            UpstreamTlsContext(
                common_tls_context=_common("", roots, (_name(host),), http2=False),
                sni="" if is_ip(host) else host[:_MAX_SNI],
            )
        ),
    )


def _context(tls: ClientTLSSettings, http2: bool) -> CommonTlsContext:
    return _common(_pair_name(tls), _roots_name(tls), tuple(_names(tls)), http2=http2)


def _common(
    pair: str, roots: str, servers: Sequence[SubjectAltNameMatcher], *, http2: bool
) -> CommonTlsContext:
    return CommonTlsContext(
        # Envoy's clients stop at TLS 1.2 by themselves.
        tls_params=TlsParameters(
            tls_minimum_protocol_version=TlsParameters.TLSv1_2,
            tls_maximum_protocol_version=TlsParameters.TLSv1_3,
        ),
        tls_certificate_sds_secret_configs=(pb.secret_over_ads(pair),) if pair else (),
        combined_validation_context=(
            CommonTlsContext.CombinedCertificateValidationContext(
                default_validation_context=CertificateValidationContext(
                    match_typed_subject_alt_names=servers
                ),
                validation_context_sds_secret_config=pb.secret_over_ads(roots),
            )
            if roots
            else None
        ),
        alpn_protocols=("h2",) if http2 else (),
    )


def _pair_name(tls: ClientTLSSettings) -> str:
    """The SDS resource of what the client shows of itself; empty if it shows nothing."""
    if tls.credential_name and tls.mode is TLSmode.MUTUAL:
        return names.credential(secret_name(tls.credential_name))
    pair = secrets.key_pair(tls)
    return pair.name if pair else ""


def _roots_name(tls: ClientTLSSettings) -> str:
    """The SDS resource of what servers are verified with; empty if they are not."""
    if tls.credential_name and not tls.insecure_skip_verify:
        return names.roots_credential(secret_name(tls.credential_name))
    roots = secrets.roots(tls)
    return roots.name if roots else ""


def _names(tls: ClientTLSSettings) -> Iterator[SubjectAltNameMatcher]:
    for name in filter(None, tls.subject_alt_names):
        yield _name(name)


def _name(name: str) -> SubjectAltNameMatcher:
    return SubjectAltNameMatcher(san_type=_kind(name), matcher=StringMatcher(exact=name))


def _kind(name: str) -> SubjectAltNameMatcher.SanType.ValueType:
    if "://" in name:
        return SubjectAltNameMatcher.URI
    if is_ip(name):
        return SubjectAltNameMatcher.IP_ADDRESS
    return SubjectAltNameMatcher.EMAIL if "@" in name else SubjectAltNameMatcher.DNS


def names_from_requests(tls: ClientTLSSettings | None) -> UpstreamHttpProtocolOptions | None:
    """Where the policy names no server: the request's host is asked for, and verified
    (istio-api.md S-25).
    """
    if tls is None or not originates(tls) or tls.sni:
        return None
    verified = not tls.subject_alt_names and not tls.insecure_skip_verify
    return UpstreamHttpProtocolOptions(auto_sni=True, auto_san_validation=verified)
