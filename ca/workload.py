"""The certificates that workloads show each other: one SPIFFE id, a short life, and nothing else.

It is an X.509-SVID (SPIFFE standards, X509-SVID.md). The identity is an argument that comes from a
verified token; nothing that a workload says of itself gets in here.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from ca import keys
from ca.authority import BACKDATE, Authority, authority_key_id, pem
from ca.check import check_workload
from ca.claims import NAME
from ca.errors import AuthorityError, CertificateError, RequestError
from ca.secret import PrivateKey
from mesh.identity import SpiffeId

LIFETIME = timedelta(hours=24)
"""How long a workload's certificate lives, if nothing else is asked for."""

_UNREADABLE = (
    ValueError,
    TypeError,
    InvalidSignature,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
"""What the parser has to say of a request that it cannot make sense of."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TRUST_DOMAIN = re.compile(r"[a-z0-9._-]{1,255}")
"""What Kubernetes accepts as a name (RFC 1123 subdomain)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadCertificate:
    """A certificate for a public key. `chain_pem` has the leaf first and the root not at all; times
    are in UTC.
    """

    identity: SpiffeId
    chain_pem: bytes
    serial: int
    not_before: datetime
    not_after: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPair:
    """A certificate, and the private key that goes with it."""

    certificate: WorkloadCertificate
    key: PrivateKey


def key_pair(
    authority: Authority,
    identity: SpiffeId,
    now: datetime,
    *,
    lifetime: timedelta = LIFETIME,
) -> KeyPair:
    """A new key and its certificate.

    Raises `AuthorityError` if the authority has expired.
    """
    key = keys.new_key()
    certificate = signed(authority, identity, key.public_key(), now, lifetime=lifetime)
    return KeyPair(certificate=certificate, key=keys.written(key))


def from_request(
    authority: Authority,
    identity: SpiffeId,
    request: bytes,
    now: datetime,
    *,
    lifetime: timedelta = LIFETIME,
) -> WorkloadCertificate:
    """A certificate for the key of a PEM signing request, whatever name that asks for in vain.

    Raises `RequestError` if the request is not signed by its own key, has a weak one, or asks for
    any other name than the one that was verified.
    """
    try:
        asked = x509.load_pem_x509_csr(request)
        key = keys.check_size(keys.check_strength(asked.public_key()))
        valid = asked.is_signature_valid
        names = _asked_names(asked)
    except _UNREADABLE:
        raise RequestError("this is not a certificate signing request in PEM") from None
    except AuthorityError as error:
        raise RequestError(str(error)) from None
    if not valid:
        raise RequestError("the request is not signed by the key that it is for")
    if names not in ([], [x509.UniformResourceIdentifier(str(identity))]):
        raise RequestError(f"the request is for another identity than {identity}")
    return signed(authority, identity, key, now, lifetime=lifetime)


def _asked_names(request: x509.CertificateSigningRequest) -> list[x509.GeneralName]:
    try:
        return list(request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        return []


def signed(
    authority: Authority,
    identity: SpiffeId,
    key: keys.PublicKey,
    now: datetime,
    *,
    lifetime: timedelta,
) -> WorkloadCertificate:
    """A certificate that binds `key` to `identity`, read back and checked. It never outlives the
    authority.
    """
    name = x509.UniformResourceIdentifier(checked_id(identity))
    not_before = max(now - BACKDATE, authority.not_before)
    not_after = min(now + lifetime, authority.not_after)
    if not now < not_after:
        raise AuthorityError("the certificate authority has expired: rotate it")
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))  # the SPIFFE id is all that counts
        .issuer_name(authority.certificate.subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(key), critical=True)
        .add_extension(_both_sides(), critical=False)
        .add_extension(x509.SubjectAlternativeName([name]), critical=True)
        .add_extension(authority_key_id(authority.certificate), critical=False)
        .sign(authority.signer, hashes.SHA256())
    )
    check_workload(certificate, issuer=authority.certificate, public_key=key, identity=name.value)
    return WorkloadCertificate(
        identity=identity,
        chain_pem=pem((certificate, *authority.intermediates)),
        serial=certificate.serial_number,
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
    )


def renewal(authority: Authority, holder: str, now: datetime, lifetime: timedelta) -> datetime:
    """When a certificate that `holder` is given now is to be replaced: with half its life to go.

    Time is cut into pieces of half a life, at an instant that is the holder's own, so that those
    who came together do not come back together. All replicas cut alike: for a holder that comes
    back in the same piece its certificate is still the one that it has, whoever made it.
    """
    half = min(lifetime, authority.not_after - now) / 2
    share = int.from_bytes(blake2b(holder.encode(), digest_size=8).digest(), "big") / 2**64
    first = _EPOCH + half * share
    return first + ((now - first) // half + 1) * half


def checked_id(identity: SpiffeId) -> str:
    """The id as text; raises `CertificateError` unless each part is a plain name.

    The parts were verified before: what fails here is a mistake of ours, and must not be signed.
    """
    parts_are_names = (
        _TRUST_DOMAIN.fullmatch(identity.trust_domain)
        and NAME.fullmatch(identity.namespace)
        and NAME.fullmatch(identity.service_account)
    )
    if not parts_are_names:
        raise CertificateError(f"not an identity to be signed: {str(identity)!r}")
    return str(identity)


def _both_sides() -> x509.ExtendedKeyUsage:
    return x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])


def _usage(key: keys.PublicKey) -> x509.KeyUsage:
    return keys.usage(signature=True, encipherment=isinstance(key, rsa.RSAPublicKey))
