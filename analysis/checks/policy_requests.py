"""What an AuthorizationPolicy asks of requests, and where the pods that it is for cannot know it:
on ports that speak TCP (istio-api.md S-92), or of tokens that nobody verifies (S-98).
"""

from collections.abc import Iterable, Iterator

from analysis import analyzer_codes as codes
from analysis.analyzer import Analyzer
from analysis.facts import Facts
from analysis.message import Message, finding
from analysis.workloads import governed, proxies
from crds.authorization_policy import (
    Action,
    AuthorizationPolicy,
    Rule,
    operation_fields,
    source_fields,
)
from crds.condition import asked
from crds.meta import Key
from mesh.attachment import policies_for, workload_of
from mesh.inbound import InboundPort, inbound_ports
from mesh.mesh import Mesh
from mesh.proxy import Proxy
from mesh.services import Protocol

_OF_HTTP = frozenset({"hosts", "methods", "paths", "requestPrincipals"})
_ALLOWS_NOTHING = (
    "only HTTP has this, and the pods' ports speak TCP, so the rule is left out there and allows "
    "nothing"
)
_NO_TOKENS = "no token is verified at these pods, so no caller has this: {}"
_OUTCOMES = {
    Action.ALLOW: "the rule allows nobody who has to have it",
    Action.DENY: "the rule denies nobody who has to have it, and everybody who must not have it",
}


class _Ports:
    """The ports at which pods take calls; looked up once for all policies."""

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh
        self._known: dict[tuple[str, str], tuple[InboundPort, ...]] = {}

    def of(self, pod: Proxy) -> tuple[InboundPort, ...]:
        """Those of a sidecar's pod: what a gateway listens on is for Gateways to say."""
        name = (pod.namespace, pod.name)
        if name not in self._known:
            self._known[name] = () if pod.is_gateway else inbound_ports(self._mesh, pod)
        return self._known[name]


def _run(facts: Facts) -> Iterator[Message]:
    known = _Ports(facts.mesh)
    for key, policy in facts.subjects(AuthorizationPolicy):
        fields = [(i, tuple(_fields(i, rule))) for i, rule in enumerate(policy.rules)]
        if any(each for _, each in fields):
            pods = proxies(facts, governed(facts, policy))
            yield from _on_tcp(known, key, policy, pods)
            yield from _of_tokens(facts.mesh, key, policy, pods)


def _fields(index: int, rule: Rule) -> Iterator[tuple[str, bool]]:
    """The fields of a rule that only HTTP has, and whether each is of tokens."""
    path = f"spec.rules[{index}]"
    for number, each in enumerate(rule.from_):
        for field in source_fields(each.source) if each.source else ():
            if field.name in _OF_HTTP:
                name = field.name if field.values else field.not_name
                yield f"{path}.from[{number}].source.{name}", True
    for number, to in enumerate(rule.to):
        for field in operation_fields(to.operation) if to.operation else ():
            if field.name in _OF_HTTP:
                name = field.name if field.values else field.not_name
                yield f"{path}.to[{number}].operation.{name}", False
    for number, condition in enumerate(rule.when):
        known = asked(condition.key)
        if known is not None and known.attribute.of_requests:
            of_tokens = condition.key.startswith("request.auth.")
            yield f"{path}.when[{number}].key", of_tokens


def _on_tcp(
    known: _Ports, key: Key, policy: AuthorizationPolicy, pods: Iterable[Proxy]
) -> Iterator[Message]:
    if policy.action is not Action.ALLOW:
        return  # what others do on TCP is told of by the rule itself
    ports = [port for pod in pods for port in known.of(pod)]
    for index, rule in enumerate(policy.rules):
        meant = _meant(rule, ports)
        path = next((path for path, _ in _fields(index, rule)), "")
        if path and meant and all(_is_tcp(port) for port in meant):
            yield finding(codes.REQUEST_FIELDS_ON_TCP, key, path, _ALLOWS_NOTHING)


def _meant(rule: Rule, ports: Iterable[InboundPort]) -> list[InboundPort]:
    """The ports that a rule may be about."""
    named = {port for to in rule.to if to.operation for port in to.operation.ports}
    return [port for port in ports if not named or str(port.number) in named]


def _is_tcp(port: InboundPort) -> bool:
    return not port.protocol.is_http and port.protocol is not Protocol.UNSPECIFIED


def _of_tokens(
    mesh: Mesh, key: Key, policy: AuthorizationPolicy, pods: tuple[Proxy, ...]
) -> Iterator[Message]:
    if not pods or policy.action not in _OUTCOMES or any(_verifies(mesh, pod) for pod in pods):
        return
    text = _NO_TOKENS.format(_OUTCOMES[policy.action])
    for index, rule in enumerate(policy.rules):
        for path in [path for path, of_tokens in _fields(index, rule) if of_tokens][:1]:
            yield finding(codes.TOKENS_NOT_VERIFIED, key, path, text)


def _verifies(mesh: Mesh, pod: Proxy) -> bool:
    policies, root = mesh.request_authentications.policies, mesh.config.root_namespace
    return any(each.jwt_rules for each in policies_for(policies, root, workload_of(pod)))


POLICY_REQUESTS = Analyzer(
    name="policy-requests",
    summary="AuthorizationPolicies that ask for what the pods cannot know.",
    codes=(codes.REQUEST_FIELDS_ON_TCP, codes.TOKENS_NOT_VERIFIED),
    run=_run,
)
