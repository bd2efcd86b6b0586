"""AuthorizationPolicies by namespace, and those that hold for a workload (istio-api.md S-80, S-95).

Policies of the root namespace hold everywhere, with a selector for the workloads that it selects;
others hold in their own namespace. All of them add up: none takes another's place.
"""

from collections.abc import Mapping

from crds.authorization_policy import AuthorizationPolicy
from mesh.by_namespace import ByNamespace

AuthorizationPolicies = ByNamespace[AuthorizationPolicy]


def policies_for(
    policies: AuthorizationPolicies, root: str, namespace: str, labels: Mapping[str, str]
) -> tuple[AuthorizationPolicy, ...]:
    """Those that hold for a workload, the oldest first. Those that name targets are for gateways
    and waypoints.
    """
    return tuple(each for each in policies.of(root, namespace) if _holds(each, labels))


def _holds(policy: AuthorizationPolicy, labels: Mapping[str, str]) -> bool:
    if policy.target_ref is not None or policy.target_refs:
        return False
    if policy.selector is None:
        return True
    return policy.selector.match_labels.items() <= labels.items()
