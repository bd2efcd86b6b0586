"""Certificates for the programs of a test, in files that every container can read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

START = datetime(2024, 1, 1, tzinfo=UTC)
END = datetime(2124, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Authority:
    """Who signs. `certificate` is its own, its trust anchor."""

    name: x509.Name
    key: ec.EllipticCurvePrivateKey
    certificate: bytes

    def issue(
        self,
        folder: Path,
        file: str,
        name: str,
        hosts: Sequence[str] = (),
        *,
        identity: str = "",
    ) -> None:
        """Writes `<file>.pem` and `<file>-key.pem`: a certificate for `name`, and its key. With an
        `identity`, a URI, it is for that alone.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        names: list[x509.GeneralName] = [x509.DNSName(host) for host in hosts or (name,)]
        if identity:
            names = [x509.UniformResourceIdentifier(identity)]
        signed = (
            _certificate(subject, self.name, key)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .sign(self.key, SHA256())
        )
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        write(folder / f"{file}.pem", signed.public_bytes(Encoding.PEM))
        write(folder / f"{file}-key.pem", secret)


def authority(name: str) -> Authority:
    """One that nobody has heard of before."""
    key = ec.generate_private_key(ec.SECP256R1())
    own = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    signed = (
        _certificate(own, own, key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    return Authority(own, key, signed.public_bytes(Encoding.PEM))


def write(path: Path, content: bytes) -> None:
    """Readable by all users: containers run as several."""
    path.write_bytes(content)
    path.chmod(0o644)


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(START)
        .not_valid_after(END)
    )
