"""What signs workloads' certificates: a certificate with its key, and the way up to the root.

The root signs nothing but intermediates. What is in use day by day is an intermediate, so that the
root's key can be kept elsewhere. The clock is an argument; only keys and serial numbers are chance.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization

from ca import keys
from ca.errors import AuthorityError

BACKDATE = timedelta(minutes=2)
"""How far `not_before` lies in the past, for clocks that are behind."""
_SPIFFE = "spiffe://"
ROOT_LIFETIME = timedelta(days=3650)
INTERMEDIATE_LIFETIME = timedelta(days=365)


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """`chain` leads from the signing certificate up to the root, both included; a root that signs
    itself is alone in it. `root_signer` is the root's key, for who makes the next intermediate;
    who only signs leaves has no use for it.
    """

    signer: keys.SigningKey = field(repr=False, compare=False)
    chain: tuple[x509.Certificate, ...]
    root_signer: keys.SigningKey | None = field(default=None, repr=False, compare=False)

    @property
    def certificate(self) -> x509.Certificate:
        """The one that signs."""
        return self.chain[0]

    @property
    def root(self) -> x509.Certificate:
        """The one that peers trust."""
        return self.chain[-1]

    @property
    def intermediates(self) -> tuple[x509.Certificate, ...]:
        """What a server shows beside its own certificate: all but the root."""
        return self.chain[:-1]

    @property
    def not_after(self) -> datetime:
        """When the first of the chain ends: nothing signed may live longer."""
        return min(each.not_valid_after_utc for each in self.chain)

    @property
    def not_before(self) -> datetime:
        """Since when the whole chain is valid."""
        return max(each.not_valid_before_utc for each in self.chain)


def new_root(now: datetime, trust_domain: str, lifetime: timedelta = ROOT_LIFETIME) -> Authority:
    """A self-signed root with a key of its own."""
    key = keys.new_key()
    subject = _subject("Heddle root", trust_domain)
    certificate = (
        _builder(subject, subject, key.public_key(), now, now + lifetime, trust_domain)
        .add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
        .sign(key, hashes.SHA256())
    )
    return checked(Authority(signer=key, chain=(certificate,), root_signer=key), now)


def new_intermediate(
    root: Authority, now: datetime, trust_domain: str, lifetime: timedelta = INTERMEDIATE_LIFETIME
) -> Authority:
    """An authority below `root` that may sign leaves only. It never outlives the root."""
    key = keys.new_key()
    subject = _subject("Heddle intermediate", trust_domain)
    until = min(now + lifetime, root.not_after)
    certificate = (
        _builder(subject, root.certificate.subject, key.public_key(), now, until, trust_domain)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(authority_key_id(root.certificate), critical=False)
        .sign(root.signer, hashes.SHA256())
    )
    made = Authority(signer=key, chain=(certificate, *root.chain), root_signer=root.signer)
    return checked(made, now)


def renewed(
    authority: Authority, now: datetime, lifetime: timedelta = INTERMEDIATE_LIFETIME
) -> Authority:
    """Another intermediate below the same root; raises `AuthorityError` where the root's key is
    kept elsewhere.
    """
    if authority.root_signer is None:
        raise AuthorityError("the root's key is not here: make the intermediate where it is kept")
    root = Authority(signer=authority.root_signer, chain=(authority.root,))
    return new_intermediate(checked(root, now), now, trust_domain(authority.certificate), lifetime)


def trust_domain(certificate: x509.Certificate) -> str:
    """The one that the certificate of an authority names; empty if it names none."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ""
    found = names.get_values_for_type(x509.UniformResourceIdentifier)
    return next((each.removeprefix(_SPIFFE) for each in found if each.startswith(_SPIFFE)), "")


def checked(authority: Authority, now: datetime) -> Authority:
    """The same, if its key fits and each certificate may sign and is signed by the next.

    Raises `AuthorityError` with what is wrong and the way out.
    """
    if authority.certificate.public_key() != authority.signer.public_key():
        raise AuthorityError("the key does not belong to the certificate that it comes with")
    for below, above in zip(authority.chain, authority.chain[1:], strict=False):
        _check_signed(below, above)
    _check_signed(authority.root, authority.root)
    for depth, each in enumerate(authority.chain):
        _check_may_sign(each, depth)
        keys.check_strength(each.public_key())
    if not authority.not_before <= now < authority.not_after:
        ended = f"{authority.not_before:%Y-%m-%d %H:%M} to {authority.not_after:%Y-%m-%d %H:%M} UTC"
        raise AuthorityError(f"the authority is valid from {ended} only: give a current one")
    return authority


def pem(certificates: Sequence[x509.Certificate]) -> bytes:
    """The certificates as PEM, one after the other."""
    return b"".join(each.public_bytes(serialization.Encoding.PEM) for each in certificates)


def authority_key_id(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    """How a certificate names the key that signed it: by the issuer's own identifier, if it has
    one.
    """
    try:
        own = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        key = keys.check_strength(issuer.public_key())
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(key)
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)


def _subject(name: str, trust_domain: str) -> x509.Name:
    # Two authorities with one name and different keys confuse those who build chains: the serial
    # number of the name tells them apart.
    serial = f"{x509.random_serial_number():x}"[:16]
    return x509.Name(
        [
            x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, trust_domain[:64]),
            x509.NameAttribute(x509.NameOID.COMMON_NAME, name),
            x509.NameAttribute(x509.NameOID.SERIAL_NUMBER, serial),
        ]
    )


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: keys.PublicKey,
    now: datetime,
    until: datetime,
    trust_domain: str,
) -> x509.CertificateBuilder:
    usage = keys.usage(certificates=True)
    identity = x509.SubjectAlternativeName(
        [x509.UniformResourceIdentifier(f"{_SPIFFE}{trust_domain}")]
    )
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATE)
        .not_valid_after(until)
        .add_extension(usage, critical=True)
        .add_extension(identity, critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _check_signed(below: x509.Certificate, above: x509.Certificate) -> None:
    try:
        below.verify_directly_issued_by(above)
    except (InvalidSignature, ValueError, TypeError):
        name, by = below.subject.rfc4514_string(), above.subject.rfc4514_string()
        raise AuthorityError(
            f"{name!r} is not signed by {by!r}: give the chain from the signing certificate upwards"
        ) from None


def _check_may_sign(certificate: x509.Certificate, depth: int) -> None:
    """`depth` is how many authorities there are below it."""
    name = certificate.subject.rfc4514_string()
    try:
        basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound as error:
        raise AuthorityError(f"{name!r} does not say that it may sign: {error}") from None
    if not (basic.ca and usage.key_cert_sign):
        raise AuthorityError(f"{name!r} may not sign certificates")
    if basic.path_length is not None and basic.path_length < depth:
        raise AuthorityError(f"{name!r} allows {basic.path_length} authorities below, not {depth}")
