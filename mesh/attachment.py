"""Which policies of security hold for a workload: those of its namespace and of the root namespace
that select it, or that name the gateway that it is (istio-api.md S-80, S-95). They add up: none
takes another's place.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from crds.meta import Label, Meta
from crds.selector import PolicyTargetReference, WorkloadSelector
from mesh.by_namespace import ByNamespace
from mesh.proxy import Proxy


class Attached(Protocol):
    """A policy, and what it says of whom it is for."""

    @property
    def meta(self) -> Meta:
        """Its metadata."""

    @property
    def selector(self) -> WorkloadSelector | None:
        """The labels of its workloads."""

    @property
    def target_ref(self) -> PolicyTargetReference | None:
        """The one object that it is for."""

    @property
    def target_refs(self) -> Sequence[PolicyTargetReference]:
        """The objects that it is for."""


Policy = TypeVar("Policy", bound=Attached)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """Whom a policy may be for."""

    namespace: str
    labels: Mapping[str, str]
    is_gateway: bool = False


def workload_of(proxy: Proxy) -> Workload:
    """The workload of a proxy."""
    return Workload(namespace=proxy.namespace, labels=proxy.labels, is_gateway=proxy.is_gateway)


def policies_for(
    policies: ByNamespace[Policy], root: str, workload: Workload
) -> tuple[Policy, ...]:
    """Those that hold for a workload, the oldest first."""
    return tuple(each for each in policies.of(root, workload.namespace) if holds(each, workload))


def holds(policy: Attached, workload: Workload) -> bool:
    """Whether a policy of the workload's namespace, or of the root namespace, is for it."""
    targets = targets_of(policy)
    if targets:
        return policy.meta.namespace == workload.namespace and any(
            names_gateway(each, workload) for each in targets
        )
    if policy.selector is None:
        return True
    return policy.selector.match_labels.items() <= workload.labels.items()


def targets_of(policy: Attached) -> tuple[PolicyTargetReference, ...]:
    """The objects that a policy names."""
    one = () if policy.target_ref is None else (policy.target_ref,)
    return (*one, *policy.target_refs)


def names_gateway(target: PolicyTargetReference, workload: Workload) -> bool:
    """Whether a workload is the gateway that a target names: its pods carry the name as a label.
    Services and ServiceEntries are targets of waypoints only.
    """
    named = workload.is_gateway and workload.labels.get(Label.GATEWAY_NAME) == target.name
    return named and (target.group, target.kind) == ("gateway.networking.k8s.io", "Gateway")
