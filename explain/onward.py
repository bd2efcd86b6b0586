"""The way of a call behind a proxy's route: over a cluster and its endpoints to whoever answers
there. That is the sidecar of a workload, or a gateway, which has routes of its own and sends it on.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from crds.meta import Key
from explain.call import Call
from explain.gateway import Entered, entered
from explain.inbound import Arrival, arrived, identity
from explain.knock import Knock
from explain.request import ELSEWHERE, Asked, Request
from explain.routed import GATEWAY, Branch, concluded
from explain.step import Step, Trace
from explain.upstream import Sent, answering, clustered, is_mutual
from explain.upstream_tls import around
from mesh.endpoints import Endpoint
from mesh.mesh import Mesh
from mesh.mutual_tls import known_endpoints
from mesh.proxy import Mode, Proxy
from translator import names
from translator.config import Config
from translator.translate import translate

MOST_GATEWAYS = 8
"""How many gateways a call is followed through, those of all its shares together: what goes round
and is another call each time has no end.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trail:
    """How a call came here. `proxies` are those that it may end at, `passed` the gateways that it
    has come through, `left` how many more it is followed through.
    """

    proxies: Sequence[Proxy]
    passed: tuple[tuple[Proxy, Knock], ...] = ()
    left: int = MOST_GATEWAYS


@dataclass(frozen=True, slots=True, kw_only=True)
class _There:
    """Where a call arrives: the port of the pod, and what it is called by. `mutual`: as one that
    takes mutual TLS.
    """

    address: str
    port: int
    named: int
    mutual: bool = False


def onward(mesh: Mesh, sent: Sent, steps: tuple[Step, ...], by: str, trail: Trail) -> Trace:
    """The whole way of a call that `by`, a proxy, has routed: `steps` are those up to there. Raises
    `Unexplained`.
    """
    branches: list[Branch] = []
    left = trail.left
    for name, share in sent.outcome.clusters.items():
        branch = _branch(mesh, sent, name, share, replace(trail, left=left))
        left -= branch.beyond.gateways if branch.beyond is not None else 0
        branches.append(branch)
    return concluded(steps, sent.outcome, by, branches)


def _branch(mesh: Mesh, sent: Sent, name: str, share: float, trail: Trail) -> Branch:
    steps = tuple(clustered(mesh, sent, name, share))
    there = _there(mesh, sent, name) if all(step.ok for step in steps) else None
    at = receiver(mesh, trail.proxies, there.address) if there is not None else None
    if there is None or at is None or (name == names.PASSTHROUGH and at.mode is Mode.NONE):
        return Branch(steps=steps)  # what is not intercepted does not come to a sidecar
    asked = _sent_on(mesh, sent, name, mutual=there.mutual)
    if at.is_gateway:
        knock = Knock(
            asked=asked,
            named=there.named,
            ports=frozenset((there.port,)),
            peer_address=_address(mesh, sent.proxy),
        )
        return Branch(steps=steps, beyond=_through(mesh, at, knock, trail))
    arrival = _arrival(asked, there, _address(mesh, sent.proxy), sent.on_behalf)
    return Branch(steps=(*steps, *arrived(mesh, at, arrival)))


def _there(mesh: Mesh, sent: Sent, cluster: str) -> _There | None:
    """Which of a cluster's endpoints stands for all; nothing if none is known."""
    if cluster == names.PASSTHROUGH:
        return _meant(mesh, sent.asked.request)
    of = names.parse_cluster(cluster)
    endpoint = answering(mesh, sent.proxy, of) if of is not None else None
    if of is None or endpoint is None:
        return None
    mutual = is_mutual(mesh, sent.proxy, of, endpoint)
    return _of(endpoint, of.port, mutual=mutual)


def _meant(mesh: Mesh, request: Request) -> _There:
    """Where a client means a call to go that its sidecar passes on: to an endpoint behind a
    Service's address, or to a pod.
    """
    address, port = request.address, request.port
    service = mesh.services.owner(address, port)
    if service is not None and service.in_kubernetes:
        every = known_endpoints(mesh, service).get(port, ())
        endpoint = next((each for each in every if each.healthy), None)
        if endpoint is not None:
            return _of(endpoint, port, mutual=False)
    return _There(address=address, port=port, named=port)


