"""The second half of a call's way, from a sidecar or a gateway: from the cluster over its endpoints
to the sidecar of the pod that answers.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from crds.destination_rule import TLSmode
from crds.meta import Key
from explain.call import Call
from explain.errors import must
from explain.inbound import Arrival, arrived, identity
from explain.request import Asked
from explain.routed import causes
from explain.simulate import Outcome
from explain.step import Step
from mesh.destination_rules import merged, policy_for, rules_for
from mesh.endpoints import Endpoint
from mesh.mesh import Mesh, client
from mesh.mutual_tls import known_endpoints
from mesh.proxy import Proxy
from mesh.scope import scope_of
from mesh.services import Service
from mesh.source import Source
from translator import names
from translator.config import Config
from translator.provenance import provenance


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What a proxy has made of a call, and whom it may end at."""

    proxy: Proxy
    config: Config
    asked: Asked
    outcome: Outcome
    proxies: Sequence[Proxy]


def upstream(mesh: Mesh, sent: Sent) -> Iterator[Step]:
    """The steps behind the route, for each cluster that has a share. Raises `Unexplained`."""
    for cluster, share in sent.outcome.clusters.items():
        yield from _cluster(mesh, sent.proxy, sent.config, cluster, share)
        yield from _destination(mesh, sent, cluster)


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
        causes=causes(told),
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


def _destination(mesh: Mesh, sent: Sent, cluster: str) -> Iterator[Step]:
    of = names.parse_cluster(cluster)
    if of is None or of.direction != "outbound":
        return
    every = _endpoints(mesh, sent.proxy, of)
    endpoint = next((each for each in every if each.healthy), None)
    at = receiver(mesh, sent.proxies, endpoint.address) if endpoint is not None else None
    if endpoint is None or at is None:
        return
    if at.is_gateway:
        says = f"takes it at port {endpoint.target or endpoint.port}: trace from there on"
        yield Step(at="gateway", name=f"{at.namespace}/{at.name}", says=says)
        return
    mutual = is_mutual(mesh, sent.proxy, of, endpoint)
    peer = identity(mesh, sent.proxy) if mutual else ""
    yield from arrived(mesh, at, Arrival(call=_call(sent, endpoint, cluster, peer), mutual=mutual))


def _call(sent: Sent, endpoint: Endpoint, cluster: str, peer: str) -> Call:
    """As it is sent on: a route may have rewritten the path and the host."""
    request = sent.asked.request
    hosts = sorted(sent.outcome.authorities.get(cluster, ()))
    return Call(
        http=sent.asked.http,
        peer=peer,
        address=endpoint.address,
        port=endpoint.target or endpoint.port,
        method=request.method,
        host=next(iter(hosts), request.authority),
        path=sent.outcome.path or request.path,
        headers={name.lower(): value for name, value in request.headers.items()},
        claims=request.claims,
    )


def receiver(mesh: Mesh, proxies: Sequence[Proxy], address: str) -> Proxy | None:
    """The sidecar of the pod with an address; none if it has none."""
    pods = {key for key, pod in mesh.endpoints.pods.items() if address in pod.addresses}
    there = {(key.namespace, key.name) for key in pods}
    return next((p for p in proxies if (p.namespace, p.name) in there), None)
