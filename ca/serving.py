"""The certificate that the control plane serves with, and the root that pods trust it by.

Made when the process starts, for one machine and one run: nothing is stored. The clock and the
lifetimes are arguments; the only thing here that is not a function of its arguments is the choice
of keys and serial numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ca.check import check_root, check_serving
from ca.errors import CertificateError
from ca.secret import PrivateKey

SERVER_NAME = "heddle.heddle-system.svc"
"""The name that every sidecar's bootstrap insists on: it is what keeps the token from going to
anybody else."""

BACKDATE = timedelta(minutes=2)
"""How far `not_before` lies in the past, for clocks that are behind."""

ROOT_LIFETIME = timedelta(days=365)
SERVING_LIFETIME = timedelta(days=1)

Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True, kw_only=True)
class MeshRoot:
    """A self-signed root: the certificate that pods are given, and the key that signs."""

    certificate: x509.Certificate
    key: PrivateKey

    @property
    def pem(self) -> bytes:
        """The certificate as PEM: what goes into the ConfigMap of every namespace."""
        return _pem(self.certificate)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingCertificate:
    """What a TLS server needs. Times are aware and in UTC."""

    chain_pem: bytes
    key: PrivateKey
    not_before: datetime
    not_after: datetime


def mesh_root(now: datetime, lifetime: timedelta = ROOT_LIFETIME) -> MeshRoot:
    """A new root with a key of its own."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Heddle mesh root")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATE)
        .not_valid_after(now + lifetime)
        .add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    check_root(certificate, key.public_key())
    return MeshRoot(certificate=certificate, key=_private(key))


def serving_certificate(
    root: MeshRoot,
    now: datetime,
    *,
    addresses: Sequence[Address] = (),
    names: Sequence[str] = (SERVER_NAME,),
    lifetime: timedelta = SERVING_LIFETIME,
) -> ServingCertificate:
    """A certificate for a server at `addresses`, signed by `root`, checked after it was signed.

    It never outlives the root: `lifetime` is cut to what the root has left.
    """
    signer = _signing_key(root.key)
    key = ec.generate_private_key(ec.SECP256R1())
    not_before = max(now - BACKDATE, root.certificate.not_valid_before_utc)
    not_after = min(now + lifetime, root.certificate.not_valid_after_utc)
    if not_before >= not_after:
        raise CertificateError("the root has expired")
    sans = (*(x509.DNSName(name) for name in names), *(x509.IPAddress(ip) for ip in addresses))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))  # the names are in the SAN, which is all that TLS clients read
        .issuer_name(root.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(sans), critical=True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
        .sign(signer, hashes.SHA256())
    )
    check_serving(certificate, issuer=root.certificate, public_key=key.public_key(), sans=sans)
    return ServingCertificate(
        chain_pem=_pem(certificate),
        key=_private(key),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
    )


def renew(not_before: datetime, not_after: datetime, now: datetime) -> bool:
    """Whether two thirds of a certificate's life are over, so that a third is left to retry in."""
    return now >= not_before + (not_after - not_before) * 2 / 3


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _private(key: ec.EllipticCurvePrivateKey) -> PrivateKey:
    return PrivateKey(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


def _signing_key(key: PrivateKey) -> ec.EllipticCurvePrivateKey:
    loaded = serialization.load_pem_private_key(key.reveal(), password=None)
    if not isinstance(loaded, ec.EllipticCurvePrivateKey):
        raise TypeError("the root's key is not an elliptic curve key")
    return loaded


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
