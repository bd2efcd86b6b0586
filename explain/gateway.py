"""The first half of the way of a call from outside: the port of a gateway, the server that takes it
there, whether it may come in, and its route.

Who calls is nobody of the mesh, has a certificate where a server asks for one, and comes from an
address that no policy names.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from envoy.config.listener.v3.listener_components_pb2 import FilterChain
from envoy.config.listener.v3.listener_pb2 import Listener

from crds.meta import Key
from explain.authorization import verdict
from explain.call import Call
from explain.filter_chain_match import Connection, chosen
from explain.gateway_server import server_step, source
from explain.inbound import authorized
from explain.request import ELSEWHERE, Asked
from explain.routed import GATEWAY, causes, routed
from explain.simulate import (
    CHAIN,
    ROUTE,
    Outcome,
    carried,
    decide,
    manager_of,
    route_configuration,
    without_port,
)
from explain.step import Step
from mesh import hosts
from mesh.check import check
from mesh.check_gateways import check_gateways
from mesh.gateway_servers import GatewayListener, Merged, merged, ports_behind
from mesh.mesh import Mesh
from mesh.proxy import Proxy
from mesh.source import Source
from translator.config import Config
from translator.listeners_gateway import listener_name
from translator.provenance import UNKNOWN, provenance
from translator.server_tls import ALPN_HTTP

NOWHERE = Outcome(listener="")
Entered = tuple[tuple[Step, ...], Outcome]
"""The steps up to the route, and what becomes of the call then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Door:
    """A port of a gateway, as Envoy has it and as the Gateways say; and who knocks."""

    listener: Listener
    servers: GatewayListener
    connection: Connection


def entered(mesh: Mesh, proxy: Proxy, config: Config, asked: Asked) -> Entered:
    """How a call enters at a gateway. Raises `Unexplained`."""
    servers = merged(mesh.gateways, mesh.services, mesh.credentials, proxy)
    door, port = _door(mesh, proxy, config, servers, asked), asked.request.port
    if door is None:
        says = "no server is open here: the connection is refused"
        return (_closed(mesh, servers, port, "listener", says),), NOWHERE
    own = door.connection.port
    says = f"takes port {port}" + (f", which is {own} of the pod" if own != port else "")
    heard = Step(at="listener", name=door.listener.name, says=says)
    chain = chosen(door.listener, door.connection)
    if not chain.filters:
        what = f"TLS for {asked.sni or 'no server name'}" if asked.tls else "what is not TLS"
        says = f"no server takes {what}: the connection is closed"
        return (heard, _closed(mesh, servers, port, CHAIN, says)), NOWHERE
    taken, outcome = _taken(mesh, proxy, config, door, chain, asked)
    return (heard, *taken), outcome


def _door(mesh: Mesh, proxy: Proxy, config: Config, servers: Merged, asked: Asked) -> _Door | None:
    """Clients name the port of a Service; who calls the pod itself names the pod's."""
    port = asked.request.port
    numbers = ports_behind(mesh.services, proxy).get(port, {port})
    by_name = {each.name: each for each in config.listeners}
    pod = mesh.endpoints.pods.get(Key("", "Pod", proxy.namespace, proxy.name))
    address = next(iter(pod.addresses if pod is not None else ()), ELSEWHERE)
    speaks = "tls" if asked.tls else "http/1.1" if asked.http else ""
    alpn = ALPN_HTTP if asked.tls and asked.http else ()
    for each in servers.listeners:
        listener = by_name.get(listener_name(each))
        if each.port in numbers and listener is not None:
            connection = Connection(address, each.port, sni=asked.sni, speaks=speaks, alpn=alpn)
            return _Door(listener=listener, servers=each, connection=connection)
    return None


def _closed(mesh: Mesh, servers: Merged, port: int, at: str, says: str) -> Step:
    """Nobody takes it; the servers that would if they were not closed, and why they are."""
    lost = dict.fromkeys(
        each.server for each in servers.refused if each.server.server.port.number == port
    )
    found = check_gateways(mesh) if lost else {}
    return Step(
        at=at,
        name=f"port {port}",
        says=says,
        ok=False,
        causes=tuple(source(each) for each in lost),
        problems=tuple(
            problem
            for each in lost
            for problem in found.get(each.gateway, ())
            if problem.path.startswith(f"{each.path}.")
        ),
    )


def _taken(
    mesh: Mesh, proxy: Proxy, config: Config, door: _Door, chain: FilterChain, asked: Asked
) -> Entered:
    server = server_step(door.servers.servers, chain, asked)
    manager, by = manager_of(chain), causes(provenance(chain.metadata))
    says = "carries connections" if manager is None else "routes requests"
    steps = (server, Step(at=CHAIN, name=chain.name or "-", says=says, causes=by))
    if not server.ok:
        return steps, NOWHERE
    allowed = authorized(mesh, proxy, verdict(chain, _call(door.connection, asked)))
    if not allowed.ok:
        return (*steps, allowed), NOWHERE
    if manager is None:
        return (*steps, allowed), carried(door.listener, chain)
    outcome = decide(route_configuration(config, manager), asked.request)
    found = routed(mesh, asked, outcome, GATEWAY)
    return (*steps, allowed, *found, *_unbound(mesh, asked, outcome)), outcome


def _call(connection: Connection, asked: Asked) -> Call:
    request = asked.request
    return Call(
        http=asked.http,
        peer_address=ELSEWHERE,
        remote_address=ELSEWHERE,
        address=connection.address,
        port=connection.port,
        sni=asked.sni,
        method=request.method,
        host=request.authority,
        path=request.path,
        headers={name.lower(): value for name, value in request.headers.items()},
        claims=request.claims,
    )


def _unbound(mesh: Mesh, asked: Asked, outcome: Outcome) -> Iterator[Step]:
    """The VirtualServices that have a host for which there is none at the gateway."""
    if outcome.status != 404 or outcome.made_by.get(ROUTE) != UNKNOWN:
        return
    host = without_port(asked.request.authority.lower())
    for key, each in sorted(mesh.virtual_services.objects.items()):
        own = each.meta.namespace
        if any(hosts.matches(hosts.resolve(name, own), host) for name in each.hosts):
            says = "has the host, but not at this gateway" if each.gateways else "names no Gateway"
            yield Step(
                at="virtual service",
                name=key.name,
                says=says,
                ok=False,
                causes=(Source(object=key, path="spec.gateways" if each.gateways else ""),),
                problems=check(mesh, key),
            )
