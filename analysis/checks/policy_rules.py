"""Rules of AuthorizationPolicies that can never match, and policies that let nobody in."""

from collections.abc import Iterator

from analysis import analyzer_codes as codes
from analysis.analyzer import Analyzer
from analysis.facts import Facts
from analysis.message import Message, finding
from analysis.workloads import governed, proxies
from crds.authorization_policy import (
    Action,
    AuthorizationPolicy,
    Listed,
    Rule,
    is_dry_run,
    operation_fields,
    source_fields,
)
from crds.meta import Key
from mesh.attachment import policies_for, workload_of

_ANY = "*"


def _run(facts: Facts) -> Iterator[Message]:
    for key, policy in facts.subjects(AuthorizationPolicy):
        for index, rule in enumerate(policy.rules):
            yield from _impossible(key, f"spec.rules[{index}]", rule)
        if not policy.rules and policy.action is Action.ALLOW:
            yield from _nobody(facts, key, policy)


def _impossible(key: Key, path: str, rule: Rule) -> Iterator[Message]:
    for index, each in enumerate(rule.from_):
        for field in source_fields(each.source) if each.source else ():
            yield from _contradictory(key, f"{path}.from[{index}].source", field)
    for index, to in enumerate(rule.to):
        here = f"{path}.to[{index}].operation"
        for field in operation_fields(to.operation) if to.operation else ():
            yield from _contradictory(key, here, field)
            yield from _misspelt(key, here, field)


def _contradictory(key: Key, path: str, field: Listed) -> Iterator[Message]:
    excluded = set(field.not_values)
    if field.values and (_ANY in excluded or set(field.values) <= excluded):
        text = (
            f"{field.not_name} excludes all that {field.name} asks for, so the rule never matches"
        )
        yield finding(
            codes.RULE_NEVER_MATCHES,
            key,
            f"{path}.{field.not_name}",
            text,
            remedy=f"Take out of {field.not_name} what {field.name} is to match.",
        )


def _misspelt(key: Key, path: str, field: Listed) -> Iterator[Message]:
    """Values that no request has."""
    for name, values in ((field.name, field.values), (field.not_name, field.not_values)):
        for index, value in enumerate(values):
            right = _right(field.name, value)
            if right is not None:
                yield finding(
                    codes.RULE_NEVER_MATCHES,
                    key,
                    f"{path}.{name}[{index}]",
                    "no request has this, so it never matches",
                    value=value,
                    remedy=f"Write {right}.",
                )


def _right(field: str, value: str) -> str | None:
    if field == "methods" and value != value.upper():
        return f"{value.upper()}: methods are in upper case"
    if field == "paths" and not value.startswith(("/", _ANY)):
        return f"/{value}: a path begins with /"
    return None


def _nobody(facts: Facts, key: Key, policy: AuthorizationPolicy) -> Iterator[Message]:
    """Of certain pods only: for a whole namespace it is the way to begin with nothing allowed."""
    if policy.selector is None or not policy.selector.match_labels or is_dry_run(policy):
        return
    mesh = facts.mesh
    root = mesh.config.root_namespace
    for pod in proxies(facts, governed(facts, policy)):
        others = policies_for(mesh.authorization_policies, root, workload_of(pod))
        if not any(each.action is Action.ALLOW and each.rules for each in others):
            text = f"nobody may call the pods that this is for, such as {pod.name}"
            yield finding(codes.NOBODY_IS_ALLOWED, key, "spec.selector", text)
            return


POLICY_RULES = Analyzer(
    name="policy-rules",
    summary="Rules of AuthorizationPolicies that never match, and policies that allow nobody.",
    codes=(codes.RULE_NEVER_MATCHES, codes.NOBODY_IS_ALLOWED),
    run=_run,
)
