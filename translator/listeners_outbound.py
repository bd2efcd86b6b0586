"""The listeners that take what the workload sends.

Redirected traffic arrives at one port, 15001; Envoy hands each connection over to the listener of
its original destination: `<virtual IP>_<port>` for one service, `0.0.0.0_<port>` for all HTTP
services on a port and for whatever else is not told by its address (listeners_shared.py). These do
not bind a port. What finds no listener is passed through or blackholed. In proxy-port mode there is
one HTTP listener instead, on the pod's own address.
"""

from dataclasses import dataclass
from ipaddress import ip_address

from envoy.config.core.v3.address_pb2 import Address, Pipe
from envoy.config.core.v3.base_pb2 import TrafficDirection
from envoy.config.listener.v3.listener_components_pb2 import Filter, FilterChain, FilterChainMatch
from envoy.config.listener.v3.listener_pb2 import AdditionalAddress, Listener
from google.protobuf.wrappers_pb2 import BoolValue

from crds.meta import Key
from crds.names import UNIX
from crds.path_normalization import NormalizationType
from crds.scalars import Duration
from mesh.binds import Bind
from mesh.l4_routing import L4Rule, at_address
from mesh.outgoing import OUTGOING, Outgoing
from mesh.routing import Target
from mesh.services import Port, Protocol
from translator import detection, names, pb, tcp_proxy
from translator.filter_chains import EMPTY_TABLE, Table, Targets, filter_chains, table
from translator.filters import outbound_filters
from translator.http_manager import http_manager
from translator.provenance import metadata

OUTBOUND_PORT = 15001
ANY_ADDRESS = "0.0.0.0"
_ANY_IPV6_ADDRESS = "::"
_ALL = 0o666


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What holds for every listener: what the Sidecar says (where what belongs to no service goes),
    how long a client may take to show what it speaks (0: as long as it likes), whether to log.
    `ipv6`: any address is also any IPv6 address; the kernel may have none.
    """

    outgoing: Outgoing = OUTGOING
    detection_timeout: Duration = detection.NO_TIMEOUT
    logged: bool = False
    ipv6: bool = False
    paths: NormalizationType = NormalizationType.DEFAULT


SETTINGS = Settings()


def http_listener(
    port: int, settings: Settings = SETTINGS, others: Table = EMPTY_TABLE
) -> Listener:
    """All HTTP services on `port`, beside `others`, which may not be opaque. What is neither is
    passed through or blackholed.
    """
    return any_listener(port, names.outbound_routes(port), others, settings)


def any_listener(port: int, routes: str, others: Table, settings: Settings) -> Listener:
    """What goes to `port`, whatever the address: requests by `routes` (empty: they are not looked
    for), other connections by the table, and what is left passed through or blackholed.
    """
    rest = _unmatched("other", settings)
    place = _at(ANY_ADDRESS, port, settings)
    return _listener(place, Protocol.TCP, routes, others, settings, rest)


def service_listener(
    address: str,
    port: Port,
    rules: tuple[L4Rule, ...],
    default: Target | None,
    settings: Settings = SETTINGS,
    *,
    routes: str = "",
    of: Key | None = None,
) -> Listener:
    """One port at one address of the service that it is `of`. Where the port does not say what it
    speaks, requests are found out and follow `routes`.
    """
    last = L4Rule(targets=(default,) if default else ())
    entries = table(at_address((*rules, last), address))
    place = _at(address, port.number, settings)
    return _listener(place, port.protocol, routes, entries, settings, None, of)


def bound_listener(bind: Bind, entries: Table, settings: Settings) -> Listener | None:
    """What is called at an address that a Sidecar names: requests, or connections by the table;
    nothing if that is empty.
    """
    place = _Place(
        name=bind.name,
        address=_bound_address(bind, settings.outgoing.loopback),
        opens=bind.opens,
    )
    if bind.protocol.is_http:
        requests = _requests(bind.name, bind.name, settings)
        return Listener(
            name=place.name,
            address=place.address,
            bind_to_port=None if place.opens else BoolValue(value=False),
            traffic_direction=TrafficDirection.OUTBOUND,
            filter_chains=(FilterChain(filters=(requests,)),),
        )
    return _listener(place, bind.protocol, "", entries, settings, None) if entries else None


def _bound_address(bind: Bind, loopback: str) -> Address:
    """Whoever can see a socket in the pod may call it, as he could a port."""
    if bind.is_socket:
        return Address(pipe=Pipe(path=bind.address.removeprefix(UNIX), mode=_ALL))
    shared = bind.opens and loopback and ip_address(bind.address).is_loopback
    return pb.socket_address(loopback if shared else bind.address, bind.port)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where a listener is; `opens`: for the kernel too, and not only for what is redirected."""

    name: str
    address: Address
    others: tuple[AdditionalAddress, ...] = ()
    opens: bool = False


