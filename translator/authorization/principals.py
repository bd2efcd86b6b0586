"""Who calls: the sources of a rule, and the conditions about the caller."""

from collections.abc import Iterator, Sequence

from envoy.config.rbac.v3.rbac_pb2 import Principal, SourcedMetadata
from envoy.config.route.v3.route_components_pb2 import HeaderMatcher
from envoy.type.matcher.v3.string_pb2 import StringMatcher

from crds.authorization_policy import Listed
from crds.condition import Asked, Attribute
from crds.names import escaped
from translator import metadata
from translator.authorization import matchers
from translator.authorization.matchers import Form, Pattern, pattern

LOCAL = "cluster.local"
"""In policies this means the mesh's own trust domain, whatever its name is (S-85)."""

ANYBODY = Principal(any=True)


def field_principal(field: str, value: str, namespace: str, domains: Sequence[str]) -> Principal:
    """One value of a source's field. `namespace` is the policy's own, `domains` are the names of
    the mesh's trust domain.
    """
    match field:
        case "principals":
            return principal_name(value, domains)
        case "requestPrincipals":
            return request_principal(value)
        case "namespaces":
            return of_namespace(value)
        case "serviceAccounts":
            return of_service_account(value, namespace)
        case "ipBlocks":
            return Principal(direct_remote_ip=matchers.cidr(value))
        case "remoteIpBlocks":
            return Principal(remote_ip=matchers.cidr(value))
        case _:
            return of_trust_domain(value, domains)


def condition_principal(
    asked: Asked, value: str, namespace: str, domains: Sequence[str], *, any_value: bool = False
) -> Principal:
    """One value of a condition about the caller or its request. `any_value`: of a header that has
    several, one is enough.
    """
    field = _FIELDS.get(asked.attribute)
    if field is not None:
        return field_principal(field, value, namespace, domains)
    match asked.attribute:
        case Attribute.REQUEST_HEADERS:
            return _header(asked.names[0], value, any_value=any_value)
        case Attribute.AUTH_AUDIENCES:
            return claim(("aud",), pattern(value))
        case Attribute.AUTH_PRESENTER:
            return claim(("azp",), pattern(value))
        case _:
            return claim(asked.names, pattern(value))


_FIELDS = {
    Attribute.SOURCE_IP: "ipBlocks",
    Attribute.REMOTE_IP: "remoteIpBlocks",
    Attribute.SOURCE_NAMESPACE: "namespaces",
    Attribute.SOURCE_SERVICE_ACCOUNT: "serviceAccounts",
    Attribute.SOURCE_PRINCIPAL: "principals",
    Attribute.SOURCE_TRUST_DOMAIN: "trustDomains",
    Attribute.AUTH_PRINCIPAL: "requestPrincipals",
}
"""Conditions that ask what a source can ask too."""


def principal_name(value: str, domains: Sequence[str]) -> Principal:
    """A SPIFFE id without its scheme, from the certificate of the peer and nothing else."""
    if value.startswith("*"):
        return _authenticated(matchers.string_matcher(pattern(value)))
    domain, slash, rest = value.partition("/")
    names = domains if slash and _is_local(domain, domains) else (domain,)
    patterns = (pattern(f"spiffe://{name}{slash}{rest}") for name in names)
    return _any([_authenticated(matchers.string_matcher(each)) for each in patterns])


def of_namespace(value: str) -> Principal:
    """Peers of a namespace, of any trust domain that TLS accepts."""
    return _authenticated(
        matchers.expression(f"spiffe://[^/]+/ns/{matchers.within_segment(value)}/sa/[^/]+")
    )


def of_service_account(value: str, namespace: str) -> Principal:
    """`name`, of the policy's own namespace, or `namespace/name`; exact, both of them."""
    first, slash, second = value.partition("/")
    where, name = (first, second) if slash else (namespace, first)
    return _authenticated(
        matchers.expression(f"spiffe://[^/]+/ns/{escaped(where)}/sa/{escaped(name)}")
    )


