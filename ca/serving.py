"""The certificate that the control plane serves with.

It is signed by the authority of the mesh, so pods trust one root for all. The clock and the
lifetimes are arguments; only keys and serial numbers are chance.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID

from ca import keys
from ca.authority import BACKDATE, Authority, authority_key_id, pem
from ca.check import check_serving
from ca.errors import AuthorityError
from ca.secret import PrivateKey

SERVER_NAME = "heddle.heddle-system.svc"
"""The name that every sidecar's bootstrap insists on: it is what keeps the token from going to
anybody else."""

SERVING_LIFETIME = timedelta(days=1)

Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingCertificate:
    """What a TLS server needs. Times are aware and in UTC."""

    chain_pem: bytes
    key: PrivateKey
    not_before: datetime
    not_after: datetime


def serving_certificate(
    authority: Authority,
    now: datetime,
    *,
    addresses: Sequence[Address] = (),
    names: Sequence[str] = (SERVER_NAME,),
    lifetime: timedelta = SERVING_LIFETIME,
) -> ServingCertificate:
    """A certificate for a server at `addresses`, signed by `authority` and checked after that.

    It never outlives the authority: `lifetime` is cut to what that has left. Raises
    `AuthorityError` if it has nothing left.
    """
    key = keys.new_key()
    not_before = max(now - BACKDATE, authority.not_before)
    not_after = min(now + lifetime, authority.not_after)
    if not now < not_after:
        raise AuthorityError("the certificate authority has expired: rotate it")
    sans = (*(x509.DNSName(name) for name in names), *(x509.IPAddress(ip) for ip in addresses))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))  # the names are in the SAN, which is all that TLS clients read
        .issuer_name(authority.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_HANDSHAKES, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(sans), critical=True)
        .add_extension(authority_key_id(authority.certificate), critical=False)
        .sign(authority.signer, hashes.SHA256())
    )
    check_serving(certificate, issuer=authority.certificate, public_key=key.public_key(), sans=sans)
    return ServingCertificate(
        chain_pem=pem((certificate, *authority.intermediates)),
        key=keys.written(key),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
    )


def renew(not_before: datetime, not_after: datetime, now: datetime) -> bool:
    """Whether two thirds of a certificate's life are over, so that a third is left to retry in."""
    return now >= not_before + (not_after - not_before) * 2 / 3


_HANDSHAKES = keys.usage(signature=True)
