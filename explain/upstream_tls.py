"""What a cluster puts around a call before it sends it: nothing, or TLS, and what it says in that.
It is read from the cluster itself.
"""

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.core.v3.base_pb2 import TransportSocket
from envoy.extensions.transport_sockets.tls.v3.tls_pb2 import UpstreamTlsContext
from envoy.extensions.upstreams.http.v3.http_protocol_options_pb2 import HttpProtocolOptions

from explain.errors import must
from explain.request import Tls
from translator.bootstrap_secrets import CERTIFICATE
from translator.mutual_tls import MUTUAL_ENDPOINT
from translator.traffic_policy import PROTOCOL_OPTIONS

_MATCHED_BY = "envoy.transport_socket_match"
_RAW = "envoy.transport_sockets.raw_buffer"


def around(cluster: Cluster, identity: str, host: str, *, mutual: bool) -> Tls | None:
    """The TLS in which a client with this `identity` sends on what is for `host`; `mutual`: to an
    endpoint that takes mutual TLS. Raises `Unexplained` of what is neither TLS nor nothing: a
    PROXY header, say, which no proxy of the mesh expects.
    """
    socket = _socket(cluster, mutual=mutual)
    if not socket.name or socket.name == _RAW:
        return None
    context = UpstreamTlsContext()
    must(socket.typed_config.Unpack(context), f"{socket.name} to a proxy of the mesh")
    common = context.common_tls_context
    shown = [each.name for each in common.tls_certificate_sds_secret_configs]
    member = CERTIFICATE in shown
    verified = common.combined_validation_context.default_validation_context
    answerers = (each.matcher.exact for each in verified.match_typed_subject_alt_names)
    return Tls(
        sni=context.sni or (host if _names_host(cluster) else ""),
        alpn=tuple(common.alpn_protocols),
        peer=identity if member else "",
        shows=bool(shown) and not member,
        answerers=frozenset(answerers) if member else frozenset(),
    )


def _socket(cluster: Cluster, *, mutual: bool) -> TransportSocket:
    """Envoy takes the first that the endpoint's metadata match: everything matches nothing."""
    told = MUTUAL_ENDPOINT.filter_metadata[_MATCHED_BY].fields if mutual else {}
    for each in cluster.transport_socket_matches:
        if all(told.get(name) == value for name, value in each.match.fields.items()):
            return each.transport_socket
    return cluster.transport_socket


def _names_host(cluster: Cluster) -> bool:
    options = HttpProtocolOptions()
    packed = cluster.typed_extension_protocol_options.get(PROTOCOL_OPTIONS)
    return (
        packed is not None
        and packed.Unpack(options)
        and options.upstream_http_protocol_options.auto_sni
    )
