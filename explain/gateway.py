"""How a call enters at a gateway: the port, the server that takes it there, whether it may come in,
and its route.

Who calls from outside is nobody of the mesh, has a certificate where a server asks for one, and
comes from an address that no policy names. A workload of the mesh comes as its sidecar sends it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from envoy.config.listener.v3.listener_components_pb2 import FilterChain
from envoy.config.listener.v3.listener_pb2 import Listener

from crds.meta import Key
from explain.authorization import verdict
from explain.call import Call
from explain.filter_chain_match import Connection, chosen
from explain.gateway_server import server_step, source
from explain.inbound import authorized, identity
from explain.knock import Knock
from explain.request import ELSEWHERE, Asked
from explain.routed import causes, routed
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

NOWHERE = Outcome(listener="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """The steps up to the route, and what becomes of the call then; `asked` is what it is once the
    gateway has ended TLS that ends there.
    """

    steps: tuple[Step, ...]
    outcome: Outcome
    asked: Asked


@dataclass(frozen=True, slots=True, kw_only=True)
class _Door:
    """A port of a gateway, as Envoy has it and as the Gateways say; and who knocks."""

    listener: Listener
    servers: GatewayListener
    connection: Connection
    peer_address: str


def outside(mesh: Mesh, proxy: Proxy, asked: Asked) -> Knock:
    """A call from outside. Clients name the port of a Service; who calls the pod itself names the
    pod's.
    """
    port = asked.request.port
    behind = ports_behind(mesh.services, proxy).get(port, frozenset((port,)))
    return Knock(asked=asked, named=port, ports=behind)


def entered(mesh: Mesh, proxy: Proxy, config: Config, knock: Knock, by: str) -> Entered:
    """How a call enters at a gateway, which is called `by`. Raises `Unexplained`."""
    asked, port = knock.asked, knock.named
    servers = merged(mesh.gateways, mesh.services, mesh.credentials, proxy)
    door = _door(mesh, proxy, config, servers, knock)
    if door is None:
        says = "no server is open here: the connection is refused"
        closed = _closed(mesh, servers, port, "listener", says)
        return Entered(steps=(closed,), outcome=NOWHERE, asked=asked)
    own = door.connection.port
    says = f"takes port {port}" + (f", which is {own} of the pod" if own != port else "")
    heard = Step(at="listener", name=door.listener.name, says=says)
    chain = chosen(door.listener, door.connection)
    if not chain.filters:
        what = f"TLS for {asked.sni or 'no server name'}" if asked.tls else "what is not TLS"
        says = f"no server takes {what}: the connection is closed"
        closed = _closed(mesh, servers, port, CHAIN, says)
        return Entered(steps=(heard, closed), outcome=NOWHERE, asked=asked)
    taken = _taken(mesh, proxy, config, door, chain, asked, by)
    return replace(taken, steps=(heard, *taken.steps))


def _door(mesh: Mesh, proxy: Proxy, config: Config, servers: Merged, knock: Knock) -> _Door | None:
    asked = knock.asked
    by_name = {each.name: each for each in config.listeners}
    pod = mesh.endpoints.pods.get(Key("", "Pod", proxy.namespace, proxy.name))
    address = next(iter(pod.addresses if pod is not None else ()), ELSEWHERE)
    speaks = "tls" if asked.tls else "http/1.1" if asked.http else ""
    alpn = asked.tls[0].alpn if asked.tls else ()
    for each in servers.listeners:
        listener = by_name.get(listener_name(each))
        if each.port in knock.ports and listener is not None:
            return _Door(
                listener=listener,
                servers=each,
                connection=Connection(address, each.port, sni=asked.sni, speaks=speaks, alpn=alpn),
                peer_address=knock.peer_address,
            )
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
    mesh: Mesh,
    proxy: Proxy,
    config: Config,
    door: _Door,
    chain: FilterChain,
    asked: Asked,
    by: str,
) -> Entered:
    server = server_step(door.servers.servers, chain, asked, identity(mesh, proxy))
    manager, source = manager_of(chain), causes(provenance(chain.metadata))
    says = "carries connections" if manager is None else "routes requests"
    found = Step(at=CHAIN, name=chain.name or "-", says=says, causes=source)
    if not server.ok:
        return Entered(steps=(server, found), outcome=NOWHERE, asked=asked)
    within = _within(chain, asked)
    peer = asked.tls[0].peer if len(within.tls) < len(asked.tls) else ""
    allowed = authorized(mesh, proxy, verdict(chain, _call(door, within, asked.sni, peer)))
    steps = (server, found, allowed)
    if not allowed.ok:
        return Entered(steps=steps, outcome=NOWHERE, asked=asked)
    if manager is None:
        return Entered(steps=steps, outcome=carried(door.listener, chain), asked=within)
    outcome = decide(route_configuration(config, manager), within.request)
    routes = (*routed(mesh, within, outcome, by), *_unbound(mesh, within, outcome))
    return Entered(steps=(*steps, *routes), outcome=outcome, asked=within)


def _within(chain: FilterChain, asked: Asked) -> Asked:
    """What is left once TLS that ends at a chain has ended. Whether a request has come within TLS,
    the gateway says itself.
    """
    if not chain.HasField("transport_socket"):
        return replace(asked, request=replace(asked.request, scheme="http"))
    return replace(asked, tls=asked.tls[1:], request=replace(asked.request, scheme="https"))


def _call(door: _Door, within: Asked, sni: str, peer: str) -> Call:
    request, connection = within.request, door.connection
    return Call(
        http=within.is_seen,
        peer=peer,
        peer_address=door.peer_address,
        remote_address=door.peer_address,
        address=connection.address,
        port=connection.port,
        sni=sni,
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
