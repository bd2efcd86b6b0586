"""What the hosts of a scope share: where unknown traffic goes, route configurations, and the
listeners that no host has for itself.
"""

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass

from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret

from crds.mesh_config import MeshConfig
from mesh.binds import Bind
from mesh.outgoing import OUTGOING, Outgoing
from mesh.proxy import Mode
from translator import clusters, listeners_outbound, names, routes
from translator.config import Config
from translator.listeners_outbound import ANY_ADDRESS, Settings
from translator.listeners_shared import Claim, Place, bound_listener, shared_listener
from translator.parts import defaults, listening
from translator.secrets import FileSecret


def frame(
    mode: Mode,
    ports: Iterable[int],
    config: MeshConfig,
    *,
    outgoing: Outgoing = OUTGOING,
    ipv6: bool = False,
    vhds: bool = True,
    secrets: Iterable[FileSecret] = (),
) -> Config:
    """What all hosts of a scope share but for listeners: an HTTP route configuration a port, where
    unknown traffic goes, and the certificates in files. Without `vhds` the route configurations are
    to be filled with their virtual hosts.
    """
    settings, listen = defaults(config), listening(config, ipv6=ipv6, outgoing=outgoing)
    tables = tuple(_tables(mode, ports, outgoing))
    return Config(
        clusters=(clusters.passthrough_cluster(settings), clusters.blackhole_cluster(settings)),
        listeners=(() if mode is Mode.NONE else (listeners_outbound.virtual_outbound(listen),)),
        routes=tuple(
            routes.route_configuration(each.name, vhds=vhds, merges=each.merges) for each in tables
        ),
        virtual_hosts=tuple(
            routes.catch_all(each.name, outgoing.unknown, called=each.called) for each in tables
        ),
        secrets=_messages(secrets),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """A route configuration. `called`: its requests were meant for the sidecar, not for where they
    arrived; `merges`: they are for all ports, and say the port.
    """

    name: str
    called: bool = False
    merges: bool = False


def _tables(mode: Mode, ports: Iterable[int], outgoing: Outgoing) -> Iterator[_Table]:
    if mode is Mode.NONE:
        yield _Table(name=names.HTTP_PROXY, called=True, merges=True)
    else:
        yield from (_Table(name=names.outbound_routes(number)) for number in sorted(ports))
    for bind in outgoing.binds:
        if bind.protocol.is_http:
            yield _Table(name=bind.name, called=bind.opens, merges=bind.merges)


def _messages(secrets: Iterable[FileSecret]) -> tuple[Secret, ...]:
    return tuple(s.message() for s in sorted(secrets, key=lambda secret: secret.name))


def upstream_frame(config: MeshConfig, secrets: Iterable[FileSecret] = ()) -> Config:
    """What a gateway has beside the clusters of hosts: where what leads nowhere goes, and the
    certificates in files that clusters name.
    """
    return Config(
        clusters=(clusters.blackhole_cluster(defaults(config)),), secrets=_messages(secrets)
    )


def shared(
    ports: Iterable[int],
    claimed: Iterable[Claim],
    own: Container[str],
    listening: Settings,
    binds: Iterable[Bind] = (),
) -> Config:
    """The listeners that hosts share, for the ports of HTTP services and for claims; `own` are the
    names of the listeners that hosts have for themselves, `binds` the addresses that the Sidecar
    names, where nothing else is.
    """
    by_place: dict[Place, list[Claim]] = {Place(ANY_ADDRESS, port): [] for port in ports}
    http = frozenset(by_place)
    bound = {Place(bind.address, bind.port): bind for bind in binds}
    for place in bound:
        by_place.setdefault(place, [])
    for claim in claimed:
        by_place.setdefault(claim.place, []).append(claim)
    made = (
        bound_listener(bound[place], each, listening)
        if place in bound
        else shared_listener(place, place in http, each, listening)
        for place, each in sorted(by_place.items())
        if place in bound or place.listener not in own
    )
    return Config(listeners=tuple(listener for listener in made if listener is not None))
