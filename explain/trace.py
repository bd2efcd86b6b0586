"""The way of one call, step by step, each with the object that decided it: from the listener of the
client's sidecar over its routes, clusters and endpoints to the sidecar of the workload behind them.

It is worked out from the very configuration that proxies get; nothing is asked of them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from crds.destination_rule import TLSmode
from crds.meta import Key
from crds.names import is_ip
from crds.problem import Problem
from explain.call import Call
from explain.errors import must
from explain.inbound import Arrival, arrived, identity
from explain.simulate import CHAIN, ROUTE, VIRTUAL_HOST, Outcome, Request, connect, send
from explain.step import Step, Trace
from mesh.check import check
from mesh.destination_rules import merged, policy_for, rules_for
from mesh.endpoints import Endpoint
from mesh.mesh import Mesh, client
from mesh.mutual_tls import known_endpoints
from mesh.proxy import Proxy
from mesh.scope import scope_of
from mesh.service_index import full_names
from mesh.services import Service
from mesh.source import Source
from mesh.visibility import reachable
from translator import names
from translator.config import Config
from translator.provenance import Provenance, provenance
from translator.translate import translate

ELSEWHERE = "192.0.2.1"
"""Stands for whatever address DNS gives for a host that the mesh has none for (RFC 5737)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The call that is asked about. `http`: a request, else a connection, with `sni` if it is
    TLS.
    """

    request: Request
    http: bool = True
    sni: str = ""


def trace(mesh: Mesh, proxy: Proxy, proxies: Sequence[Proxy], asked: Asked) -> Trace:
    """What becomes of a call that `proxy`'s workload makes; `proxies` are those that it may end at.
    Raises `Unexplained`.
    """
    config = translate(mesh, proxy)
    request = asked.request
    if asked.http:
        outcome = send(config, request)
    else:
        outcome = connect(config, request.address, request.port, sni=asked.sni)
    steps = list(_outbound(mesh, asked, outcome))
    if not outcome.clusters:
        return Trace(steps=tuple(steps), verdict=_ended(outcome), ok=_is_good(outcome.status))
    for cluster, share in outcome.clusters.items():
        steps += _cluster(mesh, proxy, config, cluster, share)
        steps += _destination(mesh, proxy, proxies, asked, cluster)
    failed = [step for step in steps if not step.ok]
    if not failed:
        return Trace(steps=tuple(steps), verdict=f"goes to {_shares(outcome)}", ok=True)
    return Trace(steps=tuple(steps), verdict=f"fails: {failed[0].says}", ok=False)


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


def _is_good(status: int) -> bool:
    return 0 < status < 400


def _ended(outcome: Outcome) -> str:
    body = f": {outcome.body.strip()}" if outcome.body else ""
    to = f" to {outcome.location}" if outcome.location else ""
    return f"is answered by the client's own sidecar with {outcome.status}{to}{body}"


def _shares(outcome: Outcome) -> str:
    return ", ".join(
        f"{name} ({share:.0%})" if share < 1 else name for name, share in outcome.clusters.items()
    )


def _outbound(mesh: Mesh, asked: Asked, outcome: Outcome) -> Iterator[Step]:
    request = asked.request
    yield Step(at="listener", name=outcome.listener, says=f"takes {request.address}:{request.port}")
    chain = outcome.made_by[CHAIN]
    says = "routes requests" if outcome.virtual_host else "carries connections"
    yield Step(at=CHAIN, name=outcome.chain or "-", says=says, causes=_causes(chain))
    if VIRTUAL_HOST in outcome.made_by:
        told = outcome.made_by[VIRTUAL_HOST]
        says = f"has the host {request.authority}"
        yield Step(at=VIRTUAL_HOST, name=outcome.virtual_host, says=says, causes=_causes(told))
    if ROUTE in outcome.made_by:
        yield _route(mesh, outcome)
    elif asked.http and outcome.virtual_host:
        yield Step(at=ROUTE, name="-", says=_ended(outcome), ok=_is_good(outcome.status))


def _route(mesh: Mesh, outcome: Outcome) -> Step:
    causes = _causes(outcome.made_by[ROUTE])
    problems = tuple(each for cause in causes for each in _problems(mesh, cause))
    says = _ended(outcome) if outcome.status else f"goes to {_shares(outcome)}"
    if outcome.aborts:
        faults = (f"{status} for {share:.0%}" for status, share in outcome.aborts.items())
        says += f"; faults: {', '.join(faults)}"
    ok = not outcome.status or _is_good(outcome.status)
    name = outcome.route or f"route {outcome.position}"
    return Step(at=ROUTE, name=name, says=says, ok=ok, causes=causes, problems=problems)


def _causes(told: Provenance) -> tuple[Source, ...]:
    """The mesh object that has a say, or else what the resource stands for."""
    key = told.config or told.object
    return () if key is None else (Source(object=key, path=told.path, generation=told.generation),)


def _problems(mesh: Mesh, cause: Source) -> tuple[Problem, ...]:
    """What is wrong with the part of an object that counts."""
    found = check(mesh, cause.object) if cause.path else ()
    return tuple(each for each in found if each.path.startswith(cause.path))


def _cluster(mesh: Mesh, proxy: Proxy, config: Config, name: str, share: float) -> Iterator[Step]:
    found = [each for each in config.clusters if each.name == name]
    must(bool(found), f"a route to {name}, which is no cluster")
    of = names.parse_cluster(name)
    part = "" if share == 1 else f"{share:.0%} of the calls: "
    told = provenance(found[0].metadata)
    if of is None:
        ok = name == names.PASSTHROUGH
        nowhere = "leads nowhere: 503, or the connection is closed"
        where = "passes on to where the client meant it to go" if ok else nowhere
        yield Step(at="cluster", name=name, says=part + where, ok=ok)
        return
    yield Step(
        at="cluster",
        name=name,
        says=f"{part}{_security(mesh, proxy, of)}",
        causes=_causes(told),
    )
    every = _endpoints(mesh, proxy, of)
    healthy = [each for each in every if each.healthy]
    says = f"{len(healthy)} healthy of {len(every)}"
    listed = ", ".join(f"{each.address}:{each.port}" for each in healthy[:3])
    known = _service(mesh, of)
    ok = bool(healthy) or known.external
    if known.external and not every:
        listed, says = of.host, "found by Envoy itself"
    yield Step(
        at="endpoints",
        name=listed or "none",
        says=says if ok else f"{says}: 503 no healthy upstream",
        ok=ok,
        causes=(Source(object=known.key),),
    )


def _service(mesh: Mesh, of: names.ClusterName) -> Service:
    found = mesh.services.at(of.host)
    must(bool(found), f"a cluster of {of.host}, which is no service")
    return found[0]


def _endpoints(mesh: Mesh, proxy: Proxy, of: names.ClusterName) -> list[Endpoint]:
    service = _service(mesh, of)
    labels = _subset_labels(mesh, proxy, of)
    every = known_endpoints(mesh, service).get(of.port, ())
    return [each for each in every if labels.items() <= each.labels.items()]


def _subset_labels(mesh: Mesh, proxy: Proxy, of: names.ClusterName) -> Mapping[str, str]:
    """The labels of the pods in a subset; none of the whole service."""
    rules = merged(mesh.rules.objects[key] for key in _rules(mesh, proxy, of))
    subset = rules.subset(of.subset)
    return subset.labels if subset is not None else {}


def _rules(mesh: Mesh, proxy: Proxy, of: names.ClusterName) -> tuple[Key, ...]:
    service = _service(mesh, of)
    scope = scope_of(mesh, proxy)
    who = client(mesh, scope.namespace, scope.labels)
    return rules_for(mesh.rules, service.host, service.namespace, who)


def tls_mode(mesh: Mesh, proxy: Proxy, of: names.ClusterName) -> TLSmode | None:
    """What the client's DestinationRule says of TLS to a cluster; nothing: the mesh decides."""
    rule = merged(mesh.rules.objects[key] for key in _rules(mesh, proxy, of))
    found = policy_for(rule, rule.subset(of.subset), of.port)
    return found.tls.mode if found.tls is not None else None


