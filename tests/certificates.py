"""Certificates for tests: made once, of an authority that nobody else knows."""

import ssl
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import NamedTemporaryFile

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
_NAME = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
START, END = datetime(2024, 1, 1, tzinfo=UTC), datetime(2124, 1, 1, tzinfo=UTC)
NOT_ENCRYPTED = NoEncryption()


@cache
def ec_key(number: int = 0) -> ec.EllipticCurvePrivateKey:
    """A key on P-256; another for each number."""
    del number
    return ec.generate_private_key(ec.SECP256R1())


@cache
def pair(number: int = 0) -> tuple[bytes, bytes]:
    """A certificate and its key, as PEM; others for each number."""
    return certificate(ec_key(number)), private(ec_key(number))


def certificate(key: Key) -> bytes:
    """A certificate that the key has signed for itself, as PEM."""
    made = (
        x509.CertificateBuilder()
        .subject_name(_NAME)
        .issuer_name(_NAME)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(START)
        .not_valid_after(END)
    )
    hashed = None if isinstance(key, ed25519.Ed25519PrivateKey) else SHA256()
    return made.sign(key, hashed).public_bytes(Encoding.PEM)


def private(key: Key, encryption: KeySerializationEncryption = NOT_ENCRYPTED) -> bytes:
    """The key as PEM."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def revocations(key: Key) -> bytes:
    """An empty list of revoked certificates, as PEM."""
    made = x509.CertificateRevocationListBuilder().issuer_name(_NAME)
    dated = made.last_update(START).next_update(END)
    return dated.sign(key, SHA256()).public_bytes(Encoding.PEM)


def presenting(context: ssl.SSLContext, chain: bytes, key: bytes) -> ssl.SSLContext:
    """The context, which shows this certificate from now on; both are PEM."""
    with NamedTemporaryFile() as first, NamedTemporaryFile() as second:
        Path(first.name).write_bytes(chain)
        Path(second.name).write_bytes(key)
        context.load_cert_chain(first.name, second.name)
    return context
