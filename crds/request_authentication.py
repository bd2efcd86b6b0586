"""RequestAuthentication: which tokens (JWT) a workload knows, and where they are found.

A request without a token passes, one with a token that is not valid does not. Who must have one is
for an AuthorizationPolicy to say. What is wrong with the keys themselves is for `crds.jwks`: it
costs the tokens of one issuer, never the whole object, without which every token would pass.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from crds import checks
from crds.fields import alias
from crds.meta import Meta
from crds.names import is_token
from crds.problem import Problem, error
from crds.scalars import Duration
from crds.selector import (
    PolicyTargetReference,
    WorkloadSelector,
    check_selector,
    check_targets,
)


class Presence(StrEnum):
    """Whether a token has to be there. Declared by Istio, and not implemented there either."""

    OPTIONAL = "OPTIONAL"
    REQUIRED = "REQUIRED"


@dataclass(frozen=True, slots=True, kw_only=True)
class JWTHeader:
    """A header that may hold a token, after `prefix`."""

    name: str = ""
    prefix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimToHeader:
    """A header that tells the application a claim of the token; `claim` may be `outer.inner`."""

    header: str = ""
    claim: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JWTRule:
    """The tokens of one issuer, any if it is empty. Without a place to look at they are in the
    header `Authorization`, after `Bearer `, or in the query as `access_token`. `timeout` is how
    long Envoy waits for keys.
    """

    issuer: str = ""
    audiences: tuple[str, ...] = ()
    jwks_uri: str = field(default="", metadata=alias("jwks_uri"))
    jwks: str = ""
    from_headers: tuple[JWTHeader, ...] = ()
    from_params: tuple[str, ...] = ()
    from_cookies: tuple[str, ...] = ()
    output_payload_to_header: str = ""
    output_claim_to_headers: tuple[ClaimToHeader, ...] = ()
    forward_original_token: bool = False
    timeout: Duration | None = None
    space_delimited_claims: tuple[str, ...] = ()
    presence: Presence = Presence.OPTIONAL


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestAuthentication:
    """All its rules hold side by side: one token that is valid by any of them is enough."""

    meta: Meta
    selector: WorkloadSelector | None = None
    target_ref: PolicyTargetReference | None = None
    target_refs: tuple[PolicyTargetReference, ...] = ()
    jwt_rules: tuple[JWTRule, ...] = ()


MAX_RULES = 4096
MAX_CLAIMS = 64


def check(policy: RequestAuthentication) -> Iterator[Problem]:
    """What is wrong with it, as far as it can be told from it alone, but for its keys."""
    yield from check_targets(policy.selector, policy.target_ref, policy.target_refs)
    yield from check_selector(policy.selector)
    yield from checks.at_most("spec.jwtRules", len(policy.jwt_rules), MAX_RULES)
    for index, rule in enumerate(policy.jwt_rules):
        yield from _check_rule(f"spec.jwtRules[{index}]", rule)


def _check_rule(path: str, rule: JWTRule) -> Iterator[Problem]:
    if not rule.issuer and not rule.jwks_uri:
        message = "is missing: say whose tokens these are, as it is in their `iss`"
        yield error("missing", f"{path}.issuer", message)
    yield from _check_places(path, rule)
    yield from _check_outputs(path, rule)
    yield from checks.at_least_1ms(f"{path}.timeout", rule.timeout)
    count = len(rule.space_delimited_claims)
    yield from checks.at_most(f"{path}.spaceDelimitedClaims", count, MAX_CLAIMS)
    if rule.presence is Presence.REQUIRED:
        message = (
            "is declared by Istio and implemented by nobody: require a token with an "
            'AuthorizationPolicy that allows requestPrincipals: ["*"]'
        )
        yield error("unsupported", f"{path}.presence", message, rule.presence)


def _check_places(path: str, rule: JWTRule) -> Iterator[Problem]:
    """Where tokens are looked for, and for whom they are."""
    for index, place in enumerate(rule.from_headers):
        yield from _header(f"{path}.fromHeaders[{index}].name", place.name)
        if not place.prefix.isprintable():
            message = "must be printable: no header can begin with it"
            yield error("bad-header", f"{path}.fromHeaders[{index}].prefix", message)
    listed = (
        ("audiences", rule.audiences),
        ("fromParams", rule.from_params),
        ("fromCookies", rule.from_cookies),
        ("spaceDelimitedClaims", rule.space_delimited_claims),
    )
    for name, values in listed:
        for index, value in enumerate(values):
            if not value:
                message = "must not be empty: leave it out"
                yield error("empty-value", f"{path}.{name}[{index}]", message)


def _check_outputs(path: str, rule: JWTRule) -> Iterator[Problem]:
    """What the application is told."""
    if rule.output_payload_to_header:
        yield from _header(f"{path}.outputPayloadToHeader", rule.output_payload_to_header)
    for index, output in enumerate(rule.output_claim_to_headers):
        here = f"{path}.outputClaimToHeaders[{index}]"
        yield from _header(f"{here}.header", output.header)
        if not output.claim:
            yield error("missing", f"{here}.claim", "is missing: name a claim of the token")


def _header(path: str, name: str) -> Iterator[Problem]:
    if not is_token(name):
        message = "is no name of a header: use letters, digits and `-`"
        yield error("bad-header", path, message, name)
