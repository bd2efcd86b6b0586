"""Where workloads run: a pod is where its node is, unless its label `istio-locality` says otherwise
(istio-api.md S-77).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from crds.core import Node, Pod
from crds.fields import EMPTY
from mesh.endpoints import NOWHERE, Endpoint, Locality
from mesh.store import Change

REGION = "topology.kubernetes.io/region"
ZONE = "topology.kubernetes.io/zone"
SUBZONE = "topology.istio.io/subzone"
HOST_NAME = "kubernetes.io/hostname"
OWN_LABEL = "istio-locality"

Nodes = Mapping[str, Locality]
"""Where each node is."""


def advance(nodes: Nodes, changes: Iterable[Change]) -> tuple[Nodes, frozenset[str]]:
    """`nodes` after `changes`, and the names of those that are elsewhere now."""
    new = dict(nodes)
    for change in changes:
        if isinstance(change.old or change.new, Node):
            new.pop(change.key.name, None)
            if isinstance(change.new, Node):
                new[change.key.name] = _of_node(change.new)
    moved = {n for n in {*nodes, *new} if nodes.get(n, NOWHERE) != new.get(n, NOWHERE)}
    return (new if new != nodes else nodes), frozenset(moved)


def _of_node(node: Node) -> Locality:
    labels = node.meta.labels
    return Locality(labels.get(REGION, ""), labels.get(ZONE, ""), labels.get(SUBZONE, ""))


def of_pod(pod: Pod, nodes: Nodes) -> Locality:
    """Where a pod runs; `NOWHERE` if nothing says so."""
    own = pod.meta.labels.get(OWN_LABEL)
    return nodes.get(pod.node_name, NOWHERE) if own is None else parsed(own)


def parsed(text: str) -> Locality:
    """Of `region/zone/subzone`; a label has dots in place of the slashes."""
    parts = text.split("/") if "/" in text else text.split(".")
    region, zone, subzone = (*parts, "", "", "")[:3]
    return Locality(region, zone, subzone)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a client is, as far as rules ask: its locality, and those of its labels that rules rank
    endpoints by. Clients of one scope and place hold the very same endpoints.
    """

    locality: Locality = NOWHERE
    labels: frozenset[tuple[str, str]] = frozenset()


ANYWHERE = Place()


def with_topology(labels: Mapping[str, str], locality: Locality, node: str) -> Mapping[str, str]:
    """The labels by which a workload can be ranked: its own, and those of where it runs."""
    return {**labels, **dict(_topology(locality, node))}


def _topology(locality: Locality, node: str) -> Iterator[tuple[str, str]]:
    known = (
        (REGION, locality.region),
        (ZONE, locality.zone),
        (SUBZONE, locality.subzone),
        (HOST_NAME, node),
    )
    return ((name, value) for name, value in known if value)


def ranked_labels(endpoint: Endpoint) -> Mapping[str, str]:
    """The labels by which an endpoint is ranked."""
    return with_topology(endpoint.labels or EMPTY, endpoint.locality, endpoint.node)
