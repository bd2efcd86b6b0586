"""What schemas say of the messages of the security policies."""

from collections.abc import Mapping

from crds.authorization_policy import (
    MAX_ACCOUNTS,
    MAX_RULES,
    AuthorizationPolicy,
    Condition,
    From,
    Operation,
    Rule,
    Source,
    To,
)
from crds.condition import MAX_SERVICE_ACCOUNT
from crds.convert import MAX_ITEMS
from crds.definitions import constraint
from crds.definitions.cel import AT_LEAST_1MS, LABELS, NAME, NAMES, given
from crds.definitions.constraint import Constraints, Limits
from crds.names import MAX_PORT
from crds.peer_authentication import PeerAuthentication
from crds.request_authentication import (
    MAX_CLAIMS,
    ClaimToHeader,
    JWTHeader,
    JWTRule,
    RequestAuthentication,
)
from crds.request_authentication import (
    MAX_RULES as MAX_JWT_RULES,
)
from crds.selector import MAX_TARGETS, TARGETS, PolicyTargetReference, WorkloadSelector

_ONE_TARGET = constraint.Rule(
    cel=f"[has(self.selector), has(self.targetRef), {given('targetRefs')}]"
    ".filter(each, each).size() < 2",
    message="selector, targetRef and targetRefs exclude each other: keep one",
)
_TARGET_REFS = Limits(max_items=MAX_TARGETS)

_PEER_AUTHENTICATION = Constraints(
    fields={
        "port_level_mtls": Limits(
            max_properties=MAX_ITEMS,
            rules=(
                constraint.Rule(
                    cel="self.all(port, port.matches('^[0-9]{1,5}$') && int(port) > 0 && "
                    f"int(port) <= {MAX_PORT})",
                    message=f"each name must be a port, 1 to {MAX_PORT}",
                ),
            ),
        )
    },
    rules=(
        constraint.Rule(
            cel=f"!{given('portLevelMtls')} || "
            f"(has(self.selector) && {given('matchLabels', 'self.selector')})",
            message="needs a selector: ports are those of certain workloads",
            field=".portLevelMtls",
        ),
    ),
)

_ACTION = "(has(self.action) ? self.action : 'ALLOW')"
_AUTHORIZATION_POLICY = Constraints(
    fields={"target_refs": _TARGET_REFS, "rules": Limits(max_items=MAX_RULES)},
    rules=(
        _ONE_TARGET,
        constraint.Rule(
            cel=f"!({_ACTION} in ['DENY', 'CUSTOM']) || {given('rules')}",
            message="DENY and CUSTOM need rules: without any they would match nothing",
            field=".rules",
        ),
        constraint.Rule(
            cel=f"{_ACTION} != 'CUSTOM' || "
            f"(has(self.provider) && {given('name', 'self.provider')})",
            message="is missing: CUSTOM needs the name of one of MeshConfig's extensionProviders",
            field=".provider",
        ),
        constraint.Rule(
            cel=f"{_ACTION} == 'CUSTOM' || !has(self.provider)",
            message="is for action CUSTOM only: leave it out",
            field=".provider",
        ),
    ),
)


def _both(names: tuple[str, ...], limits: Limits) -> dict[str, Limits]:
    """Of fields and of their negations."""
    return {each: limits for name in names for each in (name, f"not_{name}")}


_ACCOUNT = Limits(min_length=1, max_length=MAX_SERVICE_ACCOUNT)
_PEERS = ("principals", "notPrincipals", "namespaces", "notNamespaces")
_SOURCE = Constraints(
    fields={
        **_both(
            (
                "principals",
                "request_principals",
                "namespaces",
                "ip_blocks",
                "remote_ip_blocks",
                "trust_domains",
            ),
            NAMES,
        ),
        "service_accounts": Limits(max_items=MAX_ACCOUNTS, each=_ACCOUNT),
        "not_service_accounts": Limits(each=_ACCOUNT),
    },
    rules=(
        constraint.Rule(
            cel=f"!(({given('serviceAccounts')} || {given('notServiceAccounts')}) && "
            f"({' || '.join(map(given, _PEERS))}))",
            message="serviceAccounts cannot stand beside principals or namespaces: write the "
            "namespace before a /",
        ),
    ),
)

_PORT = Limits(each=Limits(pattern="^[0-9]{1,5}$"))
_OPERATION = Constraints(
    fields={
        **_both(("hosts", "methods", "paths"), NAMES),
        **_both(("ports",), _PORT),
    }
)

_JWT_RULE = Constraints(
    fields={
        "audiences": NAMES,
        "from_params": NAMES,
        "from_cookies": NAMES,
        "space_delimited_claims": Limits(max_items=MAX_CLAIMS, each=NAME),
        "timeout": AT_LEAST_1MS,
    },
    rules=(
        constraint.Rule(
            cel=" || ".join(map(given, ("issuer", "jwksUri", "jwks_uri"))),
            message="is missing: say whose tokens these are, as it is in their `iss`",
            field=".issuer",
        ),
        constraint.Rule(
            cel="!has(self.presence) || self.presence != 'REQUIRED'",
            message="is implemented by nobody: require a token with an AuthorizationPolicy that "
            'allows requestPrincipals: ["*"]',
            field=".presence",
        ),
    ),
)

POLICIES: Mapping[type, Constraints] = {
    WorkloadSelector: Constraints(fields={"match_labels": LABELS}),
    PolicyTargetReference: Constraints(
        required=("kind", "name"),
        fields={
            "group": Limits(one_of=tuple(sorted({group for group, _ in TARGETS}))),
            "kind": Limits(one_of=tuple(sorted({kind for _, kind in TARGETS}))),
            "name": NAME,
            "namespace": Limits(max_length=0),
        },
    ),
    PeerAuthentication: _PEER_AUTHENTICATION,
    AuthorizationPolicy: _AUTHORIZATION_POLICY,
    Rule: Constraints(fields={"from_": Limits(max_items=MAX_RULES)}),
    From: Constraints(required=("source",), fields={"source": Limits(min_properties=1)}),
    Source: _SOURCE,
    To: Constraints(required=("operation",), fields={"operation": Limits(min_properties=1)}),
    Operation: _OPERATION,
    Condition: Constraints(
        required=("key",),
        fields={"key": NAME, "values": NAMES, "not_values": NAMES},
        rules=(
            constraint.Rule(
                cel=f"{given('values')} || {given('notValues')}",
                message="has neither values nor notValues: give one of them",
            ),
        ),
    ),
    RequestAuthentication: Constraints(
        fields={"target_refs": _TARGET_REFS, "jwt_rules": Limits(max_items=MAX_JWT_RULES)},
        rules=(_ONE_TARGET,),
    ),
    JWTRule: _JWT_RULE,
    JWTHeader: Constraints(required=("name",), fields={"name": NAME}),
    ClaimToHeader: Constraints(
        required=("header", "claim"), fields={"header": NAME, "claim": NAME}
    ),
}
"""By message; what is not here has no limits but its types'."""
