"""The matrix of tokens that are refused, and the one that is accepted."""

import base64
import hmac
import json
import traceback
from collections.abc import Callable, Mapping, Sequence

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from ca.errors import Unauthenticated
from ca.issuer import ISSUER, LocalIssuer
from ca.tokens import LEEWAY_SECONDS, MAX_HEADER_BYTES, TokenVerifier
from mesh.identity import WorkloadIdentity

NOW = 1_900_000_000.0
TTL = 3600.0
AUDIENCE = "heddle"


def _issue(issuer: LocalIssuer, audience: str = AUDIENCE) -> str:
    token = issuer.issue(
        namespace="shop",
        service_account="web",
        pod="web-1",
        uid="u-1",
        audience=audience,
        now=NOW,
        ttl=TTL,
    )
    return token.reveal().decode()


class Signer:
    """An issuer whose claims can be bent."""

    def __init__(self) -> None:
        self.issuer = LocalIssuer()
        self.claims: dict[str, object] = jwt.decode(
            _issue(self.issuer), options={"verify_signature": False}
        )
        self._jwks = self.issuer.jwks()

    def verifier(self, now: float = NOW, issuer: str = ISSUER) -> TokenVerifier:
        return TokenVerifier(self._jwks, issuer=issuer, audience=AUDIENCE, clock=lambda: now)

    def sign(self, claims: Mapping[str, object], **header: str) -> str:
        headers = {"kid": self.key_id, **header}
        return jwt.encode(
            dict(claims), self.issuer._key.reveal(), algorithm="ES256", headers=headers
        )

    @property
    def key_id(self) -> str:
        keys = self._jwks["keys"]
        assert isinstance(keys, list)
        return str(keys[0]["kid"])


@pytest.fixture
def signer() -> Signer:
    return Signer()


def _refused(verifier: TokenVerifier, *authorization: str | bytes) -> Unauthenticated:
    with pytest.raises(Unauthenticated) as caught:
        verifier.verify(authorization)
    return caught.value


def test_a_pods_own_token_is_its_identity(signer: Signer) -> None:
    identity = signer.verifier().verify([f"Bearer {_issue(signer.issuer)}"])
    assert identity == WorkloadIdentity(
        namespace="shop",
        service_account="web",
        pod_name="web-1",
        pod_uid="u-1",
        expires=NOW + TTL,
        node="local",
    )


def test_an_older_kubernetes_does_not_name_the_node(signer: Signer) -> None:
    claims = _without(signer.claims, K8S, "node")
    assert signer.verifier().verify([f"Bearer {signer.sign(claims)}"]).node is None


def test_header_values_may_be_bytes_and_the_scheme_in_any_case(signer: Signer) -> None:
    assert signer.verifier().verify([b"bearer " + _issue(signer.issuer).encode()])


HEADERS: Mapping[str, Callable[[str], Sequence[str | bytes]]] = {
    "none": lambda t: [],
    "two": lambda t: [f"Bearer {t}", f"Bearer {t}"],
    "good-then-empty": lambda t: [f"Bearer {t}", ""],
    "empty": lambda t: [""],
    "scheme-only": lambda t: ["Bearer"],
    "scheme-and-blank": lambda t: ["Bearer "],
    "basic": lambda t: [f"Basic {t}"],
    "bare": lambda t: [t],
    "two-blanks": lambda t: [f"Bearer  {t}"],
    "comma-joined": lambda t: [f"Bearer {t},Bearer {t}"],
    "trailing-newline": lambda t: [f"Bearer {t}\n"],
    "not-ascii": lambda t: [b"Bearer \xff\xfe"],
    "too-long": lambda t: ["Bearer " + "a" * MAX_HEADER_BYTES],
    "not-a-token": lambda t: ["Bearer hello"],
    "deep-json": lambda t: [
        "Bearer " + base64.urlsafe_b64encode(b"[" * 5000).decode() + ".e30.e30"
    ],
    "huge-number": lambda t: [
        "Bearer " + base64.urlsafe_b64encode(b'{"a":' + b"9" * 5000 + b"}").decode() + ".e30.e30"
    ],
    "no-signature": lambda t: ["Bearer " + t.rpartition(".")[0] + "."],
    "changed-claims": lambda t: ["Bearer " + ".".join([t.split(".")[0], "e30", t.split(".")[2]])],
}


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS.keys())
def test_a_malformed_header_is_refused(
    signer: Signer, header: Callable[[str], Sequence[str | bytes]]
) -> None:
    _refused(signer.verifier(), *header(_issue(signer.issuer)))


