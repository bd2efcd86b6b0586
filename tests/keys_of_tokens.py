"""Keys of each type that Envoy can use, as a key set has them."""

import base64

from cryptography.hazmat.primitives.asymmetric import ed25519

from tests.certificates import ec_key


def text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def number(value: int, size: int = 0) -> str:
    return text(value.to_bytes(size or (value.bit_length() + 7) // 8))


POINT = ec_key().public_key().public_numbers()
X, Y = number(POINT.x, 32), number(POINT.y, 32)
N = (1 << 2047) + 1
RSA = {"kty": "RSA", "kid": "1", "n": number(N), "e": "AQAB"}
EC = {"kty": "EC", "kid": "2", "crv": "P-256", "x": X, "y": Y}
OKP = {
    "kty": "OKP",
    "crv": "Ed25519",
    "x": text(
        ed25519.Ed25519PrivateKey.from_private_bytes(b"1" * 32).public_key().public_bytes_raw()
    ),
}
OCT = {"kty": "oct", "k": text(b"not so secret")}
