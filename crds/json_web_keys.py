"""Keys in place (RFC 7517): those that Envoy can use, and nothing else of what was written.

Envoy refuses a whole listener for a key set of which it can use no key (1.40, measured), so each
key is looked at as closely as Envoy does, and is written anew: a private part that should not be
there goes no further than here.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass

MAX_BYTES = 64 * 1024
"""Each listener of each workload carries the keys, once for each way to come in."""

_RSA_BITS = range(1024, 16_384 + 1)
_EXPONENTS = (3, 65_537)
"""Others BoringSSL refuses."""
_ED25519_BYTES = 32
_CURVES = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}
"""With the algorithm of each."""
Key = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """A key set as Envoy takes it, and the places of the keys that it could not use."""

    text: str
    skipped: tuple[int, ...] = ()


def usable_keys(text: str) -> Keys | str:
    """The keys of a key set; or what is wrong with it, and the way out."""
    if len(text.encode()) > MAX_BYTES:
        return f"is longer than {MAX_BYTES // 1024} KiB: use jwksUri"
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        return 'is no JSON: it must be a key set, {"keys": [...]}'
    listed = read.get("keys") if isinstance(read, dict) else None
    if not isinstance(listed, list):
        return 'is no key set: it must be {"keys": [...]}'
    made = [_usable(each) for each in listed]
    keys = [each for each in made if each is not None]
    if not keys:
        return (
            "has no key that can be used: RSA of 1024 bits and more, EC of P-256, P-384 and P-521, "
            "Ed25519, and oct can"
        )
    written = json.dumps({"keys": keys}, separators=(",", ":"))
    return Keys(text=written, skipped=tuple(n for n, each in enumerate(made) if each is None))


def _usable(key: object) -> Key | None:
    """What Envoy needs of a key."""
    if not isinstance(key, dict):
        return None
    named = {name: key[name] for name in ("kid", "alg") if isinstance(key.get(name), str)}
    algorithm = named.get("alg", "")
    prefix = algorithm[:2]
    match key.get("kty"):
        case "RSA" if prefix in ("", "RS", "PS"):
            found = _rsa(key)
        case "EC" if prefix in ("", "ES"):
            found = _elliptic(key, algorithm)
        case "OKP" if algorithm in ("", "EdDSA"):
            found = _edwards(key)
        case "oct" if algorithm in ("", "HS256", "HS384", "HS512"):
            found = _secret(key)
        case _:
            found = None
    return None if found is None else {"kty": key["kty"], **named, **found}


def _rsa(key: Key) -> Key | None:
    modulus, exponent = _number(key.get("n")), _number(key.get("e"))
    odd = modulus % 2 == 1
    if not odd or modulus.bit_length() not in _RSA_BITS or exponent not in _EXPONENTS:
        return None
    return {"n": _written(_bytes(modulus)), "e": _written(_bytes(exponent))}


def _elliptic(key: Key, algorithm: str) -> Key | None:
    name = key.get("crv")
    own = _CURVES.get(name) if isinstance(name, str) else None
    x, y = _number(key.get("x")), _number(key.get("y"))
    if own is None or algorithm not in ("", own):
        return None
    # Here, and not above: whoever has no such key is not to wait for the import.
    from cryptography.hazmat.primitives.asymmetric import ec

    curve = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}[str(name)]
    try:
        ec.EllipticCurvePublicNumbers(x, y, curve).public_key()
    except ValueError:  # a point beside the curve
        return None
    size = (curve.key_size + 7) // 8
    return {"crv": name, "x": _written(x.to_bytes(size)), "y": _written(y.to_bytes(size))}


def _edwards(key: Key) -> Key | None:
    point = _read(key.get("x"))
    if key.get("crv") != "Ed25519" or len(point) != _ED25519_BYTES:
        return None
    return {"crv": "Ed25519", "x": _written(point)}


def _secret(key: Key) -> Key | None:
    secret = _read(key.get("k"))
    return {"k": _written(secret)} if secret else None


def _number(value: object) -> int:
    return int.from_bytes(_read(value))


def _read(value: object) -> bytes:
    """Base64url, with padding or without it; nothing if it is something else."""
    if not isinstance(value, str) or not value.isascii() or set(value) & set("+/"):
        return b""
    bare = value.rstrip("=")
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        return b""


def _bytes(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8)


def _written(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
