"""What a proxy does with a call that it has routed: which cluster it goes to, how that is secured,
and which endpoints there are.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from envoy.config.cluster.v3.cluster_pb2 import Cluster

from crds.destination_rule import TLSmode
from crds.meta import Key
from explain.errors import must
from explain.request import Asked
from explain.routed import causes
from explain.simulate import Outcome
from explain.step import Step
from mesh.check import check
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
    """What a proxy has made of a call. `on_behalf` is the address of who called it, if it tells the
    next one of that.
    """

    proxy: Proxy
    config: Config
    asked: Asked
    outcome: Outcome
    on_behalf: str = ""

    def cluster(self, name: str) -> Cluster:
        """A cluster of its configuration. Raises `Unexplained` if there is none."""
        found = [each for each in self.config.clusters if each.name == name]
        must(bool(found), f"a route to {name}, which is no cluster")
        return found[0]


def clustered(mesh: Mesh, sent: Sent, name: str, share: float) -> Iterator[Step]:
    """The steps of a cluster that has a share of the calls. Raises `Unexplained`."""
    proxy, cluster = sent.proxy, sent.cluster(name)
    of = names.parse_cluster(name)
    part = "" if share == 1 else f"{share:.0%} of the calls: "
    told = provenance(cluster.metadata)
    if of is None:
        ok = name == names.PASSTHROUGH
        nowhere = "leads nowhere: 503, or the connection is closed"
        where = "passes on to where the client meant it to go" if ok else nowhere
        yield Step(at="cluster", name=name, says=part + where, ok=ok)
        return
    by = causes(told)
    if _is_closed(cluster):
        wrong = tuple(problem for each in by for problem in check(mesh, each.object))
        says = f"{part}cannot be secured as it should be: 503, or the connection is closed"
        yield Step(at="cluster", name=name, says=says, ok=False, causes=by, problems=wrong)
        return
    says = f"{part}{_security(mesh, proxy, of)}"
    yield Step(at="cluster", name=name, says=says, causes=by)
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


def _is_closed(cluster: Cluster) -> bool:
    """Whether it has no endpoints, and is not told of any (`mesh.client_tls.is_closed`)."""
    static = cluster.type == Cluster.STATIC and not cluster.HasField("cluster_type")
    return static and not cluster.HasField("load_assignment")


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


def answering(mesh: Mesh, proxy: Proxy, of: names.ClusterName) -> Endpoint | None:
    """The first of a cluster's endpoints that is healthy, for all of them."""
    return next((each for each in _endpoints(mesh, proxy, of) if each.healthy), None)
