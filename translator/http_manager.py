"""The HTTP connection manager, shared by inbound and outbound listeners and by the HTTP proxy port.

What it trusts is strict: no address counts as internal, so `x-envoy-*` headers that would change
timeouts and retries are removed, and a client certificate header from outside is dropped. Paths are
brought into one form (docs/adr/0009), and what is forwarded is what was judged. A path with a
fragment (`#`) is refused by Envoy itself.
"""

from collections.abc import Sequence

from envoy.config.core.v3.address_pb2 import CidrRange
from envoy.config.core.v3.protocol_pb2 import (
    Http2ProtocolOptions,
    HttpProtocolOptions,
)
from envoy.config.listener.v3.listener_components_pb2 import Filter
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from google.protobuf.wrappers_pb2 import BoolValue

from crds.path_normalization import NormalizationType
from translator import pb
from translator.access_log import access_log
from translator.http_messages import HttpConnectionManager, HttpFilter, Rds

SERVER_NAME = "istio-envoy"
"""What the `server` header says: Istio's, because people and tests look for it."""

_UPGRADES = ("websocket", "CONNECT")
"""Requests that become something else once they are answered. A tunnel (CONNECT) is opened only
where a route asks for it; HTTP/2 carries both with `allow_connect`.
"""

_NOBODY = HttpConnectionManager.InternalAddressConfig(
    cidr_ranges=(CidrRange(address_prefix="255.255.255.255", prefix_len=pb.uint32(32)),)
)
"""No client has this address. An empty list would not do: with it Envoy (1.40, measured) counts
private addresses as internal, and obeys the `x-envoy-*` headers of whoever has one.
"""

_SLASHES_STAY = (NormalizationType.NONE, NormalizationType.BASE)

_CERTIFICATE_DETAILS = HttpConnectionManager.SetCurrentClientCertDetails(
    subject=BoolValue(value=True), dns=True, uri=True
)


def http_manager(
    stat_prefix: str,
    routes: str | RouteConfiguration,
    filters: Sequence[HttpFilter],
    *,
    logged: bool = False,
    edge: bool = False,
    known: bool = False,
    paths: NormalizationType = NormalizationType.DEFAULT,
    most_requests: int | None = None,
) -> Filter:
    """The network filter. `routes` is the name of a route configuration that comes over ADS, or one
    that is in place. At the `edge` of the mesh the client is who connects, whatever its headers
    say, and upstream hears of its certificate. `known`: callers have shown a certificate of the
    mesh, and the application is told whose. A connection is closed after `most_requests`.
    """
    return Filter(
        name="envoy.filters.network.http_connection_manager",
        typed_config=pb.any_of(
            HttpConnectionManager(
                stat_prefix=stat_prefix,
                rds=_rds(routes) if isinstance(routes, str) else None,
                route_config=None if isinstance(routes, str) else routes,
                http_filters=filters,
                server_name=SERVER_NAME,
                normalize_path=BoolValue(value=paths is not NormalizationType.NONE),
                merge_slashes=paths not in _SLASHES_STAY,
                path_with_escaped_slashes_action=(
                    HttpConnectionManager.UNESCAPE_AND_FORWARD
                    if paths is NormalizationType.DECODE_AND_MERGE_SLASHES
                    else HttpConnectionManager.KEEP_UNCHANGED
                ),
                stream_idle_timeout=pb.seconds(0),  # long polls and gRPC streams live
                use_remote_address=BoolValue(value=edge),
                internal_address_config=_NOBODY,
                generate_request_id=BoolValue(value=True),
                forward_client_cert_details=(
                    HttpConnectionManager.SANITIZE_SET
                    if edge or known
                    else HttpConnectionManager.SANITIZE
                ),
                set_current_client_cert_details=_details(edge=edge, known=known),
                upgrade_configs=[
                    HttpConnectionManager.UpgradeConfig(upgrade_type=each) for each in _UPGRADES
                ],
                common_http_protocol_options=(
                    None
                    if most_requests is None
                    else HttpProtocolOptions(max_requests_per_connection=pb.uint32(most_requests))
                ),
                http2_protocol_options=Http2ProtocolOptions(allow_connect=True),
                access_log=(access_log(),) if logged else (),
            )
        ),
    )


def _details(
    *, edge: bool, known: bool
) -> HttpConnectionManager.SetCurrentClientCertDetails | None:
    if edge:
        return _CERTIFICATE_DETAILS
    return HttpConnectionManager.SetCurrentClientCertDetails(uri=True) if known else None


def _rds(name: str) -> Rds:
    return Rds(route_config_name=name, config_source=pb.over_ads())
