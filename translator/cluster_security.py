"""Which transport socket a cluster has: what a DestinationRule's `tls` says, or else, inside the
mesh, mutual TLS with each endpoint that takes it (istio-api.md S-26 to S-30).
"""

from dataclasses import dataclass

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.core.v3.base_pb2 import TransportSocket

from crds.client_tls import TLSmode
from crds.mesh_config import CertificateSource
from mesh.destinations import Policy
from mesh.services import Port, Service
from translator import client_tls, mutual_tls


@dataclass(frozen=True, slots=True, kw_only=True)
class Callee:
    """Who may answer for a service, by SPIFFE id, and whether all of its endpoints take mutual
    TLS.
    """

    identities: tuple[str, ...] = ()
    all_mutual: bool = False


UNKNOWN = Callee()


@dataclass(frozen=True, slots=True, kw_only=True)
class Security:
    """One socket for all endpoints, or `matches` that endpoints choose from by their metadata."""

    socket: TransportSocket | None = None
    matches: tuple[Cluster.TransportSocketMatch, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What a cluster is for. `addressed`: it calls the address that the client chose, which has no
    metadata. `automatic`: the mesh secures what nobody else does.
    `source` is where the client has its certificate from.
    """

    service: Service
    port: Port
    subset: str
    http2: bool
    addressed: bool
    automatic: bool
    source: CertificateSource = CertificateSource.HEDDLE


def security(side: Side, policy: Policy, callee: Callee) -> Security:
    """How the cluster secures what it sends."""
    tls = policy.tls
    if tls is not None and tls.mode is TLSmode.ISTIO_MUTUAL:
        names = tuple(filter(None, tls.subject_alt_names)) or callee.identities
        socket = mutual_tls.upstream(
            tls.sni or _server_name(side),
            names,
            http=side.port.protocol.is_http,
            http2=side.http2,
            source=side.source,
        )
        return Security(socket=client_tls.with_header(policy, socket))
    if tls is not None or not side.automatic or side.service.external:
        return Security(socket=client_tls.transport_socket(policy, http2=side.http2))
    mutual = mutual_tls.upstream(
        _server_name(side),
        callee.identities,
        http=side.port.protocol.is_http,
        http2=side.http2,
        source=side.source,
    )
    mutual = client_tls.with_header(policy, mutual)
    plain = client_tls.transport_socket(policy, http2=side.http2)
    if side.addressed:
        return Security(socket=mutual if callee.all_mutual else plain)
    return Security(matches=mutual_tls.socket_matches(mutual, plain))


def _server_name(side: Side) -> str:
    return mutual_tls.server_name(side.port.number, side.subset, side.service.host)
