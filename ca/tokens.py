"""Who is calling: a pod's projected service account token, verified offline against a key set.

Everything that is known about a caller comes from here and never from what the caller says about
itself. Every check fails closed; the caller learns only that it failed, our log learns why, and
neither sees any part of the token.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import jwt

from ca.claims import NAME, UID, check_audience, mapping, number, text
from ca.errors import Unauthenticated
from mesh.identity import WorkloadIdentity

MAX_HEADER_BYTES = 8192
"""Longer `authorization` values are refused before anything reads them."""

ALGORITHMS = frozenset({"ES256", "RS256"})
"""What Kubernetes signs with. The key decides which of them, never the token."""

LEEWAY_SECONDS = 10.0
"""How far two clocks may be apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Key:
    algorithm: str
    key: jwt.PyJWK


class TokenVerifier:
    """Verifies tokens of one issuer for one audience. `clock` gives seconds since the epoch.

    Raises `ValueError` at once if the key set holds no usable key: a verifier that could accept
    nobody, or that had to guess an algorithm, is a mistake in the caller.
    """

    def __init__(
        self,
        jwks: Mapping[str, object],
        *,
        issuer: str,
        audience: str,
        clock: Callable[[], float],
    ) -> None:
        self._keys = _keys(jwks)
        self._issuer = issuer
        self._audience = audience
        self._clock = clock

    def verify(self, authorization: Sequence[str | bytes]) -> WorkloadIdentity:
        """The identity behind the values of the `authorization` header (all of them, in order).

        Raises `Unauthenticated`, whose text is safe to send and whose `reason` is safe to log.
        """
        claims = self._claims(bearer(authorization))
        expires = self._check_times(claims)
        if claims.get("iss") != self._issuer:
            raise Unauthenticated("another issuer")
        check_audience(claims, self._audience)
        return _identity(claims, expires)

    def _claims(self, token: str) -> Mapping[str, object]:
        try:
            header: Mapping[str, object] = jwt.get_unverified_header(token)
            key = self._keys.get(str(header.get("kid")))
            if key is None:
                raise Unauthenticated("signed by an unknown key")
            claims: Mapping[str, object] = jwt.decode(
                token, key.key, algorithms=[key.algorithm], options=_options()
            )
        # RecursionError: JSON nested a thousand deep fits into the size limit.
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
            # The class says which check failed; the text could quote the token, so it is not kept,
            # nor is the cause.
            raise Unauthenticated(f"not a valid token ({type(error).__name__})") from None
        return claims

    def _check_times(self, claims: Mapping[str, object]) -> float:
        now = self._clock()
        expires = number(claims, "exp")
        if expires <= now - LEEWAY_SECONDS:
            raise Unauthenticated("expired")
        for claim in ("iat", "nbf"):
            if claim in claims and number(claims, claim) > now + LEEWAY_SECONDS:
                raise Unauthenticated("not valid yet")
        return expires


def _options() -> jwt.types.Options:
    # Times are checked here against the injected clock, the audience more strictly than by PyJWT.
    return {
        "verify_signature": True,
        "verify_exp": False,
        "verify_nbf": False,
        "verify_iat": False,
        "verify_aud": False,
        "verify_iss": False,
    }


def _keys(jwks: Mapping[str, object]) -> Mapping[str, _Key]:
    keys = {}
    try:
        found = jwt.PyJWKSet.from_dict(dict(jwks)).keys
    except (jwt.PyJWKSetError, jwt.PyJWKError) as error:
        raise ValueError(f"this is no key set: {error}") from error
    for jwk in found:
        # A symmetric key in a public set would let anybody sign.
        if jwk.key_type in ("EC", "RSA") and jwk.algorithm_name in ALGORITHMS and jwk.key_id:
            keys[jwk.key_id] = _Key(algorithm=jwk.algorithm_name, key=jwk)
    if not keys:
        raise ValueError(f"the key set holds no key with an id for one of {sorted(ALGORITHMS)}")
    return keys


def bearer(authorization: Sequence[str | bytes]) -> str:
    """The token in the values of the `authorization` header, of which there must be one; raises
    `Unauthenticated`.
    """
    if len(authorization) != 1:
        raise Unauthenticated(f"{len(authorization)} authorization headers instead of one")
    value = authorization[0]
    if len(value) > MAX_HEADER_BYTES:
        raise Unauthenticated("the authorization header is too long")
    try:
        said = value.decode("ascii") if isinstance(value, bytes) else value
    except UnicodeDecodeError:
        raise Unauthenticated("the authorization header is not ASCII") from None
    scheme, _, token = said.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated("the authorization header is not a bearer token")
    return token


def _identity(claims: Mapping[str, object], expires: float) -> WorkloadIdentity:
    bound = mapping(claims, "kubernetes.io")
    pod, account = mapping(bound, "pod"), mapping(bound, "serviceaccount")
    namespace = text(bound, "namespace", NAME)
    name = text(account, "name", NAME)
    text(account, "uid", UID)
    if claims.get("sub") != f"system:serviceaccount:{namespace}:{name}":
        raise Unauthenticated("the subject is not the service account")
    return WorkloadIdentity(
        namespace=namespace,
        service_account=name,
        pod_name=text(pod, "name", NAME),
        pod_uid=text(pod, "uid", UID),
        expires=expires,
        node=text(mapping(bound, "node"), "name", NAME) if "node" in bound else None,
    )
