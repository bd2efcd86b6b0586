"""ServiceEntry: a service of the mesh's registry that Kubernetes does not know."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from crds.fields import EMPTY, UInt32
from crds.meta import Meta
from crds.problem import Problem
from crds.workload_entry import WorkloadEntry


class Location(StrEnum):
    """Whether its workloads are part of the mesh."""

    MESH_EXTERNAL = "MESH_EXTERNAL"
    MESH_INTERNAL = "MESH_INTERNAL"


class Resolution(StrEnum):
    """How the proxy finds the addresses of the endpoints."""

    NONE = "NONE"
    STATIC = "STATIC"
    DNS = "DNS"
    DNS_ROUND_ROBIN = "DNS_ROUND_ROBIN"
    DYNAMIC_DNS = "DYNAMIC_DNS"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicePort:
    """`protocol` is a name such as HTTP, GRPC, TLS; `target_port` 0 means `number`."""

    number: UInt32 = 0
    protocol: str = ""
    name: str = ""
    target_port: UInt32 = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadSelector:
    """Pods and WorkloadEntries of the same namespace with all of these labels."""

    labels: Mapping[str, str] = EMPTY


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceEntry:
    """`addresses` are virtual IPs or CIDR blocks."""

    meta: Meta
    hosts: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    ports: tuple[ServicePort, ...] = ()
    location: Location = Location.MESH_EXTERNAL
    resolution: Resolution = Resolution.NONE
    endpoints: tuple[WorkloadEntry, ...] = ()
    workload_selector: WorkloadSelector | None = None
    export_to: tuple[str, ...] = ()
    subject_alt_names: tuple[str, ...] = ()


def check(service_entry: ServiceEntry) -> Iterator[Problem]:
    """What is wrong with it, as far as it can be told from it alone."""
    yield from ()