def _without(claims: Mapping[str, object], *path: str) -> dict[str, object]:
    copy: dict[str, object] = json.loads(json.dumps(claims))
    at = copy
    for name in path[:-1]:
        inner = at[name]
        assert isinstance(inner, dict)
        at = inner
    at.pop(path[-1], None)
    return copy


def _with(claims: Mapping[str, object], value: object, *path: str) -> dict[str, object]:
    copy = _without(claims, *path)
    at = copy
    for name in path[:-1]:
        inner = at[name]
        assert isinstance(inner, dict)
        at = inner
    at[path[-1]] = value
    return copy


K8S = "kubernetes.io"
CLAIMS: Mapping[str, Callable[[Mapping[str, object]], Mapping[str, object]]] = {
    "api-server-audience": lambda c: _with(c, ["https://kubernetes.default.svc"], "aud"),
    "several-audiences": lambda c: _with(c, [AUDIENCE, "other"], "aud"),
    "empty-audience": lambda c: _with(c, [], "aud"),
    "no-audience": lambda c: _without(c, "aud"),
    "audience-prefix": lambda c: _with(c, ["heddl"], "aud"),
    "other-issuer": lambda c: _with(c, "https://evil.example", "iss"),
    "no-issuer": lambda c: _without(c, "iss"),
    "no-expiry": lambda c: _without(c, "exp"),
    "expiry-as-text": lambda c: _with(c, "4102444800", "exp"),
    "expiry-true": lambda c: _with(c, True, "exp"),
    "expiry-nan": lambda c: _with(c, float("nan"), "exp"),
    "future-nbf": lambda c: _with(c, NOW + 60, "nbf"),
    "future-iat": lambda c: _with(c, NOW + 60, "iat"),
    "not-bound-to-anything": lambda c: _without(c, K8S),
    "not-bound-to-a-pod": lambda c: _without(c, K8S, "pod"),
    "no-pod-uid": lambda c: _without(c, K8S, "pod", "uid"),
    "no-pod-name": lambda c: _without(c, K8S, "pod", "name"),
    "pod-is-a-list": lambda c: _with(c, ["web-1"], K8S, "pod"),
    "node-is-text": lambda c: _with(c, "local", K8S, "node"),
    "no-node-name": lambda c: _without(c, K8S, "node", "name"),
    "node-with-newline": lambda c: _with(c, "local\n", K8S, "node", "name"),
    "pod-uid-empty": lambda c: _with(c, "", K8S, "pod", "uid"),
    "no-service-account": lambda c: _without(c, K8S, "serviceaccount"),
    "no-service-account-uid": lambda c: _without(c, K8S, "serviceaccount", "uid"),
    "no-namespace": lambda c: _without(c, K8S, "namespace"),
    "namespace-is-a-path": lambda c: _with(c, "shop/../other", K8S, "namespace"),
    "namespace-with-nul": lambda c: _with(c, "shop\0", K8S, "namespace"),
    "namespace-with-newline": lambda c: _with(c, "shop\n", K8S, "namespace"),
    "no-subject": lambda c: _without(c, "sub"),
    "subject-of-another-account": lambda c: _with(c, "system:serviceaccount:shop:db", "sub"),
    "subject-of-another-namespace": lambda c: _with(c, "system:serviceaccount:bank:web", "sub"),
    "subject-is-a-node": lambda c: _with(c, "system:node:one", "sub"),
}


