"""The parts of Kubernetes' own objects that are read; what is not named here is ignored without a
word.

Fields of `spec` and of `status` lie side by side, as in the other types.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from crds import checks
from crds.fields import EMPTY, Int32, wire
from crds.meta import Meta
from crds.names import is_ip
from crds.problem import Problem, error, warning


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicePort:
    """`target_port` absent means `port`; a name refers to the containers' ports."""

    name: str = ""
    protocol: str = "TCP"
    app_protocol: str = ""
    port: Int32 = 0
    target_port: int | str | None = None
    node_port: Int32 = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """`cluster_ip` is `None` (the word) for a headless service; an empty `selector` means that its
    endpoints come from elsewhere.
    """

    meta: Meta
    type: str = "ClusterIP"
    cluster_ip: str = field(default="", metadata=wire("clusterIP"))
    cluster_ips: tuple[str, ...] = field(default=(), metadata=wire("clusterIPs"))
    external_name: str = ""
    ports: tuple[ServicePort, ...] = ()
    selector: Mapping[str, str] = EMPTY
    publish_not_ready_addresses: bool = False

    @property
    def headless(self) -> bool:
        """Has no virtual IP by the user's choice."""
        return self.cluster_ip == "None"

    @property
    def addresses(self) -> tuple[str, ...]:
        """The virtual IPs, first the primary one."""
        given = self.cluster_ips or (self.cluster_ip,)
        return tuple(address for address in given if address and address != "None")


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointConditions:
    """Absent means ready and serving, not terminating, as Kubernetes says."""

    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectReference:
    """Names an object, by kind and name."""

    kind: str = ""
    namespace: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One endpoint of a slice; its `addresses` are the same endpoint's."""

    addresses: tuple[str, ...] = ()
    conditions: EndpointConditions = EndpointConditions()
    target_ref: ObjectReference | None = None
    node_name: str = ""
    zone: str = ""
    hostname: str = ""

    @property
    def ready(self) -> bool:
        """May get new traffic."""
        return self.conditions.ready is not False


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointPort:
    """`port` absent means all ports."""

    name: str = ""
    protocol: str = "TCP"
    app_protocol: str = ""
    port: Int32 | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointSlice:
    """Belongs to the Service that its label `kubernetes.io/service-name` names."""

    meta: Meta
    address_type: str = "IPv4"
    endpoints: tuple[Endpoint, ...] = ()
    ports: tuple[EndpointPort, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerPort:
    """A port that a container says it listens on."""

    name: str = ""
    container_port: Int32 = 0
    protocol: str = "TCP"


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """Its name, what it runs, and its ports for the names that Services refer to."""

    name: str = ""
    image: str = ""
    ports: tuple[ContainerPort, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PodCondition:
    """`status` is `True`, `False` or `Unknown`, in words."""

    type: str = ""
    status: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PodIP:
    """One of a pod's addresses."""

    ip: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """Where it runs, as whom, and how it is doing."""

    meta: Meta
    service_account_name: str = ""
    node_name: str = ""
    host_network: bool = False
    containers: tuple[Container, ...] = ()
    init_containers: tuple[Container, ...] = ()
    phase: str = ""
    pod_ip: str = field(default="", metadata=wire("podIP"))
    pod_ips: tuple[PodIP, ...] = field(default=(), metadata=wire("podIPs"))
    conditions: tuple[PodCondition, ...] = ()

    @property
    def service_account(self) -> str:
        """`default` if none is named, as Kubernetes fills in."""
        return self.service_account_name or "default"

    @property
    def ready(self) -> bool:
        """Its condition Ready is True."""
        return any(c.type == "Ready" and c.status == "True" for c in self.conditions)

    @property
    def addresses(self) -> tuple[str, ...]:
        """All addresses, first the primary one."""
        others = tuple(a.ip for a in self.pod_ips if a.ip and a.ip != self.pod_ip)
        return (self.pod_ip, *others) if self.pod_ip else others


@dataclass(frozen=True, slots=True, kw_only=True)
class Namespace:
    """Its labels decide on injection."""

    meta: Meta


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """Its labels hold the locality of its pods."""

    meta: Meta


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAccount:
    """Names an identity."""

    meta: Meta


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigMap:
    """Text by key."""

    meta: Meta
    data: Mapping[str, str] = EMPTY


def check(item: object) -> Iterator[Problem]:
    """What would make Envoy refuse what is built from it, had no API server checked it before."""
    match item:
        case Service():
            yield from _check_service(item)
        case EndpointSlice():
            yield from _check_slice(item)
        case Pod() if item.pod_ip and not is_ip(item.pod_ip):
            yield _bad_address("status.podIP", item.pod_ip)


def _check_service(service: Service) -> Iterator[Problem]:
    if service.type == "ExternalName":
        yield from checks.host(
            "spec.externalName", service.external_name.removesuffix("."), wildcard=False
        )
    for address in service.addresses:
        if not is_ip(address):
            yield _bad_address("spec.clusterIP", address)
    for index, port in enumerate(service.ports):
        path = f"spec.ports[{index}]"
        yield from checks.port(f"{path}.port", port.port)
        if isinstance(port.target_port, int):
            yield from checks.port(f"{path}.targetPort", port.target_port)
    yield from _check_numbers(service)


def _check_numbers(service: Service) -> Iterator[Problem]:
    seen: set[tuple[int, str]] = set()
    for index, port in enumerate(service.ports):
        number = (port.port, port.protocol or "TCP")
        if number in seen:
            message = "is given twice for one protocol, and only the first counts: keep one"
            yield warning("duplicate", f"spec.ports[{index}].port", message, port.port)
        seen.add(number)


def _check_slice(endpoint_slice: EndpointSlice) -> Iterator[Problem]:
    for index, port in enumerate(endpoint_slice.ports):
        if port.port is not None:
            yield from checks.port(f"ports[{index}].port", port.port)
    if endpoint_slice.address_type == "FQDN":
        return
    for index, endpoint in enumerate(endpoint_slice.endpoints):
        for address in endpoint.addresses:
            if not is_ip(address):
                yield _bad_address(f"endpoints[{index}].addresses", address)


def _bad_address(path: str, address: str) -> Problem:
    return error("bad-address", path, "is no IP address", address)
