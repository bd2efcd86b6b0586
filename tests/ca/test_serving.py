"""The serving certificate: what it is good for, how long, and that its key is never shown."""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from ca import keys
from ca.authority import BACKDATE, Authority, new_intermediate, new_root, pem
from ca.check import check_serving
from ca.errors import AuthorityError, CertificateError
from ca.serving import SERVER_NAME, ServingCertificate, renew, serving_certificate

NOW = datetime(2030, 1, 1, tzinfo=UTC)
LOCALHOST = ip_address("127.0.0.1")


def mesh_root(now: datetime, lifetime: timedelta = timedelta(days=365)) -> Authority:
    return new_root(now, "cluster.local", lifetime)


def _leaf(serving: ServingCertificate) -> x509.Certificate:
    return x509.load_pem_x509_certificate(serving.chain_pem)


def test_names_and_addresses_are_exactly_those_asked_for() -> None:
    leaf = _leaf(serving_certificate(mesh_root(NOW), NOW, addresses=[LOCALHOST]))
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert list(names) == [x509.DNSName(SERVER_NAME), x509.IPAddress(LOCALHOST)]


def test_leaf_is_a_server_and_no_authority() -> None:
    leaf = _leaf(serving_certificate(mesh_root(NOW), NOW))
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]
    assert isinstance(leaf.public_key(), ec.EllipticCurvePublicKey)


def test_not_before_is_backdated_for_slow_clocks() -> None:
    serving = serving_certificate(mesh_root(NOW), NOW)
    assert serving.not_before == NOW - BACKDATE == NOW - timedelta(minutes=2)


def test_leaf_never_outlives_its_issuer() -> None:
    root = mesh_root(NOW, lifetime=timedelta(hours=1))
    serving = serving_certificate(root, NOW, lifetime=timedelta(days=30))
    assert serving.not_after == NOW + timedelta(hours=1)


def test_an_expired_root_signs_nothing() -> None:
    root = mesh_root(NOW, lifetime=timedelta(hours=1))
    with pytest.raises(AuthorityError, match="expired: rotate it"):
        serving_certificate(root, NOW + timedelta(hours=2))


def test_a_certificate_of_another_root_fails_the_check() -> None:
    serving = serving_certificate(mesh_root(NOW), NOW)
    leaf = _leaf(serving)
    key = leaf.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    with pytest.raises(CertificateError, match="not signed by the root"):
        check_serving(
            leaf,
            issuer=mesh_root(NOW).certificate,
            public_key=key,
            sans=[x509.DNSName(SERVER_NAME)],
        )


def test_a_certificate_with_other_names_fails_the_check() -> None:
    root = mesh_root(NOW)
    leaf = _leaf(serving_certificate(root, NOW))
    key = leaf.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    with pytest.raises(CertificateError, match="names"):
        check_serving(
            leaf, issuer=root.certificate, public_key=key, sans=[x509.DNSName("other.svc")]
        )


@pytest.mark.parametrize(
    ("age", "expected"),
    [(0, False), (59, False), (60, True), (90, True), (200, True)],
    ids=["new", "just-before", "two-thirds", "late", "expired"],
)
def test_renewal_is_due_after_two_thirds_of_the_life(age: int, expected: bool) -> None:
    end = NOW + timedelta(minutes=90)
    assert renew(NOW, end, NOW + timedelta(minutes=age)) is expected


def test_openssl_completes_a_handshake_that_verifies_the_name(tmp_path: Path) -> None:
    now = datetime.fromtimestamp(Path("/proc/self").stat().st_mtime, UTC)
    root = mesh_root(now)
    serving = serving_certificate(new_intermediate(root, now, "cluster.local"), now)
    (tmp_path / "pem").write_bytes(serving.chain_pem + serving.key.reveal())
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(tmp_path / "pem")
    client_context = ssl.create_default_context(cadata=pem((root.root,)).decode())
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(to_client, to_server, server_hostname=SERVER_NAME)
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(3):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    assert client.getpeercert()


def test_no_key_is_shown_by_printing() -> None:
    root = mesh_root(NOW)
    serving = serving_certificate(root, NOW)
    shown = f"{root} {root!r} {serving} {serving!r} {serving.key} {serving.key!r:>40}"
    secrets = (serving.key, keys.written(root.signer))
    assert "PRIVATE" not in shown
    assert not any(each.reveal().decode().splitlines()[1] in shown for each in secrets)
