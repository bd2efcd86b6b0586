"""The way of one call, step by step, each with the object that decided it: from the listener of the
client's sidecar, or of the gateway where it enters the mesh, over its routes, clusters and
endpoints, and over gateways in between, to the sidecar of the workload behind them.

It is worked out from the very configuration that proxies get; nothing is asked of them.
"""

from collections.abc import Iterator, Sequence

from crds.names import is_ip
from explain.gateway import entered, outside
from explain.onward import Trail, onward, sent_by_gateway
from explain.request import ELSEWHERE, Asked
from explain.routed import GATEWAY, SIDECAR, causes, routed
from explain.simulate import CHAIN, Outcome, connect, send
from explain.step import Step, Trace
from explain.upstream import Sent
from mesh.mesh import Mesh
from mesh.mutual_tls import known_endpoints
from mesh.proxy import Proxy
from mesh.scope import scope_of
from mesh.service_index import full_names
from mesh.visibility import reachable
from translator.config import Config
from translator.translate import translate


def trace(mesh: Mesh, proxy: Proxy, proxies: Sequence[Proxy], asked: Asked) -> Trace:
    """What becomes of a call that `proxy`'s workload makes; of a gateway, of one from outside that
    enters there. `proxies` are those that it may end at. Raises `Unexplained`.
    """
    config = translate(mesh, proxy)
    trail = Trail(proxies=proxies)
    if proxy.is_gateway:
        knock = outside(mesh, proxy, asked)
        entry = entered(mesh, proxy, config, knock, GATEWAY)
        sent = sent_by_gateway(proxy, config, entry, knock)
        return onward(mesh, sent, entry.steps, GATEWAY, trail)
    outcome = _sent(config, asked)
    sent = Sent(proxy=proxy, config=config, asked=asked, outcome=outcome)
    return onward(mesh, sent, tuple(_outbound(mesh, asked, outcome)), SIDECAR, trail)


def address_of(mesh: Mesh, proxy: Proxy, host: str) -> str:
    """Where a client's resolver leads it for a host: the service's first address, or an endpoint's
    of one that has none; `ELSEWHERE` for what only DNS knows.
    """
    if is_ip(host):
        return host
    scope = scope_of(mesh, proxy)
    for name in (host, *full_names(host, (proxy.namespace,))):
        service = reachable(mesh, scope, name)
        if service is not None:
            found = (
                each.address for port in known_endpoints(mesh, service).values() for each in port
            )
            return next(iter((*service.addresses, *found)), ELSEWHERE)
    return ELSEWHERE


def _sent(config: Config, asked: Asked) -> Outcome:
    request = asked.request
    if asked.is_seen:
        return send(config, request)
    return connect(config, request.address, request.port, sni=asked.sni)


def _outbound(mesh: Mesh, asked: Asked, outcome: Outcome) -> Iterator[Step]:
    request = asked.request
    yield Step(at="listener", name=outcome.listener, says=f"takes {request.address}:{request.port}")
    says = "routes requests" if outcome.virtual_host else "carries connections"
    by = causes(outcome.made_by[CHAIN])
    yield Step(at=CHAIN, name=outcome.chain or "-", says=says, causes=by)
    yield from routed(mesh, asked, outcome, SIDECAR)
