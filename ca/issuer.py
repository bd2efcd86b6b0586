"""The token issuer of a mesh without a cluster: it stands in for the Kubernetes API server.

Its tokens carry the claims of a projected service account token (bound to a pod), so that nothing
behind it can tell the difference. The key lives as long as the process.
"""

import json
from collections.abc import Mapping
from hashlib import blake2b, sha256

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from ca.secret import PrivateKey, Token

ISSUER = "https://kubernetes.default.svc.cluster.local"
"""The `iss` of a cluster with default settings."""


class LocalIssuer:
    """Signs pods' tokens with an ES256 key of its own."""

    def __init__(self, issuer: str = ISSUER) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        self.issuer = issuer
        self._public = key.public_key()
        self._key = PrivateKey(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        self._key_id = sha256(
            self._public.public_bytes(
                serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        ).hexdigest()

    def jwks(self) -> Mapping[str, object]:
        """The public key set, for `TokenVerifier`."""
        public: dict[str, object] = json.loads(ECAlgorithm.to_jwk(self._public))
        return {"keys": [{**public, "kid": self._key_id, "alg": "ES256", "use": "sig"}]}

    def issue(
        self,
        *,
        namespace: str,
        service_account: str,
        pod: str,
        uid: str,
        audience: str,
        now: float,
        ttl: float,
        node: str = "local",
    ) -> Token:
        """A token for a pod. `now` is in seconds since the epoch, `ttl` in seconds."""
        claims = {
            "aud": [audience],
            "exp": int(now + ttl),
            "iat": int(now),
            "nbf": int(now),
            "iss": self.issuer,
            "jti": _uid(uid, audience, str(now)),
            "kubernetes.io": {
                "namespace": namespace,
                "node": {"name": node, "uid": _uid("node", node)},
                "pod": {"name": pod, "uid": uid},
                "serviceaccount": {
                    "name": service_account,
                    "uid": _uid("serviceaccount", namespace, service_account),
                },
            },
            "sub": f"system:serviceaccount:{namespace}:{service_account}",
        }
        headers = {"kid": self._key_id}
        signed = jwt.encode(claims, self._key.reveal(), algorithm="ES256", headers=headers)
        return Token(signed.encode("ascii"))


def _uid(*parts: str) -> str:
    """An identifier in the form of a UUID, the same for the same parts."""
    digest = blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()
    return "-".join((digest[:8], digest[8:12], digest[12:16], digest[16:20], digest[20:]))
