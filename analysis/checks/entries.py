"""ServiceEntries that a Service takes the host from or that disagree, and WorkloadEntries that
nobody selects.
"""

from collections.abc import Iterator

from analysis import analyzer_codes as codes
from analysis import istio_codes
from analysis.analyzer import Analyzer
from analysis.facts import Facts
from analysis.message import Message, finding
from crds.service_entry import ServiceEntry
from crds.workload_entry import WorkloadEntry
from mesh import hosts
from mesh.egress import OWN
from mesh.exports import NOWHERE
from mesh.service_index import Services
from mesh.services import Service


def _run(facts: Facts) -> Iterator[Message]:
    services = facts.mesh.services
    for key, entry in facts.subjects(ServiceEntry):
        for index, host in enumerate(entry.hosts):
            found = services.at(hosts.resolve(host, key.namespace))
            for service in [each for each in found if each.in_kubernetes][:1]:
                # Of its own namespace, the entry is what clients see (istio-api.md S-4).
                near = service.namespace == key.namespace
                if not near and _is_private(entry):
                    continue
                where = "" if near else f" for clients outside of namespace {key.namespace}"
                yield finding(
                    codes.HOST_OF_A_SERVICE,
                    key,
                    f"spec.hosts[{index}]",
                    f"{service.key} has this host and wins{where}",
                    value=host,
                )
        for service in services.contributed.get(key, ()):
            yield from _other_protocols(services, service)
    for key, workload in facts.subjects(WorkloadEntry):
        if workload.labels and not services.selecting(key.namespace, workload.labels):
            yield finding(
                codes.UNUSED_WORKLOAD_ENTRY,
                key,
                "spec.labels",
                f"no service of namespace {key.namespace} selects these labels, so nothing is sent "
                "there",
                value=", ".join(f"{n}={value}" for n, value in sorted(workload.labels.items())),
            )


def _other_protocols(services: Services, service: Service) -> Iterator[Message]:
    """Ports at which another entry, which wins, says that the host speaks something else."""
    every = services.at(service.host)
    first = [
        other
        for other in every[: every.index(service)]
        if not other.in_kubernetes and _is_anywhere_both(services, service, other)
    ]
    for index, port in enumerate(service.ports):
        others = ((other, other.port(port.number)) for other in first)
        rivals = ((o, at) for o, at in others if at and at.protocol is not port.protocol)
        for other, known in list(rivals)[:1]:
            yield finding(
                istio_codes.CONFLICTING_SERVICE_ENTRY_PROTOCOL,
                service.key,
                f"spec.ports[{index}].protocol",
                f"{other.key} says that port {port.number} of {service.host} speaks "
                f"{known.protocol.value}, which counts",
                value=port.protocol.value,
            )


def _is_anywhere_both(services: Services, one: Service, other: Service) -> bool:
    """Whether any client sees both."""
    named = services.exports_of(one) | services.exports_of(other)
    places = {*named, one.namespace, other.namespace} - {OWN, NOWHERE}
    return any(
        services.is_visible(one, place) and services.is_visible(other, place) for place in places
    )


def _is_private(entry: ServiceEntry) -> bool:
    """Whether it is meant for its own namespace: to put another service in a Service's place."""
    return set(entry.export_to) == {OWN}


ENTRIES = Analyzer(
    name="entries",
    summary="ServiceEntries and WorkloadEntries without effect, or that others contradict.",
    codes=(
        codes.HOST_OF_A_SERVICE,
        codes.UNUSED_WORKLOAD_ENTRY,
        istio_codes.CONFLICTING_SERVICE_ENTRY_PROTOCOL,
    ),
    run=_run,
)
