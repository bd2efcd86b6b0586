"""Policies as Envoy's RBAC rules, for HTTP and for TCP (istio-api.md 3.7).

TCP has no requests to look at. An ALLOW rule that asks for one is left out, so that it allows
nothing; of a DENY rule only that question is left out, so that it denies more. Both are closed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from envoy.config.rbac.v3.rbac_pb2 import RBAC, Permission, Policy, Principal

from crds.authorization_policy import (
    Action,
    AuthorizationPolicy,
    Condition,
    Listed,
    Rule,
    operation_fields,
    source_fields,
)
from crds.condition import Asked, asked
from translator.authorization import permissions, principals

_OF_REQUESTS = frozenset({"requestPrincipals", "hosts", "methods", "paths"})
"""Fields that only HTTP has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What a policy is compiled for: HTTP or not, and the names of the mesh's trust domain.
    `offset`: callers arrive at a port that is this much higher than the workload's own.
    """

    http: bool
    domains: tuple[str, ...]
    offset: int = 0


def rbac(
    policies: Sequence[AuthorizationPolicy],
    action: "RBAC.Action.ValueType",
    side: Side,
    *,
    before: str = "",
    after: str = "",
) -> RBAC:
    """The rules of policies of one action; each keeps the name that Istio gives it (S-96), with
    what is to stand before and after it.
    """
    made = RBAC(action=action)
    for policy in policies:
        own = policy.meta
        for index, rule in enumerate(policy.rules):
            compiled = _rule(rule, policy, side)
            if compiled is not None:
                name = f"{before}ns[{own.namespace}]-policy[{own.name}]-rule[{index}]{after}"
                made.policies[name].CopyFrom(compiled)
    return made


def _rule(rule: Rule, policy: AuthorizationPolicy, side: Side) -> Policy | None:
    if not side.http and policy.action is Action.ALLOW and _asks_for_requests(rule):
        return None
    namespace, refuses = policy.meta.namespace, policy.action is not Action.ALLOW
    callers: list[Principal] = []
    called: list[Permission] = []
    for known, each in _conditions(rule, side):
        if permissions.is_permission(known):
            called += permissions.conditions(known, each.values, each.not_values, side.offset)
        else:
            callers += principals.conditions(
                known,
                each.values,
                each.not_values,
                namespace,
                side.domains,
                refuses=refuses,
            )
    sources = [
        principals.source(_kept(source_fields(each.source), side), namespace, side.domains)
        for each in rule.from_
        if each.source is not None
    ]
    operations = [
        permissions.operation(
            _kept(operation_fields(each.operation), side), side.offset, refuses=refuses
        )
        for each in rule.to
        if each.operation is not None
    ]
    return Policy(
        permissions=[
            permissions.together(each, called) for each in operations or [permissions.ANYTHING]
        ],
        principals=[principals.together(each, callers) for each in sources or [principals.ANYBODY]],
    )


def _conditions(rule: Rule, side: Side) -> Iterator[tuple[Asked, Condition]]:
    for each in rule.when:
        known = asked(each.key)
        if known is not None and (side.http or not known.attribute.of_requests):
            yield known, each


def _kept(fields: Sequence[Listed], side: Side) -> list[Listed]:
    return [each for each in fields if side.http or each.name not in _OF_REQUESTS]


def _asks_for_requests(rule: Rule) -> bool:
    sources = (f for each in rule.from_ if each.source for f in source_fields(each.source))
    operations = (f for each in rule.to if each.operation for f in operation_fields(each.operation))
    attributes = (asked(each.key) for each in rule.when)
    return any(field.name in _OF_REQUESTS for field in (*sources, *operations)) or any(
        known is not None and known.attribute.of_requests for known in attributes
    )