def _of(endpoint: Endpoint, named: int, *, mutual: bool) -> _There:
    port = endpoint.target or endpoint.port
    return _There(address=endpoint.address, port=port, named=named, mutual=mutual)


def _sent_on(mesh: Mesh, sent: Sent, cluster: str, *, mutual: bool) -> Asked:
    """As it is sent on: a route may have rewritten the path, the host and headers, and the cluster
    may speak TLS around it.
    """
    request, outcome = sent.asked.request, sent.outcome
    hosts = sorted(outcome.authorities.get(cluster, ()))
    sent_request = replace(
        request,
        authority=next(iter(hosts), request.authority),
        path=outcome.path or request.path,
        headers=outcome.headers.get(cluster, request.headers),
    )
    host = sent_request.authority if sent.asked.is_seen else ""
    who = identity(mesh, sent.proxy)
    tls = around(sent.cluster(cluster), who, host, mutual=mutual)
    layers = sent.asked.tls if tls is None else (tls, *sent.asked.tls)
    return replace(sent.asked, request=sent_request, tls=layers)


def _arrival(asked: Asked, there: _There, caller: str, on_behalf: str) -> Arrival:
    """A sidecar ends TLS of the mesh; what is within that is a request, or more TLS. Of who is
    behind the caller it knows what a gateway tells it.
    """
    request = asked.request
    peer = asked.tls[0].peer if asked.tls else ""
    within = asked.tls[1:] if peer else asked.tls
    call = Call(
        http=asked.http and not (peer and within),
        peer=peer,
        peer_address=caller,
        remote_address=on_behalf or caller,
        address=there.address,
        port=there.port,
        sni=asked.sni,
        method=request.method,
        host=request.authority,
        path=request.path,
        headers={name.lower(): value for name, value in request.headers.items()},
        claims=request.claims,
    )
    return Arrival(call=call, mutual=bool(peer), tls=bool(within) and not peer)


def _through(mesh: Mesh, at: Proxy, knock: Knock, trail: Trail) -> Trace:
    """The way through a gateway, and from there on."""
    name, here = f"{at.namespace}/{at.name}", (at, knock)
    if here in trail.passed:
        return _cut(name, "has had the very same call before: it goes round without end")
    if not trail.left:
        return _cut(name, f"comes after {MOST_GATEWAYS} others: it is not followed any further")
    by = f"{GATEWAY} {name}"
    config = translate(mesh, at)
    first = Step(at="gateway", name=name, says="takes it, and has routes of its own")
    entry = entered(mesh, at, config, knock, by)
    sent = sent_by_gateway(at, config, entry, knock)
    deeper = replace(trail, passed=(*trail.passed, here), left=trail.left - 1)
    found = onward(mesh, sent, (first, *entry.steps), by, deeper)
    return replace(found, gateways=found.gateways + 1)


def sent_by_gateway(proxy: Proxy, config: Config, entry: Entered, knock: Knock) -> Sent:
    """What a gateway has made of a call. A request that it routes says whom it comes from; of a
    connection nothing does.
    """
    outcome = entry.outcome
    caller = knock.peer_address if outcome.virtual_host else ""
    return Sent(proxy=proxy, config=config, asked=entry.asked, outcome=outcome, on_behalf=caller)


def _cut(name: str, says: str) -> Trace:
    step = Step(at="gateway", name=name, says=says, ok=False)
    return Trace(steps=(step,), verdict=f"fails: {GATEWAY} {name} {says}", ok=False)


def receiver(mesh: Mesh, proxies: Sequence[Proxy], address: str) -> Proxy | None:
    """The proxy of the pod with an address; none if it has none."""
    pods = {key for key, pod in mesh.endpoints.pods.items() if address in pod.addresses}
    there = {(key.namespace, key.name) for key in pods}
    return next((p for p in proxies if (p.namespace, p.name) in there), None)


def _address(mesh: Mesh, proxy: Proxy) -> str:
    """The first address of a proxy's pod, from which its calls come; `ELSEWHERE` if it has none of
    its own.
    """
    pod = mesh.endpoints.pods.get(Key("", "Pod", proxy.namespace, proxy.name))
    if pod is None or proxy.mode is Mode.NONE:
        return ELSEWHERE
    return next(iter(pod.addresses), ELSEWHERE)
