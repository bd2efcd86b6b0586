"""What was signed is what was meant.

A certificate is read back from its bytes after it was signed and compared with what was asked for,
so that a mistake in building one stops here and not at a peer that trusted it. (SPIRE's
`credvalidator` does the same.)
"""

from collections.abc import Sequence
from datetime import timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from ca.errors import CertificateError

_MIN_SERIAL_BITS = 64
"""A serial number of 159 random bits is shorter than this once in 2^95 certificates."""


def check_serving(
    certificate: x509.Certificate,
    *,
    issuer: x509.Certificate,
    public_key: ec.EllipticCurvePublicKey,
    sans: Sequence[x509.GeneralName],
) -> None:
    """Raise `CertificateError` unless this is a server's leaf for that key and those names, within
    its issuer's life."""
    read = _reread(certificate)
    _check(_same_key(read, public_key), "the certificate is for another key")
    _check(_issued_by(read, issuer), "the certificate is not signed by the root")
    _check(_lifetime(read) > timedelta(0), "the certificate is never valid")
    _check(
        issuer.not_valid_before_utc <= read.not_valid_before_utc
        and read.not_valid_after_utc <= issuer.not_valid_after_utc,
        "the certificate outlives its issuer",
    )
    _check_leaf_extensions(read, sans)


def check_workload(
    certificate: x509.Certificate,
    *,
    issuer: x509.Certificate,
    public_key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey,
    identity: str,
) -> None:
    """Raise `CertificateError` unless this is a leaf for that key with that SPIFFE id and no other
    name, for both ends of a connection, within its issuer's life."""
    read = _reread(certificate)
    _check(read.public_key() == public_key, "the certificate is for another key")
    _check(_issued_by(read, issuer), "the certificate is not signed by the authority")
    _check(_lifetime(read) > timedelta(0), "the certificate is never valid")
    _check(
        issuer.not_valid_before_utc <= read.not_valid_before_utc
        and read.not_valid_after_utc <= issuer.not_valid_after_utc,
        "the certificate outlives its issuer",
    )
    _check(read.serial_number.bit_length() > _MIN_SERIAL_BITS, "the serial number can be guessed")
    _check(not list(read.subject), "the certificate has a name beside its identity")
    names = read.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    wanted = [x509.UniformResourceIdentifier(identity)]
    _check(list(names.value) == wanted, "the certificate is for another identity")
    _check(names.critical, "the identity could be overlooked")
    basic = read.extensions.get_extension_for_class(x509.BasicConstraints).value
    usage = read.extensions.get_extension_for_class(x509.KeyUsage).value
    extended = read.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    _check(not basic.ca and not usage.key_cert_sign, "the certificate may sign others")
    _check(usage.digital_signature, "the certificate may not sign a handshake")
    both = {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}
    _check(set(extended) == both, "the certificate's use is wrong")


def _check_leaf_extensions(read: x509.Certificate, sans: Sequence[x509.GeneralName]) -> None:
    extensions = read.extensions
    usage = extensions.get_extension_for_class(x509.KeyUsage).value
    extended = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    basic = extensions.get_extension_for_class(x509.BasicConstraints).value
    _check(not basic.ca and not usage.key_cert_sign, "the certificate may sign others")
    _check(usage.digital_signature, "the certificate may not sign a handshake")
    _check(list(extended) == [ExtendedKeyUsageOID.SERVER_AUTH], "the certificate's use is wrong")
    _check(bool(sans) and list(names) == list(sans), "the certificate's names are wrong")


def _reread(certificate: x509.Certificate) -> x509.Certificate:
    return x509.load_der_x509_certificate(certificate.public_bytes(serialization.Encoding.DER))


def _same_key(certificate: x509.Certificate, key: ec.EllipticCurvePublicKey) -> bool:
    found = certificate.public_key()
    return isinstance(found, ec.EllipticCurvePublicKey) and found == key


def _issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def _lifetime(certificate: x509.Certificate) -> timedelta:
    return certificate.not_valid_after_utc - certificate.not_valid_before_utc


def _check(holds: bool, otherwise: str) -> None:
    if not holds:
        raise CertificateError(otherwise)
