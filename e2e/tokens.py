"""Tokens as an identity provider signs them, and as somebody makes them who is none."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import RSAAlgorithm

from tests.meshes import destination_rule

MINUTE = 60
Claims = Mapping[str, object]


def now() -> int:
    """Seconds, as in the times of tokens."""
    return int(time.time())  # noqa: TID251 - a real Envoy compares with its own clock


class Provider:
    """An issuer with one key of its own, made when the tests run."""

    def __init__(self, issuer: str, key: rsa.RSAPrivateKey | None = None) -> None:
        self.issuer = issuer
        self._kid = "1"
        self._key = key or rsa.generate_private_key(public_exponent=65_537, key_size=2048)

    def called(self, issuer: str) -> "Provider":
        """The same key under another name."""
        return Provider(issuer, self._key)

    @property
    def jwks(self) -> str:
        """The key set that everybody may know."""
        public = RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return json.dumps({"keys": [{**public, "kid": self._kid, "alg": "RS256"}]})

    def token(self, more: Claims | None = None, *, kid: str = "", **claims: object) -> str:
        """A token that is valid, unless the claims say otherwise."""
        every = self._claims({**(more or {}), **claims})
        return jwt.encode(dict(every), self._key, "RS256", headers={"kid": kid or self._kid})

    def forged(self, **claims: object) -> str:
        """Signed with the public key, taken for a secret (HS256)."""
        public = self._key.public_key()
        secret = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        signed = _unsigned({"alg": "HS256", "kid": self._kid}, self._claims(claims))
        return f"{signed}.{_text(hmac.digest(secret, signed.encode(), hashlib.sha256))}"

    def unsigned(self, algorithm: str = "none", **claims: object) -> str:
        """That says it needs no signature."""
        return f"{_unsigned({'alg': algorithm, 'kid': self._kid}, self._claims(claims))}."

    def altered(self, **claims: object) -> str:
        """With the signature of another token."""
        signature = self.token().rpartition(".")[2]
        signed = _unsigned({"alg": "RS256", "kid": self._kid}, self._claims(claims))
        return f"{signed}.{signature}"

    def _claims(self, claims: Claims) -> Claims:
        return {"iss": self.issuer, "sub": "me", "exp": now() + 10 * MINUTE, **claims}


def bearer(token: str) -> dict[str, str]:
    """The header in which a token is looked for."""
    return {"authorization": f"Bearer {token}"}


def _unsigned(header: Claims, claims: Claims) -> str:
    return ".".join(_text(json.dumps(each).encode()) for each in (header, claims))


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


OURS, OTHERS = Provider("https://idp.test"), Provider("https://others.test")
STRANGER = Provider(OURS.issuer)
"""Says that it is ours, with a key that nobody knows."""


def rule(provider: Provider = OURS, more: str = "") -> str:
    """A rule of a RequestAuthentication, with the keys in place."""
    return f"{{issuer: {provider.issuer}, jwks: '{provider.jwks}'{more}}}"


def keys_at(uri: str, more: str = "") -> str:
    """A rule with its keys at an address."""
    return f"{{issuer: {OURS.issuer}, jwksUri: '{uri}'{more}}}"


def authentication(
    *rules: str, whom: str = "selector: {matchLabels: {app: echo}}", namespace: str = "e2e"
) -> str:
    """A RequestAuthentication for the server."""
    return f"""
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {{name: tokens, namespace: {namespace}}}
spec: {{{whom}, jwtRules: [{", ".join(rules)}]}}
"""


FRESH = destination_rule(
    "fresh",
    "{host: echo, trafficPolicy: {connectionPool: {http: {maxRequestsPerConnection: 1}}}}",
    "e2e",
)
"""A connection for each request to the server: one that is open serves one more request by the
policies that it found.
"""
