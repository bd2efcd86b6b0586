"""The filter chains of one port of a workload: which of them takes a connection says whether the
caller came with a certificate of the mesh, and what it speaks (istio-api.md S-33).

Envoy looks for the port, then for the transport, then for the protocols that a client offers, and
never turns back: each step has to name all that it takes. There is no chain of last resort, or
plaintext that a STRICT port refuses would end there.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from envoy.config.core.v3.base_pb2 import TransportSocket
from envoy.config.listener.v3.listener_components_pb2 import Filter, FilterChain, FilterChainMatch

from crds.meta import Key
from crds.peer_authentication import Mode
from mesh.protection import Membership
from mesh.services import Protocol
from translator import detection, mutual_tls, pb
from translator.provenance import metadata

RAW, TLS = "raw_buffer", "tls"


@dataclass(frozen=True, slots=True, kw_only=True)
class Carriers:
    """What takes connections to one port: as requests, or as bytes. `known`: those of requests
    whose caller has shown a certificate.
    """

    requests: Filter
    known_requests: Filter
    connections: tuple[Filter, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """A port of the workload, or (`port` 0) all that have no chains of their own. `by` is the
    PeerAuthentication that has decided on the mode, `sidecar` the Sidecar that names the port.
    """

    name: str
    port: int
    protocol: Protocol
    mode: Mode
    membership: Membership
    by: Key | None = None
    sidecar: Key | None = None


def chains(door: Door, carriers: Carriers) -> tuple[FilterChain, ...]:
    """All chains of one port."""
    if door.protocol is Protocol.UNSPECIFIED:
        return tuple(_detected(door, carriers))
    if door.protocol.is_http:
        return tuple(_requests(door, carriers))
    return tuple(_connections(door, carriers))


def ended(door: Door, filters: Sequence[Filter], socket: TransportSocket | None) -> FilterChain:
    """The only chain of a port whose callers, from outside of the mesh, speak TLS that ends
    here.
    """
    return _chain(door, "tls", TLS, (), filters, socket)


def _requests(door: Door, carriers: Carriers) -> Iterator[FilterChain]:
    if door.mode is not Mode.DISABLE:
        offered = mutual_tls.MESH_PROTOCOLS if door.mode is Mode.PERMISSIVE else ()
        yield _mutual(door, "mtls", offered, (carriers.known_requests,), http=True)
    if door.mode is not Mode.STRICT:
        yield _chain(door, "", RAW, (), (carriers.requests,))


def _connections(door: Door, carriers: Carriers) -> Iterator[FilterChain]:
    if door.mode is not Mode.DISABLE:
        offered = mutual_tls.MESH_PROTOCOLS if door.mode is Mode.PERMISSIVE else ()
        yield _mutual(door, "mtls", offered, carriers.connections, http=False)
    if door.mode is not Mode.STRICT:
        yield from _plain(door, carriers)


def _detected(door: Door, carriers: Carriers) -> Iterator[FilterChain]:
    if door.mode is not Mode.DISABLE:
        others = mutual_tls.TCP_PROTOCOLS if door.mode is Mode.PERMISSIVE else ()
        yield _mutual(
            door, "mtls-http", mutual_tls.HTTP_PROTOCOLS, (carriers.known_requests,), http=True
        )
        yield _mutual(door, "mtls", others, carriers.connections, http=False)
    if door.mode is not Mode.STRICT:
        yield _chain(door, "http", RAW, detection.PLAINTEXT_HTTP, (carriers.requests,))
        yield from _plain(door, carriers)


def _plain(door: Door, carriers: Carriers) -> Iterator[FilterChain]:
    """What comes without a certificate of the mesh; TLS of the application's own is not opened."""
    yield _chain(door, "", RAW, (), carriers.connections)
    yield _chain(door, "tls", TLS, (), carriers.connections)


def _mutual(
    door: Door, kind: str, offered: Sequence[str], filters: Sequence[Filter], *, http: bool
) -> FilterChain:
    socket = mutual_tls.downstream(door.membership, http=http)
    return _chain(door, kind, TLS, offered, filters, socket)


def _chain(
    door: Door,
    kind: str,
    transport: str,
    offered: Sequence[str],
    filters: Sequence[Filter],
    socket: TransportSocket | None = None,
) -> FilterChain:
    return FilterChain(
        name=f"{door.name}-{kind}" if kind else door.name,
        filter_chain_match=FilterChainMatch(
            destination_port=pb.uint32(door.port) if door.port else None,
            transport_protocol=transport,
            application_protocols=offered,
        ),
        filters=filters,
        transport_socket=socket,
        metadata=metadata(config=door.by, of=door.sidecar),
    )
