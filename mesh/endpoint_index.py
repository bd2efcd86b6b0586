"""What endpoints are made of: EndpointSlices, Pods, WorkloadEntries, inline endpoints.

An edit here touches nothing but the load assignments of the services named: the fast path.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from crds import core
from crds.fields import EMPTY
from crds.kinds import Object
from crds.meta import Key, Label
from crds.service_entry import ServiceEntry
from crds.workload_entry import WorkloadEntry
from mesh import hosts, localities
from mesh.index import regroup
from mesh.service_index import Services
from mesh.store import Change

Name = tuple[str, str]
"""A namespace and a name."""

Kind = TypeVar("Kind")


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointSources:
    """`slices_of` groups slices by Service, `slices_with` by the pods that they name.

    `local` has the pods and WorkloadEntries of each namespace, for ServiceEntries that select them;
    `nodes` says where those are.
    """

    slices: Mapping[Key, core.EndpointSlice] = field(default_factory=dict)
    pods: Mapping[Key, core.Pod] = field(default_factory=dict)
    workload_entries: Mapping[Key, WorkloadEntry] = field(default_factory=dict)
    service_entries: Mapping[Key, ServiceEntry] = field(default_factory=dict)
    slices_of: Mapping[Name, frozenset[Key]] = field(default_factory=dict)
    slices_with: Mapping[Key, frozenset[Key]] = field(default_factory=dict)
    local: Mapping[str, frozenset[Key]] = EMPTY
    nodes: localities.Nodes = EMPTY


def advance(
    sources: EndpointSources, services: Services, changes: Sequence[Change]
) -> tuple[EndpointSources, frozenset[str]]:
    """`sources` after `changes`, and the hosts whose endpoints may have changed; `services` are the
    newest.
    """
    edits = [change for change in changes if isinstance(change.old or change.new, _SOURCES)]
    if not edits:
        return sources, frozenset()
    nodes, moved = localities.advance(sources.nodes, edits)
    new = EndpointSources(
        nodes=nodes,
        slices=_replaced(sources.slices, edits, core.EndpointSlice),
        pods=_replaced(sources.pods, edits, core.Pod),
        workload_entries=_replaced(sources.workload_entries, edits, WorkloadEntry),
        service_entries=_replaced(sources.service_entries, edits, ServiceEntry),
        slices_of=_regrouped(sources.slices_of, edits, _service_of),
        slices_with=_regrouped(sources.slices_with, edits, _pods_in),
        local=_regrouped(sources.local, edits, _namespace_of),
    )
    pods = [pod for pod in new.pods.values() if moved and pod.node_name in moved]
    edits += [Change(pod_key(p.meta.namespace, p.meta.name), p, p) for p in pods]
    return new, frozenset(_affected(new, services, edits))


_SOURCES = (core.EndpointSlice, core.Pod, core.Node, WorkloadEntry, ServiceEntry)


def pod_key(namespace: str, name: str) -> Key:
    """The key of a Pod."""
    return Key("", "Pod", namespace, name)


def _replaced(
    objects: Mapping[Key, Kind], changes: Iterable[Change], kind: type[Kind]
) -> Mapping[Key, Kind]:
    mine = [change for change in changes if isinstance(change.old or change.new, kind)]
    if not mine:
        return objects
    new = dict(objects)
    for change in mine:
        new.pop(change.key, None)
        if isinstance(change.new, kind):
            new[change.key] = change.new
    return new


Bucket = TypeVar("Bucket")


def _regrouped(
    index: Mapping[Bucket, frozenset[Key]],
    changes: Iterable[Change],
    buckets: Callable[[Object | None], Iterable[Bucket]],
) -> Mapping[Bucket, frozenset[Key]]:
    return regroup(
        index,
        [(bucket, change.key) for change in changes for bucket in buckets(change.old)],
        [(bucket, change.key) for change in changes for bucket in buckets(change.new)],
    )


def _service_of(made_from: Object | None) -> Iterator[Name]:
    if isinstance(made_from, core.EndpointSlice):
        name = made_from.meta.labels.get(Label.SERVICE_NAME)
        if name:
            yield made_from.meta.namespace, name


def _pods_in(made_from: Object | None) -> Iterator[Key]:
    if isinstance(made_from, core.EndpointSlice):
        for endpoint in made_from.endpoints:
            if endpoint.target_ref is not None and endpoint.target_ref.kind == "Pod":
                yield pod_key(made_from.meta.namespace, endpoint.target_ref.name)


def _namespace_of(made_from: Object | None) -> Iterator[str]:
    if isinstance(made_from, core.Pod | WorkloadEntry):
        yield made_from.meta.namespace


def _affected(
    sources: EndpointSources, services: Services, changes: Iterable[Change]
) -> Iterator[str]:
    for change in changes:
        for made_from in (change.old, change.new):
            for namespace, name in _service_of(made_from):
                yield hosts.fqdn(name, namespace)
            if isinstance(made_from, ServiceEntry):
                yield from (hosts.resolve(h, made_from.meta.namespace) for h in made_from.hosts)
            if isinstance(made_from, core.Pod | WorkloadEntry):
                yield from _selecting(services, made_from)
        if change.key.kind == "Pod":
            for key in sources.slices_with.get(change.key, ()):
                yield from (hosts.fqdn(n, ns) for ns, n in _service_of(sources.slices[key]))


def _selecting(services: Services, workload: core.Pod | WorkloadEntry) -> Iterator[str]:
    labels = workload.labels if isinstance(workload, WorkloadEntry) else workload.meta.labels
    for service in services.selecting(workload.meta.namespace, labels):
        if isinstance(workload, WorkloadEntry) or not service.in_kubernetes:
            yield service.host
