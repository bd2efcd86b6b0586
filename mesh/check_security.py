"""What is wrong with a policy of security in its surroundings: one that another overrules, or that
nobody obeys.
"""

from collections.abc import Iterator

from crds.authorization_policy import Action, AuthorizationPolicy
from crds.meta import Key
from crds.problem import Problem, error, warning
from mesh.authentication import shadowed
from mesh.mesh import Mesh

_TARGETS = (
    "sidecars are no target: this is for gateways and waypoints of the Gateway API, so nobody "
    "obeys the policy; use a selector"
)
_PROVIDERS = "cannot be asked yet, so what the rules match is refused; use DENY or ALLOW"


def check_security(mesh: Mesh, key: Key) -> Iterator[Problem]:
    """Everything that is wrong with a policy, if `key` is one."""
    if key in mesh.peer_authentications.objects:
        yield from _peer_authentication(mesh, key)
    elif (policy := mesh.authorization_policies.objects.get(key)) is not None:
        yield from _authorization_policy(policy)


def _peer_authentication(mesh: Mesh, key: Key) -> Iterator[Problem]:
    """Of two policies for the same workloads only the older one counts."""
    winner = dict(shadowed(mesh.peer_authentications, key.namespace)).get(key)
    if winner is not None:
        message = f"{winner} is for the same workloads and older, so this one has no effect"
        yield warning("shadowed-policy", "spec.selector", message)


def _authorization_policy(policy: AuthorizationPolicy) -> Iterator[Problem]:
    """Parts that no sidecar obeys."""
    if policy.target_ref is not None or policy.target_refs:
        path = "spec.targetRef" if policy.target_ref else "spec.targetRefs"
        yield warning("unserved-target", path, _TARGETS)
    if policy.action is Action.CUSTOM and policy.provider is not None:
        yield error("provider-not-served", "spec.provider.name", _PROVIDERS, policy.provider.name)
