"""The kinds that are read: one table. A new CRD is one file, one line here, one case in `check`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from crds import (
    authorization_policy,
    core,
    destination_rule,
    gateway,
    peer_authentication,
    request_authentication,
    service_entry,
    sidecar,
    virtual_service,
    workload_entry,
    workload_group,
)
from crds.authorization_policy import AuthorizationPolicy
from crds.core import (
    ConfigMap,
    EndpointSlice,
    Namespace,
    Node,
    Pod,
    Service,
    ServiceAccount,
)
from crds.destination_rule import DestinationRule
from crds.gateway import Gateway
from crds.peer_authentication import PeerAuthentication
from crds.problem import Problem
from crds.request_authentication import RequestAuthentication
from crds.secret import Secret
from crds.service_entry import ServiceEntry
from crds.sidecar import Sidecar
from crds.virtual_service import VirtualService
from crds.workload_entry import WorkloadEntry
from crds.workload_group import WorkloadGroup

Object = (
    VirtualService
    | DestinationRule
    | ServiceEntry
    | WorkloadEntry
    | WorkloadGroup
    | Gateway
    | Secret
    | Sidecar
    | PeerAuthentication
    | AuthorizationPolicy
    | RequestAuthentication
    | Service
    | EndpointSlice
    | Pod
    | Namespace
    | Node
    | ServiceAccount
    | ConfigMap
)


@dataclass(frozen=True, slots=True)
class Kind:
    """`sections` are where an object's fields lie (`""`: at the top); `partial`: other fields
    exist; `secret`: no value of it may be shown.
    """

    type: type[Object]
    versions: tuple[str, ...]
    sections: tuple[str, ...] = ("spec",)
    partial: bool = True
    namespaced: bool = True
    secret: bool = False


NETWORKING = "networking.istio.io"
SECURITY = "security.istio.io"
ISTIO_VERSIONS = ("v1", "v1beta1", "v1alpha3")
SECURITY_VERSIONS = ("v1", "v1beta1")


def _istio(cls: type[Object]) -> Kind:
    return Kind(cls, ISTIO_VERSIONS, partial=False)


def _security(cls: type[Object]) -> Kind:
    return Kind(cls, SECURITY_VERSIONS, partial=False)


KINDS: Mapping[tuple[str, str], Kind] = {
    (NETWORKING, "VirtualService"): _istio(VirtualService),
    (NETWORKING, "DestinationRule"): _istio(DestinationRule),
    (NETWORKING, "ServiceEntry"): _istio(ServiceEntry),
    (NETWORKING, "WorkloadEntry"): _istio(WorkloadEntry),
    (NETWORKING, "WorkloadGroup"): _istio(WorkloadGroup),
    (NETWORKING, "Gateway"): _istio(Gateway),
    ("", "Secret"): Kind(Secret, ("v1",), ("",), secret=True),
    (NETWORKING, "Sidecar"): _istio(Sidecar),
    (SECURITY, "PeerAuthentication"): _security(PeerAuthentication),
    (SECURITY, "AuthorizationPolicy"): _security(AuthorizationPolicy),
    (SECURITY, "RequestAuthentication"): _security(RequestAuthentication),
    ("", "Service"): Kind(Service, ("v1",)),
    ("discovery.k8s.io", "EndpointSlice"): Kind(EndpointSlice, ("v1",), ("",)),
    ("", "Pod"): Kind(Pod, ("v1",), ("spec", "status")),
    ("", "Namespace"): Kind(Namespace, ("v1",), (), namespaced=False),
    ("", "Node"): Kind(Node, ("v1",), (), namespaced=False),
    ("", "ServiceAccount"): Kind(ServiceAccount, ("v1",), ()),
    ("", "ConfigMap"): Kind(ConfigMap, ("v1",), ("",)),
}


def plural(kind: str) -> str:
    """The name of a kind in the paths of an API: `serviceentries`, `gateways`."""
    name = kind.lower()
    return f"{name[:-1]}ies" if name.endswith(("ry", "cy")) else f"{name}s"


WORKLOADS = frozenset(
    ("apps", kind) for kind in ("DaemonSet", "Deployment", "ReplicaSet", "StatefulSet")
)
"""Kinds that pods are made from: not decoded here, but nobody's objects without effect either."""

CLUSTER_SCOPED = frozenset(
    {
        "APIService",
        "ClusterRole",
        "ClusterRoleBinding",
        "ClusterTrustBundle",
        "CustomResourceDefinition",
        "GatewayClass",
        "IngressClass",
        "MutatingWebhookConfiguration",
        "Namespace",
        "Node",
        "PersistentVolume",
        "PriorityClass",
        "RuntimeClass",
        "StorageClass",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
    }
)
"""Kinds without a namespace; any other kind that names none is in `default`, as `kubectl` has it.
"""


def check(item: Object) -> Iterator[Problem]:
    """What is wrong with one object, as far as it can be told from it alone."""
    match item:
        case VirtualService():
            return virtual_service.check(item)
        case DestinationRule():
            return destination_rule.check(item)
        case ServiceEntry():
            return service_entry.check(item)
        case WorkloadEntry():
            return workload_entry.check(item)
        case WorkloadGroup():
            return workload_group.check(item)
        case Gateway():
            return gateway.check(item)
        case Sidecar():
            return sidecar.check(item)
        case PeerAuthentication() | AuthorizationPolicy() | RequestAuthentication():
            return _check_policy(item)
        case _:
            return core.check(item)


def _check_policy(
    item: PeerAuthentication | AuthorizationPolicy | RequestAuthentication,
) -> Iterator[Problem]:
    match item:
        case PeerAuthentication():
            return peer_authentication.check(item)
        case AuthorizationPolicy():
            return authorization_policy.check(item)
        case _:
            return request_authentication.check(item)