@pytest.mark.parametrize("bend", CLAIMS.values(), ids=CLAIMS.keys())
def test_a_validly_signed_token_with_wrong_claims_is_refused(
    signer: Signer, bend: Callable[[Mapping[str, object]], Mapping[str, object]]
) -> None:
    _refused(signer.verifier(), "Bearer " + signer.sign(bend(signer.claims)))


def test_the_bending_helpers_leave_a_good_token_good(signer: Signer) -> None:
    """Guards the table above: its tokens fail for their one change, not for being made here."""
    assert signer.verifier().verify(["Bearer " + signer.sign(signer.claims)])


@pytest.mark.parametrize(
    ("late", "accepted"),
    [(-1.0, True), (LEEWAY_SECONDS - 1, True), (LEEWAY_SECONDS, False), (86400.0, False)],
    ids=["live", "within-leeway", "expired", "long-expired"],
)
def test_expiry_has_a_small_leeway(signer: Signer, late: float, accepted: bool) -> None:
    verifier, header = signer.verifier(NOW + TTL + late), f"Bearer {_issue(signer.issuer)}"
    if accepted:
        assert verifier.verify([header])
    else:
        assert _refused(verifier, header).reason == "expired"


def test_another_clusters_token_is_refused(signer: Signer) -> None:
    assert "unknown key" in _refused(signer.verifier(), f"Bearer {_issue(LocalIssuer())}").reason


def test_another_keys_signature_under_our_key_id_is_refused(signer: Signer) -> None:
    forged = jwt.encode(
        signer.claims,
        ec.generate_private_key(ec.SECP256R1()),
        algorithm="ES256",
        headers={"kid": signer.key_id},
    )
    _refused(signer.verifier(), f"Bearer {forged}")


def test_algorithm_none_is_refused(signer: Signer) -> None:
    forged = jwt.encode(signer.claims, "", algorithm="none", headers={"kid": signer.key_id})
    _refused(signer.verifier(), f"Bearer {forged}")


def test_public_key_used_as_hmac_secret_is_refused(signer: Signer) -> None:
    # Signed by hand: PyJWT refuses to be used for this.
    head = (
        jwt.utils.base64url_encode(json.dumps({"alg": "HS256", "kid": signer.key_id}).encode())
        + b"."
        + jwt.utils.base64url_encode(json.dumps(signer.claims).encode())
    )
    key = json.dumps(signer.issuer.jwks()).encode()
    mac = jwt.utils.base64url_encode(hmac.digest(key, head, "sha256"))
    forged = (head + b"." + mac).decode()
    _refused(signer.verifier(), f"Bearer {forged}")


def test_the_key_decides_the_algorithm(signer: Signer) -> None:
    forged = jwt.encode(
        signer.claims,
        rsa.generate_private_key(public_exponent=65537, key_size=2048),
        algorithm="RS256",
        headers={"kid": signer.key_id},
    )
    _refused(signer.verifier(), f"Bearer {forged}")


@pytest.mark.parametrize("kid", ["../../key", "", "0"])
def test_a_key_id_is_only_ever_looked_up(signer: Signer, kid: str) -> None:
    _refused(signer.verifier(), "Bearer " + signer.sign(signer.claims, kid=kid))


@pytest.mark.parametrize(
    "jwks",
    [
        {"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "1", "alg": "HS256"}]},
        {"keys": []},
    ],
    ids=["symmetric", "empty"],
)
def test_a_key_set_without_a_usable_key_is_refused_at_once(jwks: Mapping[str, object]) -> None:
    with pytest.raises((ValueError, jwt.PyJWTError)):
        TokenVerifier(jwks, issuer=ISSUER, audience=AUDIENCE, clock=lambda: NOW)


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS.keys())
def test_a_refusal_shows_nothing_of_the_token(
    signer: Signer, header: Callable[[str], Sequence[str | bytes]]
) -> None:
    token = _issue(signer.issuer)
    error = _refused(signer.verifier(), *header(token))
    shown = (
        str(error) + repr(error) + error.reason + "".join(traceback.format_exception_only(error))
    )
    assert str(error) == "not authenticated"
    assert all(part not in shown for part in token.split("."))
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None
