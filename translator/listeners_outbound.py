"""The listeners that take what the workload sends.

Redirected traffic arrives at one port, 15001; Envoy hands each connection over to the listener of
its original destination: `<virtual IP>_<port>` for one service, `0.0.0.0_<port>` for all HTTP
services on a port and for whatever else is not told by its address (listeners_shared.py). These do
not bind a port. What finds no listener is passed through or blackholed. In proxy-port mode there is
one HTTP listener instead, on the pod's own address.
"""

from dataclasses import dataclass

from envoy.config.core.v3.base_pb2 import TrafficDirection
from envoy.config.listener.v3.listener_components_pb2 import Filter, FilterChain, FilterChainMatch
from envoy.config.listener.v3.listener_pb2 import AdditionalAddress, Listener
from google.protobuf.wrappers_pb2 import BoolValue

from crds.path_normalization import NormalizationType
from crds.scalars import Duration
from mesh.l4_routing import L4Rule, at_address
from mesh.routing import Target
from mesh.services import Port, Protocol
from mesh.unknown_traffic import PASSED_ON, UnknownTraffic
from translator import detection, names, pb, tcp_proxy
from translator.filter_chains import EMPTY_TABLE, Table, Targets, filter_chains, table
from translator.filters import outbound_filters
from translator.http_manager import http_manager

OUTBOUND_PORT = 15001
ANY_ADDRESS = "0.0.0.0"
_ANY_IPV6_ADDRESS = "::"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What holds for every listener: where what belongs to no service goes, how long a client may
    take to show what it speaks (0: as long as it likes), whether to log. `ipv6`: any address is
    also any IPv6 address; the kernel may have none.
    """

    unknown: UnknownTraffic = PASSED_ON
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
    rest = FilterChain(name="other", filters=(_unmatched(settings),))
    return _listener(ANY_ADDRESS, port, Protocol.TCP, routes, others, settings, rest)


def service_listener(
    address: str,
    port: Port,
    rules: tuple[L4Rule, ...],
    default: Target | None,
    settings: Settings = SETTINGS,
    *,
    routes: str = "",
) -> Listener:
    """One service's port at one address. Where the port does not say what it speaks, requests are
    found out and follow `routes`.
    """
    last = L4Rule(targets=(default,) if default else ())
    entries = table(at_address((*rules, last), address))
    return _listener(address, port.number, port.protocol, routes, entries, settings, None)


def _listener(
    address: str,
    port: int,
    protocol: Protocol,
    routes: str,
    entries: Table,
    settings: Settings,
    rest: FilterChain | None,
) -> Listener:
    name = names.listener(address, port)

    def to_targets(targets: Targets) -> tuple[Filter, ...]:
        return tcp_proxy.of_port(protocol, targets, logged=settings.logged)

    carried = filter_chains(entries, to_targets)
    if routes:
        requests = _requests(name, routes, settings)
        carried = (*detection.http_chains(requests, entries), *carried)
    last = next((chain for chain in carried if not chain.HasField("filter_chain_match")), None)
    chosen = [chain for chain in carried if chain is not last]
    inspectors = detection.listener_filters(tls=detection.by_name(entries), http=bool(routes))
    return Listener(
        name=name,
        address=pb.socket_address(address, port),
        additional_addresses=any_ipv6(port, settings) if address == ANY_ADDRESS else (),
        bind_to_port=BoolValue(value=False),
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


def _unmatched(settings: Settings) -> Filter:
    unknown = settings.unknown
    if unknown.proxy is not None:
        return tcp_proxy.to_targets((unknown.proxy,), logged=settings.logged)
    cluster = names.PASSTHROUGH if unknown.allowed else names.BLACKHOLE
    return tcp_proxy.to_cluster(cluster, logged=settings.logged)


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
            FilterChain(name="virtualOutbound-catchall-tcp", filters=(_unmatched(settings),)),
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
