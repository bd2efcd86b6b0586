"""What is wrong with a policy of security in its surroundings: one that another overrules, or that
nobody obeys.
"""

from collections.abc import Iterator, Mapping

from crds.authorization_policy import Action, AuthorizationPolicy
from crds.jwks import Unusable, Uri, keys_of
from crds.meta import Key
from crds.problem import Problem, error, warning
from crds.request_authentication import RequestAuthentication
from mesh import hosts
from mesh.attachment import Attached, names_gateway, targets_of, workload_of
from mesh.authentication import shadowed
from mesh.check_plaintext import check_plaintext
from mesh.mesh import Mesh
from mesh.providers import Unaskable, provider, speaks_grpc
from mesh.request_authentications import named

_TARGETS = (
    "no gateway pod of the namespace has the label gateway.networking.k8s.io/gateway-name with "
    "this name, and nothing else can be a target here, so nobody obeys the policy; use a selector"
)
_NO_TOKEN = "no token of this issuer is valid"
_IN_CLUSTER = f".svc.{hosts.DOMAIN}"
_NOT_GRPC = (
    "is asked in gRPC, and the port of its service is not for that, so it will hardly answer; "
    "begin the name of the port with grpc"
)


def check_security(mesh: Mesh, key: Key) -> Iterator[Problem]:
    """Everything that is wrong with a policy, if `key` is one."""
    if key in mesh.peer_authentications.objects:
        yield from _peer_authentication(mesh, key)
    elif (policy := mesh.authorization_policies.objects.get(key)) is not None:
        yield from _targets(mesh, policy)
        yield from _provider(mesh, policy)
        yield from check_plaintext(mesh, policy)
    elif (tokens := mesh.request_authentications.policies.objects.get(key)) is not None:
        yield from _targets(mesh, tokens)
        yield from _keys(mesh, tokens)


def _peer_authentication(mesh: Mesh, key: Key) -> Iterator[Problem]:
    """Of two policies for the same workloads only the older one counts."""
    winner = dict(shadowed(mesh.peer_authentications, key.namespace)).get(key)
    if winner is not None:
        message = f"{winner} is for the same workloads and older, so this one has no effect"
        yield warning("shadowed-policy", "spec.selector", message)


def targeting(mesh: Mesh) -> Iterator[Key]:
    """The policies that name gateways, which may come and go."""
    policies: Mapping[Key, Attached] = {
        **mesh.authorization_policies.objects,
        **mesh.request_authentications.policies.objects,
    }
    yield from (key for key, policy in policies.items() if targets_of(policy))


def asking(mesh: Mesh) -> Iterator[Key]:
    """The policies that ask a provider, which may come and go."""
    for key, policy in mesh.authorization_policies.objects.items():
        if policy.action is Action.CUSTOM:
            yield key


def _targets(mesh: Mesh, policy: Attached) -> Iterator[Problem]:
    """Targets that are no gateway: sidecars are none, in Istio neither."""
    namespace = policy.meta.namespace
    pods = [pod for pod in mesh.gateways.pods.values() if pod.namespace == namespace]
    for index, target in enumerate(targets_of(policy)):
        if not any(names_gateway(target, workload_of(pod)) for pod in pods):
            path = "spec.targetRef" if policy.target_ref else f"spec.targetRefs[{index}]"
            yield warning("unserved-target", f"{path}.name", _TARGETS, target.name)


def _keys(mesh: Mesh, policy: RequestAuthentication) -> Iterator[Problem]:
    """Keys that are not there. Only the tokens of that issuer suffer: the policy itself holds."""
    for index, rule in enumerate(policy.jwt_rules):
        path, keys = f"spec.jwtRules[{index}]", keys_of(rule)
        if isinstance(keys, Unusable):
            where = f"{path}.{keys.field}" if keys.field else path
            yield error(keys.code, where, f"{keys.message}; until then {_NO_TOKEN}", keys.value)
        elif isinstance(keys, Uri):
            yield from _address(mesh, policy, f"{path}.jwksUri", keys)
        elif keys.skipped:
            listed = ", ".join(f"keys[{n}]" for n in keys.skipped)
            message = f"cannot be used, so tokens signed with them are not valid: {listed}"
            yield warning("skipped-key", f"{path}.jwks", message)


def _address(mesh: Mesh, policy: RequestAuthentication, path: str, uri: Uri) -> Iterator[Problem]:
    """An address in the cluster that is no service's. Others are for Envoy to look up."""
    known = [s for h in named(uri, policy.meta.namespace) for s in mesh.services.at(h)]
    if known and not any(service.port(uri.port) for service in known):
        ports = ", ".join(str(port.number) for port in known[0].ports)
        message = f"the service has no port {uri.port}, so {_NO_TOKEN}; name one of {ports}"
        yield error("unknown-port", path, message, uri.text)
    elif not known and ("." not in uri.host or uri.host.endswith(_IN_CLUSTER)):
        message = f"no service has this host, so {_NO_TOKEN}; check the name and the namespace"
        yield error("unknown-host", path, message, uri.text)


def _provider(mesh: Mesh, policy: AuthorizationPolicy) -> Iterator[Problem]:
    """A provider that cannot be asked."""
    if policy.action is not Action.CUSTOM or policy.provider is None:
        return
    path, name = "spec.provider.name", policy.provider.name
    found = provider(mesh, name)
    if isinstance(found, Unaskable):
        message = f"{found.reason}, so what the rules match is refused; mend the provider"
        yield error("unusable-provider", path, message, name)
    elif not speaks_grpc(mesh, found):
        yield warning("provider-protocol", path, _NOT_GRPC, name)
