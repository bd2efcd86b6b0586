"""AuthorizationPolicy: who may call a workload, and how."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from crds import checks
from crds.condition import (
    asked,
    faults,
    ip_fault,
    key_fault,
    port_fault,
    service_account_fault,
    trust_domain_fault,
    value_fault,
)
from crds.meta import Annotation, Meta
from crds.path_template import path_fault
from crds.problem import Problem, error, warning
from crds.selector import (
    PolicyTargetReference,
    WorkloadSelector,
    check_selector,
    check_targets,
)


class Action(StrEnum):
    """What is done with a request that a rule matches."""

    ALLOW = "ALLOW"
    DENY = "DENY"
    AUDIT = "AUDIT"
    CUSTOM = "CUSTOM"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtensionProvider:
    """Of MeshConfig's `extensionProviders`."""

    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Who calls: all that are given must hold."""

    principals: tuple[str, ...] = ()
    not_principals: tuple[str, ...] = ()
    request_principals: tuple[str, ...] = ()
    not_request_principals: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    not_namespaces: tuple[str, ...] = ()
    service_accounts: tuple[str, ...] = ()
    not_service_accounts: tuple[str, ...] = ()
    ip_blocks: tuple[str, ...] = ()
    not_ip_blocks: tuple[str, ...] = ()
    remote_ip_blocks: tuple[str, ...] = ()
    not_remote_ip_blocks: tuple[str, ...] = ()
    trust_domains: tuple[str, ...] = ()
    not_trust_domains: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class From:
    """One of the possible sources."""

    source: Source | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What is called: all that are given must hold."""

    hosts: tuple[str, ...] = ()
    not_hosts: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    not_ports: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    not_methods: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    not_paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class To:
    """One of the possible operations."""

    operation: Operation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """An attribute that has one of `values` and none of `not_values`."""

    key: str = ""
    values: tuple[str, ...] = ()
    not_values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Matches what comes from one of `from`, does one of `to`, and meets every `when`."""

    from_: tuple[From, ...] = ()
    to: tuple[To, ...] = ()
    when: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationPolicy:
    """Without rules it matches nothing: an ALLOW of nothing denies everything."""

    meta: Meta
    selector: WorkloadSelector | None = None
    target_ref: PolicyTargetReference | None = None
    target_refs: tuple[PolicyTargetReference, ...] = ()
    rules: tuple[Rule, ...] = ()
    action: Action = Action.ALLOW
    provider: ExtensionProvider | None = None


def is_dry_run(policy: AuthorizationPolicy) -> bool:
    """Whether a policy is only rehearsed. CUSTOM and AUDIT cannot be."""
    wanted = policy.meta.annotations.get(Annotation.DRY_RUN, "").lower() in ("true", "1", "t")
    return wanted and policy.action in (Action.ALLOW, Action.DENY)


MAX_RULES = 512
MAX_ACCOUNTS = 16
Check = Callable[[str], str | None]
_ON_TCP = {
    Action.DENY: "denies everything",
    Action.CUSTOM: "asks about every connection, and denies it if the provider is an HTTP one",
}
_OF_PEERS = frozenset(
    {"principals", "namespaces", "serviceAccounts", "trustDomains", "requestPrincipals"}
)
"""What an external authorizer is asked before: a CUSTOM rule can say nothing of them."""


def check(policy: AuthorizationPolicy) -> Iterator[Problem]:
    """What is wrong with it, as far as it can be told from it alone."""
    yield from check_targets(policy.selector, policy.target_ref, policy.target_refs)
    yield from check_selector(policy.selector)
    yield from _check_provider(policy)
    if not policy.rules and policy.action in (Action.DENY, Action.CUSTOM):
        message = f"{policy.action} needs rules: without any it would match nothing"
        yield error("no-rules", "spec.rules", message)
    yield from checks.at_most("spec.rules", len(policy.rules), MAX_RULES)
    for index, rule in enumerate(policy.rules):
        yield from _check_rule(f"spec.rules[{index}]", rule, policy.action)


def _check_provider(policy: AuthorizationPolicy) -> Iterator[Problem]:
    if policy.action is Action.CUSTOM:
        if policy.provider is None or not policy.provider.name:
            message = "is missing: CUSTOM needs the name of one of MeshConfig's extensionProviders"
            yield error("missing", "spec.provider.name", message)
    elif policy.provider is not None:
        message = "is for action CUSTOM only: leave it out"
        yield error("bad-provider", "spec.provider", message, policy.provider.name)


def _check_rule(path: str, rule: Rule, action: Action) -> Iterator[Problem]:
    yield from checks.at_most(f"{path}.from", len(rule.from_), MAX_RULES)
    for index, each in enumerate(rule.from_):
        yield from _check_source(f"{path}.from[{index}].source", each.source, action)
    for index, to in enumerate(rule.to):
        yield from _check_operation(f"{path}.to[{index}].operation", to.operation)
    for index, condition in enumerate(rule.when):
        yield from _check_condition(f"{path}.when[{index}]", condition)
    if action in _ON_TCP and is_of_requests(rule):
        message = (
            f"looks only at what HTTP requests have: on a TCP port it {_ON_TCP[action]}; "
            "name the ports if that is not meant"
        )
        yield warning("denies-tcp", path, message)


@dataclass(frozen=True, slots=True)
class Listed:
    """One field of a source or an operation, by its JSON name, and its negation."""

    name: str
    values: tuple[str, ...]
    not_values: tuple[str, ...]

    @property
    def not_name(self) -> str:
        """The negation's JSON name."""
        return f"not{self.name[0].upper()}{self.name[1:]}"


