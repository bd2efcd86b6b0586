"""Who may call a workload, as far as it can be told without a request: what its
AuthorizationPolicies say of the caller alone.

The real answer to one request is `heddle trace`'s, and the view *Explain*'s.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from crds.authorization_policy import Action, AuthorizationPolicy, Rule, Source, is_dry_run
from crds.meta import Key


class May(StrEnum):
    """What a caller may."""

    YES = "may call"
    DEPENDS = "depends"
    """On the request: its path, its token, where it comes from."""
    NO = "may not"
    HIDDEN = "does not know it"
    """A Sidecar or exportTo keeps the host from the caller."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who calls: `principals` are its names in policies, one for each name of the trust domain;
    none if its certificate is not asked for.
    """

    namespace: str
    service_account: str
    domains: Sequence[str]
    proven: bool = True

    @property
    def principals(self) -> Sequence[str]:
        """As `source.principals` has them."""
        account = f"ns/{self.namespace}/sa/{self.service_account}"
        return [f"{domain}/{account}" for domain in self.domains]


def may(policies: Iterable[AuthorizationPolicy], caller: Caller) -> tuple[May, Key | None]:
    """What the policies of a workload let the caller do, and which of them forbids it or has a
    say.
    """
    enforced = [each for each in policies if not is_dry_run(each)]
    unsure: Key | None = None
    for policy in (each for each in enforced if each.action is Action.DENY):
        found = _applies(policy, caller)
        if found is May.YES:
            return May.NO, _key(policy)
        if found is May.DEPENDS:
            unsure = unsure or _key(policy)
    for policy in (each for each in enforced if each.action is Action.CUSTOM and each.rules):
        unsure = unsure or _key(policy)
    allowing = [each for each in enforced if each.action is Action.ALLOW]
    answers = [(_applies(each, caller), _key(each)) for each in allowing]
    if allowing and all(answer is May.NO for answer, _ in answers):
        return May.NO, answers[0][1]
    if allowing and not any(answer is May.YES for answer, _ in answers):
        unsure = unsure or next(key for answer, key in answers if answer is May.DEPENDS)
    return (May.DEPENDS, unsure) if unsure else (May.YES, None)


def _key(policy: AuthorizationPolicy) -> Key:
    meta = policy.meta
    return Key("security.istio.io", "AuthorizationPolicy", meta.namespace, meta.name)


def _applies(policy: AuthorizationPolicy, caller: Caller) -> May:
    """Whether a rule of a policy matches what the caller sends."""
    answers = {_matches(rule, policy.meta.namespace, caller) for rule in policy.rules}
    return next((each for each in (May.YES, May.DEPENDS) if each in answers), May.NO)


def _matches(rule: Rule, namespace: str, caller: Caller) -> May:
    sources = [each.source for each in rule.from_ if each.source is not None]
    if len(sources) < len(rule.from_) or not rule.from_:
        found = May.YES
    else:
        answers = {_is_from(source, namespace, caller) for source in sources}
        found = next((each for each in (May.YES, May.DEPENDS) if each in answers), May.NO)
    if found is May.YES and (rule.when or any(each.operation is not None for each in rule.to)):
        return May.DEPENDS
    return found


def _is_from(source: Source, namespace: str, caller: Caller) -> May:
    """Whether a source is the caller. What is not known of a caller counts as neither."""
    accounts = [caller.service_account] if caller.namespace == namespace else []
    accounts.append(f"{caller.namespace}/{caller.service_account}")
    known: Sequence[tuple[Sequence[str], Sequence[str], Sequence[str], Callable[..., bool]]] = (
        (source.principals, source.not_principals, caller.principals, _like),
        (source.namespaces, source.not_namespaces, [caller.namespace], _like),
        (source.service_accounts, source.not_service_accounts, accounts, _is),
        (source.trust_domains, source.not_trust_domains, caller.domains, _like),
    )
    for wanted, unwanted, names, compare in known:
        names = names if caller.proven else ()
        if wanted and not any(compare(each, name) for each in wanted for name in names):
            return May.NO
        if any(compare(each, name) for each in unwanted for name in names):
            return May.NO
    of_requests = (
        source.request_principals,
        source.not_request_principals,
        source.ip_blocks,
        source.not_ip_blocks,
        source.remote_ip_blocks,
        source.not_remote_ip_blocks,
    )
    return May.DEPENDS if any(of_requests) else May.YES


def _is(pattern: str, name: str) -> bool:
    return pattern == name


def _like(pattern: str, name: str) -> bool:
    """Whole, or what begins or ends so."""
    if pattern.endswith("*"):
        return name.startswith(pattern[:-1])
    return name.endswith(pattern[1:]) if pattern.startswith("*") else pattern == name
