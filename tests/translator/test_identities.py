"""Who may be at the other end is written out wherever the mesh's certificates are used (C15)."""

from collections.abc import Iterator

from envoy.config.core.v3.base_pb2 import TransportSocket
from envoy.extensions.transport_sockets.proxy_protocol.v3.upstream_proxy_protocol_pb2 import (
    ProxyProtocolUpstreamTransport,
)
from envoy.extensions.transport_sockets.tls.v3.common_pb2 import SubjectAltNameMatcher
from envoy.extensions.transport_sockets.tls.v3.tls_pb2 import (
    CommonTlsContext,
    DownstreamTlsContext,
    UpstreamTlsContext,
)

from mesh.protection import trust_domains
from tests.translations import Translation, translations
from translator.bootstrap_secrets import TRUST


def upstream(case: Translation) -> Iterator[CommonTlsContext]:
    for cluster in case.config().clusters:
        matches = [each.transport_socket for each in cluster.transport_socket_matches]
        for socket in (*matches, cluster.transport_socket):
            context = UpstreamTlsContext()
            if _inner(socket).typed_config.Unpack(context) and _trusts_the_mesh(context):
                yield context.common_tls_context


def _inner(socket: TransportSocket) -> TransportSocket:
    wrapper = ProxyProtocolUpstreamTransport()
    return wrapper.transport_socket if socket.typed_config.Unpack(wrapper) else socket


def _trusts_the_mesh(context: UpstreamTlsContext | DownstreamTlsContext) -> bool:
    combined = context.common_tls_context.combined_validation_context
    return combined.validation_context_sds_secret_config.name == TRUST


def downstream(case: Translation) -> Iterator[DownstreamTlsContext]:
    for listener in case.config().listeners:
        for chain in listener.filter_chains:
            context = DownstreamTlsContext()
            if chain.transport_socket.typed_config.Unpack(context) and _trusts_the_mesh(context):
                yield context


def _names(context: CommonTlsContext) -> list[SubjectAltNameMatcher]:
    given = context.combined_validation_context.default_validation_context
    return list(given.match_typed_subject_alt_names)


def test_c15_a_client_takes_servers_by_their_exact_names_only() -> None:
    found = [context for case in translations().values() for context in upstream(case)]
    assert len(found) > 100
    for context in found:
        assert _names(context)
        for name in _names(context):
            assert name.san_type == SubjectAltNameMatcher.URI
            assert name.matcher.exact


def test_c15_a_server_takes_clients_of_its_trust_domains_only() -> None:
    """Whose certificate is asked for, always; or of the very names that a Gateway lists."""
    found = [(case, each) for case in translations().values() for each in downstream(case)]
    assert len(found) > 100
    for case, context in found:
        assert context.require_client_certificate.value
        matchers = [name.matcher for name in _names(context.common_tls_context)]
        whole = [f"spiffe://{domain}/" for domain in trust_domains(case.mesh.config)]
        assert [each.prefix for each in matchers] == whole or all(each.exact for each in matchers)
        assert matchers
