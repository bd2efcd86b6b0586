"""Outbound listeners that several hosts have a claim to: `0.0.0.0_<port>`, and those at the
addresses of endpoints, for services without a virtual IP.

At an address of its own the oldest service takes everything (istio-api.md S-50). At any address
hosts share: requests go by their names and TLS by its server name, of two services with one name
to the older; opaque connections all go to the oldest service, and to none where requests are
looked for, for a protocol in which the server speaks first would never get through.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_address

from envoy.config.listener.v3.listener_pb2 import Listener

from crds.meta import Key
from crds.names import is_ip
from mesh.binds import Bind
from mesh.endpoints import Endpoint
from mesh.host_view import HostView, PortView, is_reserved
from mesh.l4_routing import L4Rule, at_address
from mesh.order import rank
from mesh.proxy import Mode
from mesh.routing import Target
from mesh.services import Arrival, Port, Protocol, Service
from mesh.source import Source
from translator import listeners_outbound, names
from translator.filter_chains import Entry, Goal, Table, table
from translator.listeners_outbound import (
    ANY_ADDRESS,
    Settings,
    any_listener,
    http_listener,
    service_listener,
)


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """An address and a port that connections go to; `ANY_ADDRESS` stands for all that have no
    listener of their own.
    """

    address: str
    port: int

    @property
    def listener(self) -> str:
        """The name of the listener there."""
        return names.listener(self.address, self.port)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What one port of a host wants of a place. `rank` is that of its service, the first wins.
    `bound`: a Sidecar names the address. `of` is the service at an address of its own.
    """

    place: Place
    rank: tuple[bool, tuple[str, str, str], str]
    port: Port
    rules: tuple[L4Rule, ...]
    default: Target | None = None
    routes: str = ""
    bound: bool = False
    of: Key | None = None


def claims(view: HostView, endpoints: Mapping[int, tuple[Endpoint, ...]]) -> tuple[Claim, ...]:
    """What a host wants of shared listeners; `endpoints` are read only where its clients know
    them.
    """
    if view.service is None:
        return ()
    bound = tuple(claim for port in view.ports for claim in _at_binds(view.service, port))
    if view.mode is Mode.NONE:
        return bound
    return (*bound, *_redirected(view, view.service, endpoints))


def _redirected(
    view: HostView, service: Service, endpoints: Mapping[int, tuple[Endpoint, ...]]
) -> tuple[Claim, ...]:
    opaque = [port for port in view.ports if port.called and not port.port.protocol.is_http]
    if service.arrival is Arrival.ENDPOINT:
        return tuple(c for p in opaque for c in _at_endpoints(service, p, endpoints))
    anywhere = service.arrival is Arrival.ANYWHERE
    free = [port for port in opaque if not is_reserved(port.port.number, view.mode)]
    return tuple(_anywhere(service, port) for port in free if anywhere or port.blocks)


def _at_binds(service: Service, port: PortView) -> Iterator[Claim]:
    """With TLS its own name, and if it is the oldest there whatever no other is asked for by."""
    to = (port.default,) if port.default else ()
    own = Source(object=service.key)
    named = L4Rule(targets=to, sni_hosts=(service.host,), source=own)
    for bind in port.binds:
        rules = (
            *port.l4,
            *((named,) if bind.protocol.is_tls else ()),
            L4Rule(targets=to, source=own),
        )
        yield Claim(
            place=Place(bind.address, bind.port),
            rank=_rank(service),
            port=port.port,
            rules=at_address(rules, bind.address) if bind.is_address else rules,
            bound=True,
        )


def _at_endpoints(
    service: Service, port: PortView, endpoints: Mapping[int, tuple[Endpoint, ...]]
) -> Iterator[Claim]:
    found = endpoints.get(port.port.number, ())
    given = (address for each in found for address in (each.address, *each.others))
    # Each in its one form: Envoy refuses a second listener at an address however it is written.
    known = {str(ip_address(address)) for address in given if is_ip(address)}
    for address in sorted(known):
        yield Claim(
            place=Place(address, port.port.number),
            rank=_rank(service),
            port=port.port,
            rules=port.l4,
            default=port.default,
            routes=detected_routes(service, port.port),
            of=service.key,
        )


def detected_routes(service: Service, port: Port) -> str:
    """The route configuration of a port whose protocol is to be detected; none of another."""
    detected = port.protocol is Protocol.UNSPECIFIED
    return names.host_port(service.host, port.number) if detected else ""


def _rank(service: Service) -> tuple[bool, tuple[str, str, str], str]:
    return (not service.in_kubernetes, rank(service.created, service.key), service.host)


def _anywhere(service: Service, port: PortView) -> Claim:
    """Only the service's blocks of addresses, if it has some, and with TLS only its own name."""
    own = L4Rule(
        targets=(port.default,) if port.default else (),
        sni_hosts=(service.host,) if port.port.protocol.is_tls else (),
        subnets=port.blocks,
        source=Source(object=service.key),
    )
    ruled = (rule if rule.subnets else replace(rule, subnets=port.blocks) for rule in port.l4)
    return Claim(
        place=Place(ANY_ADDRESS, port.port.number),
        rank=_rank(service),
        port=port.port,
        rules=(*ruled, own),
    )


def bound_listener(bind: Bind, claimed: Iterable[Claim], settings: Settings) -> Listener | None:
    """The listener at an address that a Sidecar names; what else would be there is not."""
    ranked = sorted((c for c in claimed if c.bound), key=lambda claim: claim.rank)
    return listeners_outbound.bound_listener(bind, merged(ranked), settings)


def shared_listener(
    place: Place, http: bool, claimed: Iterable[Claim], settings: Settings
) -> Listener | None:
    """The listener at a place, if anything needs one; `http`: there are HTTP services on the port,
    which are found at any address.
    """
    ranked = sorted(claimed, key=lambda claim: claim.rank)
    if place.address != ANY_ADDRESS:
        return _winner(place, ranked[0], settings) if ranked else None
    entries = merged(claim for claim in ranked if not http or coexists(claim.port))
    if http:
        return http_listener(place.port, settings, entries)
    return any_listener(place.port, "", entries, settings) if entries else None


def _winner(place: Place, claim: Claim, settings: Settings) -> Listener:
    return service_listener(
        place.address,
        claim.port,
        claim.rules,
        claim.default,
        settings,
        routes=claim.routes,
        of=claim.of,
    )


def coexists(port: Port) -> bool:
    """Whether its connections can be told from requests without harm: the client speaks first, or
    may be asked to.
    """
    return port.protocol.is_tls or port.protocol is Protocol.UNSPECIFIED


def merged(claimed: Iterable[Claim]) -> Table:
    """Who gets what, of several that want the same the first."""
    entries: dict[Entry, Goal] = {}
    for claim in claimed:
        for entry, goal in table(claim.rules).items():
            entries.setdefault(entry, goal)
    return entries
