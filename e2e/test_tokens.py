"""Tokens that are valid and tokens that are not, and what policies make of what they say: one
configuration, and each case a path of its own.
"""

from collections.abc import Callable, Iterator

import pytest

from e2e.mesh import ECHO, Answer, Mesh
from e2e.tokens import MINUTE, OTHERS, OURS, STRANGER, Provider, bearer, now, rule
from tests.security_rows import guards
from tests.semantics import covers

ISSUERS = (
    OURS,
    OTHERS,
    *((OURS, OTHERS)[n % 2].called(f"https://idp-{n}.test") for n in range(48)),
)
"""50, with two keys among them."""


@pytest.fixture(scope="module")
def known(shared_mesh: Mesh) -> Mesh:
    """The server knows the issuers. At `/allow/CASE` a policy allows what that case asks for, at
    `/deny/CASE` it denies that; everything is allowed at `/open`.
    """
    allowed = [f"{{{asks}, {_at(f'/allow/{case}')}}}" for case, (asks, _, _) in VERDICTS.items()]
    denied = [f"{{{asks}, {_at(f'/deny/{case}')}}}" for case, (asks, _, _) in VERDICTS.items()]
    others = [f"{{{_at('/open')}}}", f"{{{_at('/deny/*')}}}"]
    shared_mesh.apply(
        _policy("RequestAuthentication", "t", f"jwtRules: [{', '.join(_rules())}]"),
        _policy("AuthorizationPolicy", "a", f"rules: [{', '.join((*allowed, *others))}]"),
        _policy("AuthorizationPolicy", "d", f"action: DENY, rules: [{', '.join(denied)}]"),
    )
    return shared_mesh


def _rules() -> Iterator[str]:
    yield from (rule(each, ", spaceDelimitedClaims: [roles]") for each in ISSUERS)


def _at(path: str) -> str:
    return f"to: [{{operation: {{paths: ['{path}']}}}}]"


def _policy(kind: str, name: str, spec: str) -> str:
    return (
        f"apiVersion: security.istio.io/v1\nkind: {kind}\n"
        f"metadata: {{name: {name}, namespace: e2e}}\n"
        f"spec: {{selector: {{matchLabels: {{app: echo}}}}, {spec}}}\n"
    )


def asked(mesh: Mesh, token: str, path: str = "/open") -> Answer:
    """What the server answers to a token."""
    return mesh.get(ECHO + path, bearer(token))


BAD: dict[str, Callable[[], str]] = {
    "alg-none": OURS.unsigned,
    "alg-None": lambda: OURS.unsigned("None"),
    "hs256-with-the-public-key": OURS.forged,
    "another-key": STRANGER.token,
    "unknown-issuer": lambda: Provider("https://nobody.test").token(),
    "no-issuer": lambda: OURS.token(iss=""),
    "unknown-kid": lambda: OURS.token(kid="2"),
    "kid-of-a-path": lambda: STRANGER.token(kid="../../../../dev/null"),
    "kid-of-an-injection": lambda: STRANGER.token(kid="1' OR '1'='1"),
    "expired": lambda: OURS.token(exp=now() - 3 * MINUTE),
    "not-yet": lambda: OURS.token(nbf=now() + 3 * MINUTE),
    "altered-claims": lambda: OURS.altered(sub="admin"),
    "no-signature": lambda: OURS.token().rpartition(".")[0] + ".",
    "two-parts": lambda: OURS.token().rpartition(".")[0],
    "no-token": lambda: "garbage",
    "two-tokens": lambda: f"{STRANGER.token()},{OURS.token()}",
}


@guards("P6")
@covers("S-98")
@pytest.mark.parametrize("attack", BAD)
def test_p6_a_token_that_is_not_valid_is_refused(known: Mesh, attack: str) -> None:
    """Although no policy asks for one: the request without a token passes."""
    assert known.get(f"{ECHO}/open").status == 200
    assert asked(known, BAD[attack]()).status == 401
    assert asked(known, OURS.token()).status == 200


@guards("P6")
def test_p6_a_token_of_64_kib_is_refused_and_does_no_harm(known: Mesh) -> None:
    answer = asked(known, OURS.token(fill="x" * 48 * 1024))
    assert answer.status in (0, 401, 431), answer
    assert asked(known, OURS.token()).status == 200


@guards("P6")
def test_p6_each_of_50_issuers_signs_for_itself_alone(known: Mesh) -> None:
    some = ISSUERS[::7]
    assert [asked(known, each.token()).status for each in some] == [200] * len(some)
    assert asked(known, OURS.token(iss=OTHERS.issuer)).status == 401
    assert asked(known, OTHERS.token(iss=OURS.issuer)).status == 401


Rule = tuple[str, dict[str, object], bool]


def when(key: str, value: str, fits: bool = True, no: bool = False, **claims: object) -> Rule:
    """A condition, a token with these claims, and whether it fits; `no`: the value must not be."""
    values = "notValues" if no else "values"
    return f"when: [{{key: 'request.auth.{key}', {values}: ['{value}']}}]", claims, fits


def source(principal: str, fits: bool = True, no: bool = False) -> Rule:
    """A source, for the token of `me`."""
    field = "notRequestPrincipals" if no else "requestPrincipals"
    return f"from: [{{source: {{{field}: ['{principal}']}}}}]", {}, fits


VERDICTS: dict[str, Rule] = {
    "any": source("*"),
    "principal": source(f"{OURS.issuer}/me"),
    "prefix": source(f"{OURS.issuer}/*"),
    "suffix": source("*/me"),
    "another": source(f"{OURS.issuer}/you", False),
    "not-principal": source("*/me", False, no=True),
    "not-another": source("*/you", no=True),
    "key-principal": when("principal", f"{OURS.issuer}/m*"),
    "audience": when("audiences", "shop", aud="shop"),
    "audiences": when("audiences", "shop", aud=["x", "shop"]),
    "no-audience": when("audiences", "shop", False),
    "presenter": when("presenter", "app", azp="app"),
    "claim": when("claims[group]", "dev", group="dev"),
    "list": when("claims[group]", "d*", group=["a", "dev"]),
    "nested": when("claims[a][b]", "c", a={"b": ["c"]}),
    "dotted": when("claims[a.b]", "c", False, a={"b": "c"}),
    "dotted-name": ("when: [{key: 'request.auth.claims[a.b]', values: [c]}]", {"a.b": "c"}, True),
    "number": when("claims[n]", "1", False, n=1),
    "not-claim": when("claims[group]", "dev", False, no=True, group=["dev"]),
    "not-another-claim": when("claims[group]", "dev", no=True),
    "scope": when("claims[scope]", "write", scope="read write"),
    "roles": when("claims[roles]", "admin", roles="user admin"),
    "not-split": when("claims[text]", "admin", False, text="user admin"),
}


@covers("S-97", "S-98")
@pytest.mark.parametrize("case", VERDICTS)
def test_policies_ask_for_what_the_token_says(known: Mesh, case: str) -> None:
    """Allowed, or with 403 refused; the other way round where the same rule denies."""
    asks, claims, fits = VERDICTS[case]
    token = OURS.token(claims)
    assert asked(known, token, f"/allow/{case}").status == (200 if fits else 403)
    assert asked(known, token, f"/deny/{case}").status == (403 if fits else 200)
    assert asked(known, STRANGER.token(claims), f"/allow/{case}").status == 401
    if "not" not in asks:
        anonymous = known.get(f"{ECHO}/allow/{case}")
        assert (anonymous.status, anonymous.text) == (403, "RBAC: access denied")
