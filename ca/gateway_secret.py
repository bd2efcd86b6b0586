"""Whether Envoy will take what a Secret holds for a gateway.

One bad certificate must not reach Envoy: it would refuse it, and the last good one would be lost on
the way. The texts say what is wrong and show nothing of what was read.
"""

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

_MIN_RSA_BITS = 2048
_CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
_WRONG = (ValueError, TypeError, UnsupportedAlgorithm)


def certificate_fault(chain: bytes, key: bytes) -> str | None:
    """What is wrong with a certificate, its chain and its private key, all PEM."""
    try:
        certificates = x509.load_pem_x509_certificates(chain)
        public = certificates[0].public_key()
    except _WRONG:
        return "the certificate is not PEM: it must begin with BEGIN CERTIFICATE"
    try:
        private = load_pem_private_key(key, password=None)
    except TypeError:
        return "the private key is encrypted: store it without a password"
    except (ValueError, UnsupportedAlgorithm):
        return "the private key is not PEM: it must begin with BEGIN PRIVATE KEY or the like"
    own = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if own != public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo):
        return "the private key does not belong to the certificate: the first one must be its own"
    if isinstance(public, rsa.RSAPublicKey):
        short = public.key_size < _MIN_RSA_BITS
        return f"Envoy takes RSA keys of {_MIN_RSA_BITS} bits and more only" if short else None
    if isinstance(public, ec.EllipticCurvePublicKey) and isinstance(public.curve, _CURVES):
        return None
    return "Envoy takes RSA keys and EC keys on P-256, P-384 and P-521 only"


def roots_fault(roots: bytes) -> str | None:
    """What is wrong with the certificates of authorities, PEM."""
    try:
        x509.load_pem_x509_certificates(roots)
    except _WRONG:
        return "the authorities are not PEM: they must begin with BEGIN CERTIFICATE"
    return None


def revoked_fault(revoked: bytes) -> str | None:
    """What is wrong with a list of revoked certificates, PEM."""
    try:
        x509.load_pem_x509_crl(revoked)
    except _WRONG:
        return "the list of revoked certificates is not PEM: it must begin with BEGIN X509 CRL"
    return None
