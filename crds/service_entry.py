"""ServiceEntry: a service of the mesh's registry that Kubernetes does not know."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from crds import checks
from crds.fields import EMPTY, UInt32
from crds.meta import Meta
from crds.names import UNIX, is_ip
from crds.path import did_you_mean
from crds.problem import Problem, error, warning
from crds.workload_entry import WorkloadEntry, check_endpoint


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


MAX_HOSTS = 256
_HTTP = frozenset({"HTTP", "HTTP2", "GRPC", "GRPC-WEB", "GRPC_WEB", "HTTP_PROXY"})
_TLS = frozenset({"HTTPS", "TLS"})
_OTHER = frozenset({"", "TCP", "UDP", "MONGO", "MYSQL", "REDIS", "THRIFT", "HBONE"})
PROTOCOLS = _HTTP | _TLS | _OTHER
"""In upper case; any case is understood."""


def check(service_entry: ServiceEntry) -> Iterator[Problem]:
    """What is wrong with it, as far as it can be told from it alone."""
    yield from _check_hosts(service_entry)
    yield from _check_addresses(service_entry)
    yield from _check_ports(service_entry)
    yield from _check_endpoints(service_entry)
    yield from _check_resolution(service_entry)
    if service_entry.workload_selector is not None:
        labels = service_entry.workload_selector.labels
        yield from checks.labels("spec.workloadSelector.labels", labels)
    own = service_entry.meta.namespace
    yield from checks.export_to(service_entry.export_to, own, nobody=True)


def _check_hosts(entry: ServiceEntry) -> Iterator[Problem]:
    if not 1 <= len(entry.hosts) <= MAX_HOSTS:
        message = f"must name 1 to {MAX_HOSTS} hosts"
        yield error("no-hosts", "spec.hosts", message, len(entry.hosts))
    for index, host in enumerate(entry.hosts):
        path = f"spec.hosts[{index}]"
        if host == "*":
            yield error("bad-host", path, "must name a host, such as *.example.com", host)
        else:
            yield from checks.host(path, host)
    yield from checks.duplicates("spec.hosts", entry.hosts)
    differ = all(port.protocol.upper() in _HTTP | _TLS for port in entry.ports)
    if len(entry.hosts) > 1 and not differ and entry.resolution is not Resolution.NONE:
        message = "several hosts cannot be told apart on a TCP port: write one entry for each"
        yield error("bad-host", "spec.hosts", message)


def _check_addresses(entry: ServiceEntry) -> Iterator[Problem]:
    yield from checks.subnets("spec.addresses", entry.addresses)
    if entry.resolution in (Resolution.NONE, Resolution.STATIC):
        return
    for index, address in enumerate(entry.addresses):
        if "/" in address:
            message = "a CIDR block needs resolution NONE or STATIC: write single addresses"
            yield error("bad-address", f"spec.addresses[{index}]", message, address)


def _check_ports(entry: ServiceEntry) -> Iterator[Problem]:
    for index, port in enumerate(entry.ports):
        path = f"spec.ports[{index}]"
        yield from checks.port(f"{path}.number", port.number)
        yield from checks.port(f"{path}.targetPort", port.target_port, required=False)
        yield from checks.dns_label(f"{path}.name", port.name)
        if port.protocol.upper() not in PROTOCOLS:
            message = "is no protocol" + did_you_mean(port.protocol.upper(), PROTOCOLS)
            yield error("bad-protocol", f"{path}.protocol", message, port.protocol)
    yield from checks.duplicates(
        "spec.ports", [str(port.number) for port in entry.ports], ".number"
    )
    yield from checks.duplicates("spec.ports", [port.name for port in entry.ports], ".name")


def _check_endpoints(entry: ServiceEntry) -> Iterator[Problem]:
    names = {port.name for port in entry.ports}
    for index, endpoint in enumerate(entry.endpoints):
        path = f"spec.endpoints[{index}]"
        yield from check_endpoint(path, endpoint)
        for name in sorted(endpoint.ports.keys() - names):
            here = f'{path}.ports["{name}"]'
            yield error("unknown-port", here, "names no port of this entry", name)
        yield from _check_address(f"{path}.address", endpoint.address, entry.resolution)
    if entry.endpoints and entry.workload_selector is not None:
        message = "`endpoints` and `workloadSelector` exclude each other: keep one"
        yield error("one-of", "spec", message)


def _check_address(path: str, address: str, resolution: Resolution) -> Iterator[Problem]:
    is_unix = address.startswith(UNIX)
    if resolution is Resolution.STATIC and address and not (is_unix or is_ip(address)):
        message = "resolution STATIC needs an IP address: write one, or use DNS"
        yield error("bad-address", path, message, address)
    if resolution in (Resolution.DNS, Resolution.DNS_ROUND_ROBIN) and is_unix:
        message = "a unix socket needs resolution STATIC"
        yield error("bad-address", path, message, address)


def _check_resolution(entry: ServiceEntry) -> Iterator[Problem]:
    path = "spec.endpoints"
    count = len(entry.endpoints)
    match entry.resolution:
        case Resolution.NONE | Resolution.DYNAMIC_DNS if count:
            message = f"resolution {entry.resolution} has none: remove them, or use STATIC or DNS"
            yield error("bad-endpoints", path, message)
        case Resolution.DNS_ROUND_ROBIN if count > 1:
            message = "resolution DNS_ROUND_ROBIN takes one at most: use DNS for several"
            yield error("bad-endpoints", path, message, count)
        case Resolution.STATIC if not count and entry.workload_selector is None:
            message = "is missing: with resolution STATIC and no workloadSelector all requests fail"
            yield warning("no-endpoints", path, message)
    if entry.resolution is Resolution.DYNAMIC_DNS:
        yield from _check_dynamic(entry)
    elif entry.resolution in (Resolution.DNS, Resolution.DNS_ROUND_ROBIN) and not count:
        for index, host in enumerate(entry.hosts):
            if host.startswith("*") and entry.workload_selector is None:
                message = f"resolution {entry.resolution} without endpoints cannot look this up"
                yield error("bad-host", f"spec.hosts[{index}]", message, host)


def _check_dynamic(entry: ServiceEntry) -> Iterator[Problem]:
    if entry.addresses:
        message = "has no effect with resolution DYNAMIC_DNS, which looks each name up: remove it"
        yield warning("no-effect", "spec.addresses", message)
    for index, host in enumerate(entry.hosts):
        if not host.startswith("*"):
            message = "resolution DYNAMIC_DNS is for wildcard hosts: use DNS"
            yield error("bad-host", f"spec.hosts[{index}]", message, host)
    for index, port in enumerate(entry.ports):
        protocol = port.protocol.upper()
        if protocol not in _HTTP | _TLS:
            message = "resolution DYNAMIC_DNS needs HTTP, HTTP2, GRPC or TLS"
            yield error("bad-protocol", f"spec.ports[{index}].protocol", message, port.protocol)
        if protocol in _HTTP and port.target_port not in (0, port.number):
            message = "has no effect with resolution DYNAMIC_DNS: requests go to the port they name"
            yield warning("no-effect", f"spec.ports[{index}].targetPort", message, port.target_port)
