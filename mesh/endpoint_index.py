"""What endpoints are made of (EndpointSlices, Pods, WorkloadEntries, inline endpoints), and the
endpoints of one service.

An edit here touches nothing but the load assignments of the services named: the fast path.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from crds import core
from crds.fields import EMPTY
from crds.kinds import Object
from crds.meta import Key, Label
from crds.names import is_ip
from crds.service_entry import ServiceEntry
from crds.workload_entry import WorkloadEntry
from mesh import hosts, localities
from mesh.endpoints import NOWHERE, PROXY_PORT_OFFSET, UNIX, Endpoint, Locality, has_entrance
from mesh.index import regroup
from mesh.proxy import Mode, Role, is_injected, mode_of, role_of
from mesh.service_index import Services, selects
from mesh.services import Port, Service
from mesh.store import Change

_MAX_SOCKET_PATH = 107

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
        if not service.in_kubernetes:
            yield service.host


def endpoints_of(sources: EndpointSources, service: Service) -> Mapping[int, tuple[Endpoint, ...]]:
    """The endpoints of each port of a service, in the order of their addresses."""
    if service.in_kubernetes:
        found = _from_slices(sources, service)
    else:
        found = _from_entry(sources, service)
    by_port: dict[int, set[Endpoint]] = {port.number: set() for port in service.ports}
    for number, endpoint in found:
        by_port[number].add(endpoint)
    return {number: tuple(sorted(each, key=_order)) for number, each in by_port.items()}


def _order(endpoint: Endpoint) -> tuple[str, int, Locality, int, bool, str]:
    return (
        endpoint.address,
        endpoint.port,
        endpoint.locality,
        endpoint.weight,
        endpoint.healthy,
        endpoint.service_account,
    )


def _from_slices(sources: EndpointSources, service: Service) -> Iterator[tuple[int, Endpoint]]:
    by_name = {port.name: port for port in service.ports}
    for key in sources.slices_of.get((service.namespace, service.name), ()):
        slice_ = sources.slices[key]
        if slice_.address_type == "FQDN":  # deprecated; kube-proxy ignores it too
            continue
        for listed in slice_.ports:
            port = by_name.get(listed.name)
            if port is None or listed.port is None:
                continue
            for endpoint in slice_.endpoints:
                yield from (
                    (port.number, e) for e in _sliced(sources, slice_, endpoint, listed.port)
                )


def _sliced(
    sources: EndpointSources, slice_: core.EndpointSlice, endpoint: core.Endpoint, port: int
) -> Iterator[Endpoint]:
    if endpoint.conditions.terminating:
        return
    pod = None
    if endpoint.target_ref is not None and endpoint.target_ref.kind == "Pod":
        pod = sources.pods.get(pod_key(slice_.meta.namespace, endpoint.target_ref.name))
    for address in endpoint.addresses[:1]:
        yield Endpoint(
            address=address,
            port=_entrance(pod, port),
            labels=pod.meta.labels if pod else EMPTY,
            healthy=endpoint.ready,
            locality=_locality(sources, pod, endpoint),
            service_account=pod.service_account if pod else "",
            node=pod.node_name if pod else "",
        )


def _locality(sources: EndpointSources, pod: core.Pod | None, endpoint: core.Endpoint) -> Locality:
    known = localities.of_pod(pod, sources.nodes) if pod else NOWHERE
    return Locality(zone=endpoint.zone) if known == NOWHERE and endpoint.zone else known


def _entrance(pod: core.Pod | None, port: int) -> int:
    """Where to connect to for a workload's port: its own, or in proxy-port mode the sidecar's."""
    if pod is None or not is_injected(pod) or role_of(pod) is Role.ROUTER:
        return port
    return port + PROXY_PORT_OFFSET if mode_of(pod) is Mode.NONE and has_entrance(port) else port


def _from_entry(sources: EndpointSources, service: Service) -> Iterator[tuple[int, Endpoint]]:
    for workload in _workloads(sources, service):
        if isinstance(workload, core.Pod) or _is_usable(workload.address, service):
            for port in service.ports:
                yield port.number, _workload_endpoint(sources, workload, port)


def unusable(sources: EndpointSources, service: Service) -> tuple[WorkloadEntry, ...]:
    """The WorkloadEntries, inline ones too, that a ServiceEntry means and nobody can connect to."""
    workloads = (w for w in _workloads(sources, service) if isinstance(w, WorkloadEntry))
    return tuple(w for w in workloads if not _is_usable(w.address, service))


def _is_usable(address: str, service: Service) -> bool:
    """Names need DNS: Envoy refuses them, and with them all that comes along, anywhere else."""
    if service.resolution.is_dns:
        return bool(address)
    path = address.removeprefix(UNIX)
    return is_ip(address) or (path != address and 0 < len(path.encode()) <= _MAX_SOCKET_PATH)


def _workloads(sources: EndpointSources, service: Service) -> Sequence[WorkloadEntry | core.Pod]:
    entry = sources.service_entries.get(service.key)
    if entry is None:
        return ()
    workloads: list[WorkloadEntry | core.Pod] = list(entry.endpoints)
    if entry.workload_selector is not None:
        workloads += _selected(sources, service)
    if not workloads and service.resolution.is_dns:
        return (WorkloadEntry(address=service.host),)
    return workloads


def _selected(sources: EndpointSources, service: Service) -> Iterator[WorkloadEntry | core.Pod]:
    for key in sorted(sources.local.get(service.namespace, ())):
        workload = sources.workload_entries.get(key)
        if workload is not None and selects(service.selector, workload.labels):
            yield workload
        pod = sources.pods.get(key)
        if pod is not None and _is_alive(pod) and selects(service.selector, pod.meta.labels):
            yield pod


def _is_alive(pod: core.Pod) -> bool:
    return bool(pod.pod_ip) and pod.phase not in ("Succeeded", "Failed")


def _workload_endpoint(
    sources: EndpointSources, workload: WorkloadEntry | core.Pod, port: Port
) -> Endpoint:
    target = port.target if isinstance(port.target, int) else port.number
    if isinstance(workload, core.Pod):
        return Endpoint(
            address=workload.pod_ip,
            port=_entrance(workload, target),
            labels=workload.meta.labels,
            healthy=workload.ready,
            locality=localities.of_pod(workload, sources.nodes),
            service_account=workload.service_account,
            node=workload.node_name,
        )
    return Endpoint(
        address=workload.address,
        port=workload.ports.get(port.name, target),
        labels=workload.labels,
        weight=workload.weight or 1,
        locality=localities.parsed(workload.locality),
        service_account=workload.service_account,
    )