def is_mutual(mesh: Mesh, proxy: Proxy, of: names.ClusterName, endpoint: Endpoint) -> bool:
    """Whether calls to an endpoint go with the client's certificate of the mesh."""
    mode = tls_mode(mesh, proxy, of)
    if mode is None:
        return mesh.config.enable_auto_mtls and endpoint.mutual
    return mode is TLSmode.ISTIO_MUTUAL


def _security(mesh: Mesh, proxy: Proxy, of: names.ClusterName) -> str:
    mode = tls_mode(mesh, proxy, of)
    if mode is not None:
        return f"TLS mode {mode.value} by the DestinationRule"
    found = _endpoints(mesh, proxy, of)
    mutual = sum(is_mutual(mesh, proxy, of, each) for each in found)
    return f"automatic mutual TLS to {mutual} of {len(found)} endpoints"


def _destination(
    mesh: Mesh, proxy: Proxy, proxies: Sequence[Proxy], asked: Asked, cluster: str
) -> Iterator[Step]:
    of = names.parse_cluster(cluster)
    if of is None or of.direction != "outbound":
        return
    endpoint = next((each for each in _endpoints(mesh, proxy, of) if each.healthy), None)
    at = receiver(mesh, proxies, endpoint.address) if endpoint is not None else None
    if endpoint is None or at is None:
        return
    mutual = is_mutual(mesh, proxy, of, endpoint)
    request = asked.request
    call = Call(
        http=asked.http,
        peer=identity(mesh, proxy) if mutual else "",
        address=endpoint.address,
        port=endpoint.target or endpoint.port,
        method=request.method,
        host=request.authority,
        path=request.path,
        headers={name.lower(): value for name, value in request.headers.items()},
        claims=request.claims,
    )
    yield from arrived(mesh, at, Arrival(call=call, mutual=mutual))


def receiver(mesh: Mesh, proxies: Sequence[Proxy], address: str) -> Proxy | None:
    """The sidecar of the pod with an address; none if it has none."""
    pods = {key for key, pod in mesh.endpoints.pods.items() if address in pod.addresses}
    there = {(key.namespace, key.name) for key in pods}
    return next((p for p in proxies if (p.namespace, p.name) in there), None)
