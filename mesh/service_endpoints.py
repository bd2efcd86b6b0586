"""The endpoints of one service, from whatever they are made of.

Kubernetes lists those of its Services in EndpointSlices; WorkloadEntries that a Service selects
come on top, as in Istio. A ServiceEntry has its own, or selects pods and WorkloadEntries.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from crds import core
from crds.fields import EMPTY
from crds.meta import Label
from crds.names import UNIX, is_ip
from crds.workload_entry import WorkloadEntry
from mesh import localities
from mesh.endpoint_index import EndpointSources, pod_key
from mesh.endpoints import NOWHERE, PROXY_PORT_OFFSET, Endpoint, Locality, has_entrance
from mesh.interception import is_redirected
from mesh.proxy import Mode, Role, is_injected, mode_of, role_of
from mesh.service_index import selects
from mesh.services import Port, Service

TLS_MODE_MUTUAL = "istio"
_ENTRY = "WorkloadEntry"
_MAX_SOCKET_PATH = 107


def endpoints_of(sources: EndpointSources, service: Service) -> Mapping[int, tuple[Endpoint, ...]]:
    """The endpoints of each port of a service, in the order of their addresses."""
    by_port: dict[int, set[Endpoint]] = {port.number: set() for port in service.ports}
    if service.in_kubernetes:
        for number, merged in _from_slices(sources, service).items():
            by_port[number] |= merged
    for number, endpoint in _from_workloads(sources, service):
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


@dataclass(frozen=True, slots=True)
class _Listed:
    """An endpoint as a slice has it, with its pod, if it is one; `leaving`: it is about to end, and
    serves for the time being.
    """

    endpoint: Endpoint
    pod: core.Pod | None
    leaving: bool


def _from_slices(sources: EndpointSources, service: Service) -> Mapping[int, set[Endpoint]]:
    """Those that are about to end count only where no other one is healthy, as for kube-proxy."""
    by_name = {port.name: port for port in service.ports}
    listed: dict[int, list[_Listed]] = {}
    for key in sources.slices_of.get((service.namespace, service.name), ()):
        slice_ = sources.slices[key]
        if slice_.address_type == "FQDN":  # deprecated; kube-proxy ignores it too
            continue
        for given in slice_.ports:
            port = by_name.get(given.name)
            if port is None or given.port is None:
                continue
            for endpoint in slice_.endpoints:
                found = _sliced(sources, slice_, endpoint, given.port)
                listed.setdefault(port.number, []).extend(found)
    return {number: set(_merged(_counting(each))) for number, each in listed.items()}


def _counting(listed: Sequence[_Listed]) -> Iterator[_Listed]:
    alone = not any(each.endpoint.healthy and not each.leaving for each in listed)
    return (each for each in listed if alone or not each.leaving)


def _merged(listed: Iterable[_Listed]) -> Iterator[Endpoint]:
    """A pod with an address of each family is in two slices, and one endpoint all the same."""
    by_pod: dict[tuple[str, int], Endpoint] = {}
    for each in listed:
        found, pod = each.endpoint, each.pod
        if pod is None:
            yield found
            continue
        name = (pod.meta.name, found.port)
        known = by_pod.get(name, found)
        given = {known.address, *known.others, found.address}
        first, *others = sorted(
            given, key=lambda address: (address not in pod.addresses[:1], address)
        )
        by_pod[name] = replace(found, address=first, others=tuple(others))
    yield from by_pod.values()


def _sliced(
    sources: EndpointSources, slice_: core.EndpointSlice, endpoint: core.Endpoint, port: int
) -> Iterator[_Listed]:
    conditions = endpoint.conditions
    # Ready and about to end are those that are published in spite of it.
    leaving = conditions.terminating is True and conditions.ready is not True
    if leaving and conditions.serving is not True:
        return
    pod = None
    if endpoint.target_ref is not None and endpoint.target_ref.kind == "Pod":
        pod = sources.pods.get(pod_key(slice_.meta.namespace, endpoint.target_ref.name))
    for address in endpoint.addresses[:1]:
        found = Endpoint(
            address=address,
            port=_entrance(pod, port),
            labels=pod.meta.labels if pod else EMPTY,
            healthy=leaving or endpoint.ready,
            locality=_locality(sources, pod, endpoint),
            service_account=pod.service_account if pod else "",
            node=pod.node_name if pod else "",
            hostname=endpoint.hostname,
            target=port,
            mutual=pod is not None and _is_mutual(pod, port),
        )
        yield _Listed(found, pod, leaving)


def _locality(sources: EndpointSources, pod: core.Pod | None, endpoint: core.Endpoint) -> Locality:
    known = localities.of_pod(pod, sources.nodes) if pod else NOWHERE
    return Locality(zone=endpoint.zone) if known == NOWHERE and endpoint.zone else known


def _entrance(pod: core.Pod | None, port: int) -> int:
    """Where to connect to for a workload's port: its own, or in proxy-port mode the sidecar's."""
    if pod is None or not is_injected(pod) or role_of(pod) is Role.ROUTER:
        return port
    return port + PROXY_PORT_OFFSET if mode_of(pod) is Mode.NONE and has_entrance(port) else port


def _from_workloads(sources: EndpointSources, service: Service) -> Iterator[tuple[int, Endpoint]]:
    for workload in _workloads(sources, service):
        if isinstance(workload, core.Pod):
            for port in service.ports:
                yield port.number, _pod_endpoint(sources, workload, port)
        elif _is_usable(workload.address, service):
            for port in service.ports:
                yield from _entry_endpoint(workload, port)


def unusable(sources: EndpointSources, service: Service) -> tuple[WorkloadEntry, ...]:
    """The WorkloadEntries, inline ones too, that a service means and nobody can connect to."""
    workloads = (w for w in _workloads(sources, service) if isinstance(w, WorkloadEntry))
    return tuple(w for w in workloads if not _is_usable(w.address, service))


def _is_usable(address: str, service: Service) -> bool:
    """Names need DNS: Envoy refuses them, and with them all that comes along, anywhere else."""
    if service.resolution.is_dns:
        return bool(address)
    path = address.removeprefix(UNIX)
    return is_ip(address) or (path != address and 0 < len(path.encode()) <= _MAX_SOCKET_PATH)


def _workloads(sources: EndpointSources, service: Service) -> Sequence[WorkloadEntry | core.Pod]:
    if service.in_kubernetes:
        return tuple(_selected_entries(sources, service)) if service.selector else ()
    entry = sources.service_entries[service.key]
    workloads: list[WorkloadEntry | core.Pod] = list(entry.endpoints)
    if entry.workload_selector is not None:
        workloads += _selected_entries(sources, service)
        workloads += _selected_pods(sources, service)
    if not workloads and service.resolution.is_dns:
        return (WorkloadEntry(address=service.host),)
    return workloads


def _selected_entries(sources: EndpointSources, service: Service) -> Iterator[WorkloadEntry]:
    if not sources.workload_entries:
        return
    # Of thousands of pods beside them none is looked up, let alone sorted.
    local = sources.local.get(service.namespace, ())
    for key in sorted(key for key in local if key.kind == _ENTRY):
        workload = sources.workload_entries[key]
        if selects(service.selector, workload.labels):
            yield workload


def _selected_pods(sources: EndpointSources, service: Service) -> Iterator[core.Pod]:
    pods = sources.pods
    local = (key for key in sources.local.get(service.namespace, ()) if key.kind != _ENTRY)
    selected = (key for key in local if selects(service.selector, pods[key].meta.labels))
    yield from (pods[key] for key in sorted(selected) if _is_alive(pods[key]))


def _is_alive(pod: core.Pod) -> bool:
    return bool(pod.pod_ip) and not pod.meta.deleted and pod.phase not in ("Succeeded", "Failed")


def _pod_endpoint(sources: EndpointSources, pod: core.Pod, port: Port) -> Endpoint:
    target = port.target if isinstance(port.target, int) else port.number
    return Endpoint(
        address=pod.pod_ip,
        others=pod.addresses[1:],
        port=_entrance(pod, target),
        labels=pod.meta.labels,
        healthy=pod.ready,
        locality=localities.of_pod(pod, sources.nodes),
        service_account=pod.service_account,
        node=pod.node_name,
        target=target,
        mutual=_is_mutual(pod, target),
    )


def _is_mutual(pod: core.Pod, port: int) -> bool:
    """Whether a pod says of itself that its sidecar takes mutual TLS: injection does for it; and
    whether the port is one that the sidecar stands before. What comes to a gateway is a matter of
    its servers.
    """
    if role_of(pod) is Role.ROUTER or not _says_mutual(pod.meta.labels):
        return False
    return mode_of(pod) is Mode.NONE or is_redirected(pod.meta.annotations, port)


def _says_mutual(labels: Mapping[str, str]) -> bool:
    return labels.get(Label.TLS_MODE) == TLS_MODE_MUTUAL


def _entry_endpoint(entry: WorkloadEntry, port: Port) -> Iterator[tuple[int, Endpoint]]:
    """None where a Service wants a port by a name that the entry does not have."""
    target = entry.ports.get(port.name, port.target)
    number = entry.ports.get(target) if isinstance(target, str) else target
    if number is not None:
        yield (
            port.number,
            Endpoint(
                address=entry.address,
                port=number,
                labels=entry.labels,
                weight=entry.weight or 1,
                locality=localities.parsed(entry.locality),
                service_account=entry.service_account,
                target=number,
                mutual=_says_mutual(entry.labels),
            ),
        )
