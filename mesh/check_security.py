"""What is wrong with a policy of security in its surroundings: one that another overrules, or that
nobody obeys.
"""

from collections.abc import Iterator

from crds.authorization_policy import Action, AuthorizationPolicy
from crds.meta import Key
from crds.problem import Problem, error, warning
from mesh.attachment import Attached, names_gateway, targets_of, workload_of
from mesh.authentication import shadowed
from mesh.mesh import Mesh

_TARGETS = (
    "no gateway pod of the namespace has the label gateway.networking.k8s.io/gateway-name with "
    "this name, and nothing else can be a target here, so nobody obeys the policy; use a selector"
)
_PROVIDERS = "cannot be asked yet, so what the rules match is refused; use DENY or ALLOW"


def check_security(mesh: Mesh, key: Key) -> Iterator[Problem]:
    """Everything that is wrong with a policy, if `key` is one."""
    if key in mesh.peer_authentications.objects:
        yield from _peer_authentication(mesh, key)
    elif (policy := mesh.authorization_policies.objects.get(key)) is not None:
        yield from _targets(mesh, policy)
        yield from _authorization_policy(policy)


def _peer_authentication(mesh: Mesh, key: Key) -> Iterator[Problem]:
    """Of two policies for the same workloads only the older one counts."""
    winner = dict(shadowed(mesh.peer_authentications, key.namespace)).get(key)
    if winner is not None:
        message = f"{winner} is for the same workloads and older, so this one has no effect"
        yield warning("shadowed-policy", "spec.selector", message)


def targeting(mesh: Mesh) -> Iterator[Key]:
    """The policies that name gateways, which may come and go."""
    for key, policy in mesh.authorization_policies.objects.items():
        if targets_of(policy):
            yield key


def _targets(mesh: Mesh, policy: Attached) -> Iterator[Problem]:
    """Targets that are no gateway: sidecars are none, in Istio neither."""
    namespace = policy.meta.namespace
    pods = [pod for pod in mesh.gateways.pods.values() if pod.namespace == namespace]
    for index, target in enumerate(targets_of(policy)):
        if not any(names_gateway(target, workload_of(pod)) for pod in pods):
            path = "spec.targetRef" if policy.target_ref else f"spec.targetRefs[{index}]"
            yield warning("unserved-target", f"{path}.name", _TARGETS, target.name)


def _authorization_policy(policy: AuthorizationPolicy) -> Iterator[Problem]:
    """Parts that no proxy obeys."""
    if policy.action is Action.CUSTOM and policy.provider is not None:
        yield error("provider-not-served", "spec.provider.name", _PROVIDERS, policy.provider.name)