def of_trust_domain(value: str, domains: Sequence[str]) -> Principal:
    """Peers of a trust domain."""
    names = domains if _is_local(value, domains) else (value,)
    expressions = (f"spiffe://{matchers.within_segment(name)}/.*" for name in names)
    return _any([_authenticated(matchers.expression(each)) for each in expressions])


def _is_local(domain: str, domains: Sequence[str]) -> bool:
    return domain == LOCAL or domain in domains


def request_principal(value: str) -> Principal:
    """`issuer/subject` of a token that was verified. Both may have slashes of their own, so each
    slash may be the one between them.
    """
    found = pattern(value)
    return _any([_all(list(each)) for each in _issuers_and_subjects(found)])


def _issuers_and_subjects(found: Pattern) -> Iterator[tuple[Principal, Principal]]:
    present, text = Pattern(Form.PRESENT), found.text
    if found.form is Form.PRESENT:
        yield claim(("iss",), present), claim(("sub",), present)
        return
    if found.form is Form.PREFIX:
        yield claim(("iss",), found), claim(("sub",), present)
    if found.form is Form.SUFFIX:
        yield claim(("iss",), present), claim(("sub",), found)
    for at in (index for index, letter in enumerate(text) if letter == "/"):
        issuer = Pattern(Form.SUFFIX if found.form is Form.SUFFIX else Form.EXACT, text[:at])
        subject = Pattern(Form.PREFIX if found.form is Form.PREFIX else Form.EXACT, text[at + 1 :])
        yield claim(("iss",), _lenient(issuer)), claim(("sub",), _lenient(subject))


def _lenient(found: Pattern) -> Pattern:
    """An empty prefix or suffix is anything at all: Envoy refuses it as it stands."""
    return found if found.text or found.form is Form.EXACT else Pattern(Form.PRESENT)


def claim(names: Sequence[str], found: Pattern) -> Principal:
    """A claim of the verified token: without one there is none, and nothing matches."""
    matcher = metadata.claim(names, matchers.string_matcher(found))
    return Principal(sourced_metadata=SourcedMetadata(metadata_matcher=matcher))


def _header(name: str, value: str, *, any_value: bool) -> Principal:
    found = pattern(value)
    matcher = matchers.list_member(found) if any_value else matchers.string_matcher(found)
    return Principal(header=HeaderMatcher(name=name, string_match=matcher))


def _authenticated(name: StringMatcher) -> Principal:
    # Never without a name: that would be anybody who came over TLS, certificate or not.
    return Principal(authenticated=Principal.Authenticated(principal_name=name))


def source(fields: Sequence[Listed], namespace: str, domains: Sequence[str]) -> Principal:
    """All fields of one source."""
    found: list[Principal] = []
    for field in fields:
        for values, negated in ((field.values, False), (field.not_values, True)):
            if values:
                each = _any([field_principal(field.name, v, namespace, domains) for v in values])
                found.append(Principal(not_id=each) if negated else each)
    return _all(found)


def conditions(
    asked: Asked,
    values: Sequence[str],
    not_values: Sequence[str],
    namespace: str,
    domains: Sequence[str],
    *,
    refuses: bool = False,
) -> Iterator[Principal]:
    """One condition about the caller. `refuses`: who meets it is refused. No doubled header may
    hide a value from that.
    """
    for given, negated in ((values, False), (not_values, True)):
        if given:
            hidden = refuses is not negated
            found = (
                condition_principal(asked, v, namespace, domains, any_value=hidden) for v in given
            )
            each = _any(list(found))
            yield Principal(not_id=each) if negated else each


def together(one: Principal, others: Sequence[Principal]) -> Principal:
    """One of the sources, under the conditions."""
    return _all([*(() if one == ANYBODY else (one,)), *others])


def _all(ids: Sequence[Principal]) -> Principal:
    return matchers.all_of(ids, lambda many: Principal(and_ids=Principal.Set(ids=many)), ANYBODY)


def _any(ids: Sequence[Principal]) -> Principal:
    return matchers.all_of(
        ids, lambda many: Principal(or_ids=Principal.Set(ids=many)), Principal(not_id=ANYBODY)
    )
