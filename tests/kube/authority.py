"""The keys of a test's cluster: one authority that signs for the servers and for their clients."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID

_LIFE = timedelta(days=2)
_SIGNS = x509.KeyUsage(
    digital_signature=True,
    key_cert_sign=True,
    crl_sign=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    encipher_only=False,
    decipher_only=False,
)


class ClusterAuthority:
    """Writes what it signs into `folder`, as `<name>.pem` and `<name>-key.pem`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("kubernetes", ())
        self._now = datetime.now(UTC)  # noqa: TID251 - the server looks at the real clock
        basic = x509.BasicConstraints(ca=True, path_length=None)
        root = self._builder(self._name, self._key).add_extension(basic, critical=True)
        root = root.add_extension(_SIGNS, critical=True)
        self.root = folder / "ca.pem"
        """What both sides trust."""
        self.root.write_bytes(root.sign(self._key, SHA256()).public_bytes(Encoding.PEM))

    def server(
        self, name: str, addresses: Sequence[str], names: Sequence[str]
    ) -> tuple[Path, Path]:
        """A certificate for a server, and its key."""
        sans = [x509.IPAddress(ip_address(each)) for each in addresses]
        return self._issue(
            name,
            _name(name, ()),
            ExtendedKeyUsageOID.SERVER_AUTH,
            x509.SubjectAlternativeName([*sans, *(x509.DNSName(each) for each in names)]),
        )

    def client(self, user: str, *groups: str) -> tuple[Path, Path]:
        """A certificate that says who somebody is, and its key."""
        usage = ExtendedKeyUsageOID.CLIENT_AUTH
        return self._issue(user.replace(":", "-"), _name(user, groups), usage)

    def key_pair(self, name: str) -> tuple[Path, Path]:
        """A public key, and its private one: what signs the tokens of service accounts."""
        key = ec.generate_private_key(ec.SECP256R1())
        public = self._folder / f"{name}.pub"
        form = PublicFormat.SubjectPublicKeyInfo
        public.write_bytes(key.public_key().public_bytes(Encoding.PEM, form))
        return public, self._store(name, key)

    def _issue(
        self,
        name: str,
        subject: x509.Name,
        usage: x509.ObjectIdentifier,
        *more: x509.ExtensionType,
    ) -> tuple[Path, Path]:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._builder(subject, key)
        for extension in (x509.ExtendedKeyUsage([usage]), *more):
            builder = builder.add_extension(extension, critical=False)
        chain = self._folder / f"{name}.pem"
        chain.write_bytes(builder.sign(self._key, SHA256()).public_bytes(Encoding.PEM))
        return chain, self._store(name, key)

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now - _LIFE)
            .not_valid_after(self._now + _LIFE)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), False
            )
        )

    def _store(self, name: str, key: ec.EllipticCurvePrivateKey) -> Path:
        path = self._folder / f"{name}-key.pem"
        path.touch(mode=0o600)
        path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return path


def _name(user: str, groups: Sequence[str]) -> x509.Name:
    parts = [x509.NameAttribute(x509.NameOID.COMMON_NAME, user)]
    parts += [x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, each) for each in groups]
    return x509.Name(parts)