def _at(address: str, port: int, settings: Settings) -> _Place:
    return _Place(
        name=names.listener(address, port),
        address=pb.socket_address(address, port),
        others=any_ipv6(port, settings) if address == ANY_ADDRESS else (),
    )


def _listener(
    place: _Place,
    protocol: Protocol,
    routes: str,
    entries: Table,
    settings: Settings,
    rest: FilterChain | None,
    of: Key | None = None,
) -> Listener:
    def to_targets(targets: Targets) -> tuple[Filter, ...]:
        return tcp_proxy.of_port(protocol, targets, logged=settings.logged)

    carried = filter_chains(entries, to_targets, of=of)
    if routes:
        requests = _requests(place.name, routes, settings)
        carried = (*detection.http_chains(requests, entries, of), *carried)
    last = next((chain for chain in carried if not chain.HasField("filter_chain_match")), None)
    chosen = [chain for chain in carried if chain is not last]
    inspectors = detection.listener_filters(tls=detection.by_name(entries), http=bool(routes))
    return Listener(
        name=place.name,
        address=place.address,
        additional_addresses=place.others,
        bind_to_port=None if place.opens else BoolValue(value=False),
        traffic_direction=TrafficDirection.OUTBOUND,
        listener_filters=inspectors,
        listener_filters_timeout=(
            detection.timeout(settings.detection_timeout) if inspectors else None
        ),
        continue_on_listener_filters_timeout=bool(inspectors)
        and detection.ends(settings.detection_timeout),
        filter_chains=chosen or ((last,) if last else ()),
        default_filter_chain=(last or rest) if chosen else None,
    )


def any_ipv6(port: int, settings: Settings) -> tuple[AdditionalAddress, ...]:
    """What any address is besides `ANY_ADDRESS`: Envoy looks for listeners by family."""
    address = pb.socket_address(_ANY_IPV6_ADDRESS, port)
    return (AdditionalAddress(address=address),) if settings.ipv6 else ()


def _requests(name: str, routes: str, settings: Settings) -> Filter:
    return http_manager(
        f"outbound_{name}",
        routes,
        outbound_filters(),
        logged=settings.logged,
        paths=settings.paths,
    )


def _unmatched(name: str, settings: Settings) -> FilterChain:
    unknown = settings.outgoing.unknown
    cluster = names.PASSTHROUGH if unknown.allowed else names.BLACKHOLE
    if unknown.proxy is not None:
        taken = tcp_proxy.to_targets((unknown.proxy,), logged=settings.logged)
    else:
        taken = tcp_proxy.to_cluster(cluster, logged=settings.logged)
    return FilterChain(name=name, filters=(taken,), metadata=metadata(source=unknown.source))


def virtual_outbound(settings: Settings = SETTINGS) -> Listener:
    """Where redirected connections arrive. Those that were meant for this very port would loop:
    they are blackholed.
    """
    return Listener(
        name=names.VIRTUAL_OUTBOUND,
        address=pb.socket_address(ANY_ADDRESS, OUTBOUND_PORT),
        additional_addresses=any_ipv6(OUTBOUND_PORT, settings),
        use_original_dst=BoolValue(value=True),
        traffic_direction=TrafficDirection.OUTBOUND,
        filter_chains=(
            FilterChain(
                name="virtualOutbound-blackhole",
                filter_chain_match=FilterChainMatch(destination_port=pb.uint32(OUTBOUND_PORT)),
                filters=(tcp_proxy.to_cluster(names.BLACKHOLE),),
            ),
            _unmatched("virtualOutbound-catchall-tcp", settings),
        ),
    )


def http_proxy(address: str, settings: Settings = SETTINGS) -> Listener:
    """The HTTP proxy port of proxy-port mode, on the pod's own address."""
    return Listener(
        name=names.HTTP_PROXY,
        address=pb.socket_address(address, OUTBOUND_PORT),
        traffic_direction=TrafficDirection.OUTBOUND,
        filter_chains=(
            FilterChain(filters=(_requests(names.HTTP_PROXY, names.HTTP_PROXY, settings),)),
        ),
    )
