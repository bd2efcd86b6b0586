"""What policies say of a caller alone."""

import pytest

from crds.authorization_policy import (
    Action,
    AuthorizationPolicy,
    Condition,
    From,
    Operation,
    Rule,
    Source,
    To,
)
from crds.meta import Key, Meta
from heddle.page.who import Caller, May, may

WEB = Caller(namespace="shop", service_account="web", domains=("td", "cluster.local"))
UNPROVEN = Caller(namespace="shop", service_account="web", domains=("td",), proven=False)
PATHS = (To(operation=Operation(paths=("/api",))),)


def policy(
    *rules: Rule, action: Action = Action.ALLOW, name: str = "p", dry: str = ""
) -> AuthorizationPolicy:
    notes = {"istio.io/dry-run": dry} if dry else {}
    meta = Meta(name=name, namespace="shop", annotations=notes)
    return AuthorizationPolicy(meta=meta, rules=rules, action=action)


def rule(
    *sources: Source | None, to: tuple[To, ...] = (), when: tuple[Condition, ...] = ()
) -> Rule:
    return Rule(from_=tuple(From(source=each) for each in sources), to=to, when=when)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        (Source(principals=("td/ns/shop/sa/web",)), May.YES),
        (Source(principals=("cluster.local/ns/shop/*",)), May.YES),
        (Source(principals=("*/sa/web",)), May.YES),
        (Source(principals=("*",)), May.YES),
        (Source(principals=("td/ns/shop/sa/other", "other/*")), May.NO),
        (Source(not_principals=("td/ns/shop/sa/web",)), May.NO),
        (Source(namespaces=("shop",)), May.YES),
        (Source(namespaces=("other",)), May.NO),
        (Source(not_namespaces=("sh*",)), May.NO),
        (Source(service_accounts=("web",)), May.YES),
        (Source(service_accounts=("shop/web",)), May.YES),
        (Source(service_accounts=("other/web", "we*")), May.NO),
        (Source(trust_domains=("td",)), May.YES),
        (Source(trust_domains=("else",)), May.NO),
        (Source(namespaces=("shop",), ip_blocks=("10.0.0.0/8",)), May.DEPENDS),
        (Source(not_request_principals=("*",)), May.DEPENDS),
        (Source(), May.YES),
        (None, May.YES),
    ],
)
def test_who_a_source_is(source: Source | None, found: May) -> None:
    assert may([policy(rule(source))], WEB)[0] is found


@pytest.mark.parametrize(
    ("source", "found"),
    [
        (Source(principals=("*",)), May.NO),
        (Source(namespaces=("shop",)), May.NO),
        (Source(not_principals=("*",)), May.YES),
    ],
)
def test_who_shows_no_certificate_is_nobody(source: Source, found: May) -> None:
    assert may([policy(rule(source))], UNPROVEN)[0] is found


OURS, THEIRS = Source(namespaces=("shop",)), Source(namespaces=("other",))


@pytest.mark.parametrize(
    ("policies", "found"),
    [
        ((), May.YES),
        ((policy(),), May.NO),
        ((policy(rule()),), May.YES),
        ((policy(rule(OURS)),), May.YES),
        ((policy(rule(THEIRS)),), May.NO),
        ((policy(rule(THEIRS, OURS)),), May.YES),
        ((policy(rule(OURS, to=PATHS)),), May.DEPENDS),
        ((policy(rule(OURS, when=(Condition(key="request.headers[a]"),))),), May.DEPENDS),
        ((policy(rule(THEIRS, to=PATHS)),), May.NO),
        ((policy(rule(OURS, to=PATHS)), policy(rule(OURS))), May.YES),
        ((policy(rule(OURS), action=Action.DENY),), May.NO),
        ((policy(rule(THEIRS), action=Action.DENY),), May.YES),
        ((policy(action=Action.DENY),), May.YES),
        ((policy(rule(OURS, to=PATHS), action=Action.DENY), policy(rule(OURS))), May.DEPENDS),
        ((policy(rule(OURS), action=Action.DENY), policy(rule(OURS))), May.NO),
        ((policy(rule(OURS), action=Action.CUSTOM),), May.DEPENDS),
        ((policy(action=Action.CUSTOM),), May.YES),
        ((policy(rule(THEIRS), action=Action.AUDIT),), May.YES),
        ((policy(rule(OURS), action=Action.DENY, dry="true"),), May.YES),
        ((policy(rule(THEIRS), dry="true"),), May.YES),
    ],
)
def test_how_policies_add_up(policies: tuple[AuthorizationPolicy, ...], found: May) -> None:
    assert may(policies, WEB)[0] is found


def test_the_policy_that_has_the_say_is_named() -> None:
    named = Key("security.istio.io", "AuthorizationPolicy", "shop", "no")
    assert may([policy(rule(THEIRS), name="no"), policy(rule(THEIRS))], WEB) == (May.NO, named)
    deny = policy(rule(OURS), action=Action.DENY, name="no")
    assert may([policy(rule(OURS)), deny], WEB) == (May.NO, named)
    some = policy(rule(OURS, to=PATHS), name="no")
    assert may([policy(rule(THEIRS)), some], WEB) == (May.DEPENDS, named)
    assert may([policy(rule(OURS))], WEB) == (May.YES, None)
