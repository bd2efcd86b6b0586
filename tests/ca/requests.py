"""Signing requests as tests need them."""

from collections.abc import Sequence
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | dsa.DSAPrivateKey


@cache
def ec_key() -> ec.EllipticCurvePrivateKey:
    """A key on P-256."""
    return ec.generate_private_key(ec.SECP256R1())


@cache
def rsa_key(bits: int) -> rsa.RSAPrivateKey:
    """A key of so many bits."""
    return rsa.generate_private_key(65537, bits)


def csr(key: Key, *uris: str, extensions: Sequence[x509.ExtensionType] = ()) -> bytes:
    """A PEM that calls itself admin, asks for these URIs if there are any, and for `extensions`."""
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "admin")])
    made = x509.CertificateSigningRequestBuilder().subject_name(subject)
    if uris:
        names = [x509.UniformResourceIdentifier(uri) for uri in uris]
        made = made.add_extension(x509.SubjectAlternativeName(names), critical=False)
    for extension in extensions:
        made = made.add_extension(extension, critical=False)
    hashed = None if isinstance(key, ed25519.Ed25519PrivateKey) else SHA256()
    return made.sign(key, hashed).public_bytes(Encoding.PEM)


def names(*listed: x509.GeneralName) -> x509.SubjectAlternativeName:
    """Names of any kind."""
    return x509.SubjectAlternativeName(listed)


def raw_names(*listed: tuple[int, bytes]) -> x509.UnrecognizedExtension:
    """Names as no library would write them: the tag of each, and its bytes (fewer than 120)."""
    body = b"".join(bytes([tag, len(value)]) + value for tag, value in listed)
    return x509.UnrecognizedExtension(
        x509.SubjectAlternativeName.oid, bytes([0x30, len(body)]) + body
    )
