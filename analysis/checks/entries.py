"""ServiceEntries that a Service takes the host from, and WorkloadEntries that nobody selects."""

from collections.abc import Iterator

from analysis import analyzer_codes as codes
from analysis.analyzer import Analyzer
from analysis.facts import Facts
from analysis.message import Message, finding
from crds.service_entry import ServiceEntry
from crds.workload_entry import WorkloadEntry
from mesh import hosts
from mesh.egress import OWN


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


def _is_private(entry: ServiceEntry) -> bool:
    """Whether it is meant for its own namespace: to put another service in a Service's place."""
    return set(entry.export_to) == {OWN}


ENTRIES = Analyzer(
    name="entries",
    summary="ServiceEntries and WorkloadEntries without effect.",
    codes=(codes.HOST_OF_A_SERVICE, codes.UNUSED_WORKLOAD_ENTRY),
    run=_run,
)