def source_fields(source: Source) -> tuple[Listed, ...]:
    """What it says, field by field, less what is not given."""
    s = source
    every = (
        Listed("principals", s.principals, s.not_principals),
        Listed("requestPrincipals", s.request_principals, s.not_request_principals),
        Listed("namespaces", s.namespaces, s.not_namespaces),
        Listed("serviceAccounts", s.service_accounts, s.not_service_accounts),
        Listed("ipBlocks", s.ip_blocks, s.not_ip_blocks),
        Listed("remoteIpBlocks", s.remote_ip_blocks, s.not_remote_ip_blocks),
        Listed("trustDomains", s.trust_domains, s.not_trust_domains),
    )
    return tuple(each for each in every if each.values or each.not_values)


def operation_fields(operation: Operation) -> tuple[Listed, ...]:
    """What it says, field by field, less what is not given."""
    o = operation
    every = (
        Listed("hosts", o.hosts, o.not_hosts),
        Listed("ports", o.ports, o.not_ports),
        Listed("methods", o.methods, o.not_methods),
        Listed("paths", o.paths, o.not_paths),
    )
    return tuple(each for each in every if each.values or each.not_values)


def _check_source(path: str, source: Source | None, action: Action) -> Iterator[Problem]:
    given = source_fields(source) if source else ()
    if not given:
        message = "is empty: say who, or leave `from` out for anybody"
        yield error("empty-source", path, message)
    for field in given:
        yield from _check_values(path, field, _SOURCE.get(field.name), "bad-source")
        if field.name == "serviceAccounts":
            yield from checks.at_most(f"{path}.{field.name}", len(field.values), MAX_ACCOUNTS)
        if action is Action.CUSTOM and field.name in _OF_PEERS:
            where = f"{path}.{field.name if field.values else field.not_name}"
            message = "cannot be used with CUSTOM: the provider is asked before it is known"
            yield error("bad-source", where, message)
    names = {field.name for field in given}
    if "serviceAccounts" in names and names & {"principals", "namespaces"}:
        message = "cannot stand beside principals or namespaces: write the namespace before a /"
        yield error("conflict", f"{path}.serviceAccounts", message)


def _check_operation(path: str, operation: Operation | None) -> Iterator[Problem]:
    given = operation_fields(operation) if operation else ()
    if not given:
        message = "is empty: say what, or leave `to` out for anything"
        yield error("empty-operation", path, message)
    for field in given:
        yield from _check_values(path, field, _OPERATION.get(field.name), "bad-operation")


def _check_values(path: str, field: Listed, check: Check | None, code: str) -> Iterator[Problem]:
    for name, values in ((field.name, field.values), (field.not_name, field.not_values)):
        for index, fault in faults(values, check or _anything):
            yield error(code, f"{path}.{name}[{index}]", fault, values[index])


def _check_condition(path: str, condition: Condition) -> Iterator[Problem]:
    fault = key_fault(condition.key)
    if fault:
        yield error("bad-condition", f"{path}.key", fault, condition.key)
    if not condition.values and not condition.not_values:
        yield error("bad-condition", path, "has neither values nor notValues: give one of them")
    known = asked(condition.key)
    if known is None:
        return
    for name, values in (("values", condition.values), ("notValues", condition.not_values)):
        for index, value in enumerate(values):
            wrong = value_fault(known.attribute, value)
            if wrong:
                yield error("bad-condition", f"{path}.{name}[{index}]", wrong, value)


def is_of_requests(rule: Rule) -> bool:
    """Whether nothing in it could be told of a TCP connection (S-92)."""
    sources = {f.name for each in rule.from_ if each.source for f in source_fields(each.source)}
    operations = {
        f.name for each in rule.to if each.operation for f in operation_fields(each.operation)
    }
    attributes = [found.attribute for when in rule.when if (found := asked(when.key))]
    told = sources - {"requestPrincipals"} or "ports" in operations
    return bool(sources or operations or attributes) and not (
        told or any(not each.of_requests for each in attributes)
    )


def _anything(_: str) -> str | None:
    return None


_SOURCE: Mapping[str, Check] = {
    "serviceAccounts": service_account_fault,
    "ipBlocks": ip_fault,
    "remoteIpBlocks": ip_fault,
    "trustDomains": trust_domain_fault,
}
_OPERATION: Mapping[str, Check] = {"ports": port_fault, "paths": path_fault}
