"""What the authorization of a filter chain says of one call, and which policies say it.

Evaluated are the very filters that Envoy gets, in their order; the policies themselves only tell
where a rule is written, and of an ALLOW without rules that it is there.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from envoy.config.listener.v3.listener_components_pb2 import FilterChain
from envoy.config.rbac.v3.rbac_pb2 import RBAC, Policy
from envoy.extensions.filters.http.rbac.v3.rbac_pb2 import RBAC as HttpRBAC
from envoy.extensions.filters.network.rbac.v3.rbac_pb2 import RBAC as NetworkRBAC
from google.protobuf.any_pb2 import Any

from crds.meta import Key
from explain.call import Call
from explain.rbac import identifies, permits
from mesh.source import Source
from translator.filters.ext_authz import ASKED
from translator.http_messages import HttpConnectionManager

_NAME = re.compile(r"ns\[([^\]]*)\]-policy\[([^\]]*)\]-rule\[(\d+)\]")


_REQUESTS = HttpConnectionManager.DESCRIPTOR


class Decision(StrEnum):
    """What becomes of a call."""

    ALLOWED = "allowed"
    DENIED = "denied"
    ASKED = "asked"
    """A provider decides, which is not asked here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One rule of a policy, and how it fared. `why` says what in it did not match."""

    source: Source
    action: str
    matched: bool
    why: str = ""
    rehearsed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is decided, why, and every rule that was looked at."""

    decision: Decision
    why: str
    decided_by: tuple[Source, ...] = ()
    rules: tuple[Judged, ...] = ()


@dataclass(frozen=True, slots=True)
class _Step:
    rules: RBAC
    rehearsed: bool


def verdict(chain: FilterChain, call: Call) -> Verdict:
    """What the filters of a chain say of a call. Raises `Unexplained` of a filter that is not
    known.
    """
    if not call.http and any(each.typed_config.Is(_REQUESTS) for each in chain.filters):
        return _said(Decision.DENIED, "the port takes requests only", ())
    judged: list[Judged] = []
    said = Verdict(decision=Decision.ALLOWED, why="no policy is about this call")
    for step in _steps(chain):
        found = tuple(_judged(step, call))
        judged += found
        matched = tuple(each.source for each in found if each.matched)
        if step.rehearsed:
            if matched and step.rules.action == RBAC.DENY and _asks(step):
                said = _said(Decision.ASKED, "a provider decides", matched)
        elif step.rules.action == RBAC.DENY and matched:
            denied = _said(Decision.DENIED, "a policy denies it", matched)
            return replace(denied, rules=tuple(judged))
        elif step.rules.action == RBAC.ALLOW and not matched:
            denied = _said(Decision.DENIED, "no ALLOW policy has a rule for it", ())
            return replace(denied, rules=tuple(judged))
        elif step.rules.action == RBAC.ALLOW and said.decision is Decision.ALLOWED:
            said = _said(Decision.ALLOWED, "a policy allows it", matched)
    return replace(said, rules=tuple(judged))


def _said(decision: Decision, why: str, by: tuple[Source, ...]) -> Verdict:
    return Verdict(decision=decision, why=why, decided_by=by)


def _steps(chain: FilterChain) -> Iterator[_Step]:
    for packed in _packed(chain):
        http, network = HttpRBAC(), NetworkRBAC()
        if packed.Unpack(http):
            yield from _both(http)
        elif packed.Unpack(network):
            yield from _both(network)


def _packed(chain: FilterChain) -> Iterator[Any]:
    for each in chain.filters:
        manager = HttpConnectionManager()
        if each.typed_config.Unpack(manager):
            yield from (inner.typed_config for inner in manager.http_filters)
        else:
            yield each.typed_config


def _both(given: HttpRBAC | NetworkRBAC) -> Iterator[_Step]:
    if given.HasField("shadow_rules"):
        yield _Step(given.shadow_rules, rehearsed=True)
    if given.HasField("rules"):
        yield _Step(given.rules, rehearsed=False)


def _asks(step: _Step) -> bool:
    return any(name.startswith(ASKED) for name in step.rules.policies)


def _judged(step: _Step, call: Call) -> Iterator[Judged]:
    action = "CUSTOM" if _asks(step) else RBAC.Action.Name(step.rules.action)
    for name in sorted(step.rules.policies):
        source = rule_source(name)
        why = _why_not(step.rules.policies[name], call)
        yield Judged(
            source=source,
            action="AUDIT" if action == "LOG" else action,
            matched=not why,
            why=why,
            rehearsed=step.rehearsed and action != "CUSTOM",
        )


def _why_not(policy: Policy, call: Call) -> str:
    operation = any(permits(each, call) for each in policy.permissions)
    caller = any(identifies(each, call) for each in policy.principals)
    parts = (("operation", operation), ("caller", caller))
    missed = [name for name, matched in parts if not matched]
    return f"another {' and '.join(missed)}" if missed else ""


def rule_source(name: str) -> Source:
    """The rule that a policy of an RBAC filter was made from, by its name; of another name an
    object without one.
    """
    found = _NAME.search(name)
    namespace, policy, rule = found.groups() if found else ("", name, "0")
    key = Key("security.istio.io", "AuthorizationPolicy", namespace, policy)
    return Source(object=key, path=f"spec.rules[{rule}]")


def policies_of(rules: Sequence[Judged]) -> tuple[Key, ...]:
    """The policies of these rules, each once."""
    return tuple(dict.fromkeys(each.source.object for each in rules))
