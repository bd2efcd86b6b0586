"""A proxy as configuration sees it: only what may change which parts it selects. Connections and
nonces belong to xds/.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from crds.core import Pod
from crds.meta import PER_POD_LABELS, Annotation
from mesh.endpoints import NOWHERE, Locality


class Mode(StrEnum):
    """How traffic gets into the sidecar, by Istio's names."""

    REDIRECT = "REDIRECT"
    """iptables redirect it: applications notice nothing."""
    NONE = "NONE"
    """Proxy-port mode: applications call the sidecar's HTTP proxy port; endpoints name the
    sidecar's inbound port.
    """


class Role(StrEnum):
    """What a proxy is there for, by Istio's node types."""

    SIDECAR = "sidecar"
    """Takes part in all traffic of the pod's own applications."""
    ROUTER = "router"
    """A gateway: takes what comes from outside, by the Gateways that select its pod."""


GATEWAY_TEMPLATE = "gateway"
"""The injection template of a gateway."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """One sidecar or gateway. `address` is set in proxy-port mode only, where listeners bind to the
    pod's own address. `ipv6`: elsewhere, the pod has an IPv6 address, which traffic may come from
    and go to. `draining`: its pod is about to end, so nobody should stay connected to it. `dns`: of
    which version of IP its applications' questions for addresses come to it, 0 if none do.
    """

    namespace: str
    name: str
    labels: Mapping[str, str]
    service_account: str
    mode: Mode = Mode.REDIRECT
    address: str = ""
    ipv6: bool = False
    named_ports: tuple[tuple[str, int], ...] = ()
    locality: Locality = NOWHERE
    node: str = ""
    role: Role = Role.SIDECAR
    draining: bool = False
    dns: int = 0

    @property
    def is_gateway(self) -> bool:
        """Whether it serves Gateways."""
        return self.role is Role.ROUTER


def mode_of(pod: Pod) -> Mode:
    """The interception mode that the pod was injected with."""
    return (
        Mode.NONE
        if pod.meta.annotations.get(Annotation.INTERCEPTION_MODE) == Mode.NONE
        else Mode.REDIRECT
    )


def role_of(pod: Pod) -> Role:
    """The role that the pod was injected for."""
    templates = pod.meta.annotations.get(Annotation.TEMPLATES, "").split(",")
    named = {name.strip() for name in templates}
    return Role.ROUTER if GATEWAY_TEMPLATE in named else Role.SIDECAR


def is_injected(pod: Pod) -> bool:
    """Whether the pod has a sidecar."""
    return Annotation.STATUS in pod.meta.annotations


def dns_of(pod: Pod) -> int:
    """Of which version of IP the pod's questions for addresses are led to its sidecar: that of its
    first address; 0 if none are.
    """
    captured = pod.meta.annotations.get(Annotation.DNS_CAPTURE) == "true"
    if not captured or mode_of(pod) is Mode.NONE or role_of(pod) is Role.ROUTER:
        return 0
    return 6 if any(":" in address for address in pod.addresses[:1]) else 4


def proxy_from(pod: Pod, locality: Locality = NOWHERE) -> Proxy:
    """The proxy of an injected pod, from the Pod object: what the node says of itself is never
    read.
    """
    mode = mode_of(pod)
    labels = {k: v for k, v in sorted(pod.meta.labels.items()) if k not in PER_POD_LABELS}
    containers = (*pod.init_containers, *pod.containers)
    ports = {(p.name, p.container_port) for c in containers for p in c.ports if p.name}
    return Proxy(
        namespace=pod.meta.namespace,
        name=pod.meta.name,
        labels=MappingProxyType(labels),
        service_account=pod.service_account,
        mode=mode,
        address=pod.pod_ip if mode is Mode.NONE else "",
        ipv6=mode is Mode.REDIRECT and any(":" in address for address in pod.addresses),
        named_ports=tuple(sorted(ports)),
        locality=locality,
        node=pod.node_name,
        role=role_of(pod),
        draining=bool(pod.meta.deleted),
        dns=dns_of(pod),
    )
