"""Callers that an AuthorizationPolicy names and that nobody is: service accounts, namespaces and
trust domains that do not exist, principals of a form that no certificate has.

A namespace of which nothing is known may be elsewhere, so it is told of only if its name looks like
a slip of the pen.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from analysis import analyzer_codes as codes
from analysis.analyzer import Analyzer
from analysis.code import Code
from analysis.facts import Facts
from analysis.message import Message, finding
from analysis.spelling import closest, is_slip
from crds.authorization_policy import AuthorizationPolicy, Listed, source_fields
from crds.meta import Key
from mesh.protection import LOCAL_DOMAIN, trust_domains
from mesh.spelling import Names

_PRINCIPAL = re.compile(r"([^/]+)/ns/([^/]+)/(?:sa/([^/]+)|\*)")
_SCHEME = "spiffe://"
_WILD = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Named:
    """A caller as a policy names it, and where; parts that are not said, or wild, are empty."""

    path: str
    value: str
    domain: str = ""
    namespace: str = ""
    account: str = ""


def _run(facts: Facts) -> Iterator[Message]:
    for key, policy in facts.subjects(AuthorizationPolicy):
        for path, field in _fields(policy):
            for name, values in ((field.name, field.values), (field.not_name, field.not_values)):
                for index, value in enumerate(values):
                    where = f"{path}.{name}[{index}]"
                    yield from _value(facts, key, field.name, where, value)


def _fields(policy: AuthorizationPolicy) -> Iterator[tuple[str, Listed]]:
    for number, rule in enumerate(policy.rules):
        for index, each in enumerate(rule.from_):
            path = f"spec.rules[{number}].from[{index}].source"
            for field in source_fields(each.source) if each.source else ():
                yield path, field


def _value(facts: Facts, key: Key, field: str, path: str, value: str) -> Iterator[Message]:
    match field:
        case "principals":
            yield from _principal(facts, key, path, value)
        case "namespaces" if _WILD not in value:
            yield from _namespace(facts, key, _Named(path=path, value=value, namespace=value))
        case "serviceAccounts":
            namespace, slash, account = value.rpartition("/")
            place = namespace if slash else key.namespace
            named = _Named(path=path, value=value, namespace=place, account=account)
            yield from _known(facts, key, named)
        case "trustDomains" if _WILD not in value and "notTrustDomains" not in path:
            yield from _domain(facts, key, _Named(path=path, value=value, domain=value))


def _principal(facts: Facts, key: Key, path: str, value: str) -> Iterator[Message]:
    parts = _PRINCIPAL.fullmatch(value.removeprefix(_SCHEME))
    if value.startswith(_SCHEME) or (parts is None and _WILD not in value):
        text = "no caller has such a name, so this is about nobody"
        right = value.removeprefix(_SCHEME) if parts else ""
        remedy = f"Write {right}, without {_SCHEME}." if right else ""
        yield finding(codes.MALFORMED_PRINCIPAL, key, path, text, value=value, remedy=remedy)
    elif parts is not None:
        domain, namespace, account = ("" if _WILD in (p or _WILD) else p for p in parts.groups())
        named = _Named(path=path, value=value, domain=domain, namespace=namespace, account=account)
        wrong = tuple(_domain(facts, key, named))
        yield from wrong or _known(facts, key, named)


def _domain(facts: Facts, key: Key, named: _Named) -> Iterator[Message]:
    known = (*trust_domains(facts.mesh.config), LOCAL_DOMAIN)
    if named.domain and named.domain not in known:
        remedy = f"The trust domain of this mesh is {known[0]}."
        text = f"nobody has a certificate of {named.domain}, so this is about nobody"
        yield _nobody(codes.UNKNOWN_TRUST_DOMAIN, key, named, text, remedy)


def _known(facts: Facts, key: Key, named: _Named) -> Iterator[Message]:
    wrong = tuple(_namespace(facts, key, named))
    yield from wrong or _account(facts, key, named)


def _namespace(facts: Facts, key: Key, named: _Named) -> Iterator[Message]:
    wanted = named.namespace
    if not wanted or wanted in facts.used_namespaces:
        return
    near = closest(wanted, facts.namespace_names)
    if near is not None and is_slip(wanted, near):
        text = f"there is no namespace {wanted}, so this is about nobody"
        yield _nobody(codes.UNKNOWN_NAMESPACE, key, named, text, f"Did you mean {near}?")


def _account(facts: Facts, key: Key, named: _Named) -> Iterator[Message]:
    place, account = named.namespace, named.account
    if not account or not facts.pods(place) or (place, account) in facts.service_accounts:
        return
    known = facts.account_names.get(place, Names())
    near = closest(account, known)
    if not facts.knows("ServiceAccount") and not (near and is_slip(account, near)):
        return  # it may be that of pods that are not there now
    text = f"namespace {place} has no service account {account}, so this is about nobody"
    remedy = f"Did you mean {near}?" if near else f"It has {', '.join(known.forwards)}."
    yield _nobody(codes.UNKNOWN_CALLER, key, named, text, remedy)


def _nobody(code: Code, key: Key, named: _Named, text: str, remedy: str) -> Message:
    return finding(code, key, named.path, text, value=named.value, remedy=remedy)


POLICY_CALLERS = Analyzer(
    name="policy-callers",
    summary="Callers named by AuthorizationPolicies that nobody is.",
    codes=(
        codes.UNKNOWN_CALLER,
        codes.UNKNOWN_TRUST_DOMAIN,
        codes.MALFORMED_PRINCIPAL,
        codes.UNKNOWN_NAMESPACE,
    ),
    run=_run,
)
