"""What a workload's certificate says, how long it lives, and what is never signed."""

import ssl
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st

from ca import keys
from ca.authority import Authority, new_intermediate, new_root, pem
from ca.check import check_workload
from ca.errors import AuthorityError, CertificateError, RequestError
from ca.workload import LIFETIME, WorkloadCertificate, checked_id, from_request, key_pair, renewal
from ca.workload_secrets import trust_secret, workload_secret, workload_version
from mesh.identity import SpiffeId
from tests.ca.requests import csr

NOW = datetime(2030, 1, 1, tzinfo=UTC)
DOMAIN = "cluster.local"
ME = SpiffeId(DOMAIN, "shop", "reviews")
ROOT = new_root(NOW, DOMAIN)
AUTHORITY = new_intermediate(ROOT, NOW, DOMAIN)
HOUR = timedelta(hours=1)


def leaf(made: WorkloadCertificate) -> x509.Certificate:
    return x509.load_pem_x509_certificates(made.chain_pem)[0]


def test_the_identity_is_the_only_name() -> None:
    made = leaf(key_pair(AUTHORITY, ME, NOW).certificate)
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    uri = x509.UniformResourceIdentifier("spiffe://cluster.local/ns/shop/sa/reviews")
    assert list(names.value) == [uri]
    assert names.critical
    assert not list(made.subject)


def test_a_leaf_serves_and_calls_and_signs_nothing() -> None:
    extensions = leaf(key_pair(AUTHORITY, ME, NOW).certificate).extensions
    uses = set(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    assert uses == {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}
    assert not extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert not extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign


def test_the_chain_has_the_leaf_first_and_no_root() -> None:
    chain = x509.load_pem_x509_certificates(key_pair(AUTHORITY, ME, NOW).certificate.chain_pem)
    assert chain[1:] == list(AUTHORITY.intermediates)
    assert ROOT.certificate not in chain


def test_it_lives_a_day_and_began_two_minutes_ago() -> None:
    made = key_pair(AUTHORITY, ME, NOW).certificate
    assert made.not_before == NOW - timedelta(minutes=2)
    assert made.not_after == NOW + LIFETIME == NOW + timedelta(hours=24)


@given(holder=st.text(), seconds=st.integers(0, 10**6))
def test_it_is_renewed_with_half_its_life_to_go(holder: str, seconds: int) -> None:
    now = NOW + timedelta(seconds=seconds)
    left = renewal(AUTHORITY, holder, now, LIFETIME) - now
    assert timedelta(0) < left <= LIFETIME / 2


@given(holder=st.text(), seconds=st.integers(0, 10**5))
def test_who_comes_back_before_the_renewal_is_to_renew_at_the_same_instant(
    holder: str, seconds: int
) -> None:
    first = renewal(AUTHORITY, holder, NOW, LIFETIME)
    later = NOW + timedelta(seconds=seconds)
    if later < first:
        assert renewal(AUTHORITY, holder, later, LIFETIME) == first


def test_renewals_of_many_are_spread() -> None:
    when = sorted(renewal(AUTHORITY, f"pod-{n}", NOW, LIFETIME) for n in range(100))
    gaps = (after - before for before, after in pairwise(when))
    assert max(gaps) < LIFETIME / 12


def test_it_never_outlives_its_issuer() -> None:
    short = new_intermediate(ROOT, NOW, DOMAIN, HOUR)
    made = key_pair(short, ME, NOW).certificate
    assert made.not_after == short.not_after
    assert renewal(short, "pod", NOW, LIFETIME) <= NOW + HOUR / 2


def test_an_expired_authority_signs_nothing() -> None:
    short = new_intermediate(ROOT, NOW, DOMAIN, HOUR)
    with pytest.raises(AuthorityError, match="rotate it"):
        key_pair(short, ME, NOW + HOUR)


def test_each_certificate_has_a_key_and_a_serial_number_of_its_own() -> None:
    made = [key_pair(AUTHORITY, ME, NOW) for _ in range(3)]
    assert len({each.certificate.serial for each in made}) == 3
    assert len({each.key.reveal() for each in made}) == 3


@pytest.mark.parametrize(
    "identity",
    [
        SpiffeId(DOMAIN, "shop", "a/../b"),
        SpiffeId(DOMAIN, "shop", "*"),
        SpiffeId(DOMAIN, "shop", "a b"),
        SpiffeId(DOMAIN, "shop", "a\0b"),
        SpiffeId(DOMAIN, "shop", "é"),
        SpiffeId(DOMAIN, "shop", ""),
        SpiffeId(DOMAIN, "shop/sa/admin", "reviews"),
        SpiffeId(DOMAIN, "", "reviews"),
        SpiffeId("evil.test/ns/x", "shop", "reviews"),
        SpiffeId("", "shop", "reviews"),
        SpiffeId(DOMAIN, "shop", "a\n"),
    ],
    ids=lambda each: repr(str(each)),
)
def test_c15_an_identity_with_anything_but_names_is_never_signed(identity: SpiffeId) -> None:
    with pytest.raises(CertificateError, match="not an identity"):
        checked_id(identity)


def test_a_request_is_signed_for_the_verified_identity_and_its_own_key() -> None:
    key = keys.new_key()
    made = leaf(from_request(AUTHORITY, ME, csr(key, str(ME)), NOW))
    assert made.public_key() == key.public_key()
    assert not list(made.subject)  # what the request called itself


def test_a_request_with_an_rsa_key_is_signed() -> None:
    key = rsa.generate_private_key(65537, 2048)
    made = leaf(from_request(AUTHORITY, ME, csr(key), NOW))
    assert made.extensions.get_extension_for_class(x509.KeyUsage).value.key_encipherment


def test_a_request_for_another_identity_is_refused() -> None:
    other = str(SpiffeId(DOMAIN, "shop", "admin"))
    with pytest.raises(RequestError, match="another identity"):
        from_request(AUTHORITY, ME, csr(keys.new_key(), str(ME), other), NOW)


def test_a_request_that_its_key_did_not_sign_is_refused() -> None:
    made = x509.load_pem_x509_csr(csr(keys.new_key(), str(ME)))
    forged = bytearray(made.public_bytes(serialization.Encoding.DER))
    forged[-1] ^= 1
    body = x509.load_der_x509_csr(bytes(forged)).public_bytes(serialization.Encoding.PEM)
    with pytest.raises(RequestError, match="not signed by the key"):
        from_request(AUTHORITY, ME, body, NOW)


@given(body=st.binary(max_size=300))
def test_rubbish_is_refused_and_never_crashes(body: bytes) -> None:
    with pytest.raises(RequestError):
        from_request(AUTHORITY, ME, b"-----BEGIN CERTIFICATE REQUEST-----\n" + body, NOW)


@pytest.mark.parametrize(
    ("issuer", "identity", "reason"),
    [
        (ROOT, str(ME), "not signed by the authority"),
        (AUTHORITY, "spiffe://cluster.local/ns/shop/sa/other", "another identity"),
    ],
    ids=["issuer", "identity"],
)
def test_what_was_signed_is_compared_with_what_was_meant(
    issuer: Authority, identity: str, reason: str
) -> None:
    made = leaf(key_pair(AUTHORITY, ME, NOW).certificate)
    key = keys.check_strength(made.public_key())
    with pytest.raises(CertificateError, match=reason):
        check_workload(made, issuer=issuer.certificate, public_key=key, identity=identity)


def test_openssl_accepts_both_sides_by_the_root_alone(tmp_path: Path) -> None:
    now = datetime.fromtimestamp(Path("/proc/self").stat().st_mtime, UTC)
    root = new_root(now, DOMAIN)
    authority = new_intermediate(root, now, DOMAIN)

    def context(side: int) -> ssl.SSLContext:
        pair = key_pair(authority, ME, now)
        (tmp_path / "pem").write_bytes(pair.certificate.chain_pem + pair.key.reveal())
        made = ssl.SSLContext(side)
        made.check_hostname = False  # there is no host name in it: Envoy compares the id
        made.verify_mode = ssl.CERT_REQUIRED
        made.load_cert_chain(tmp_path / "pem")
        made.load_verify_locations(cadata=pem((root.root,)).decode())
        return made

    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context(ssl.PROTOCOL_TLS_CLIENT).wrap_bio(to_client, to_server)
    server = context(ssl.PROTOCOL_TLS_SERVER).wrap_bio(to_server, to_client, server_side=True)
    for _ in range(3):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    shown = [side.getpeercert() or {} for side in (client, server)]
    assert [each["subjectAltName"] for each in shown] == [(("URI", str(ME)),)] * 2


def test_the_secrets_have_istios_names_and_the_whole_chain() -> None:
    pair = key_pair(AUTHORITY, ME, NOW)
    own, trust = workload_secret(pair), trust_secret((ROOT.certificate,))
    assert (own.name, trust.name) == ("default", "ROOTCA")
    assert own.tls_certificate.certificate_chain.inline_bytes == pair.certificate.chain_pem
    assert own.tls_certificate.private_key.inline_bytes == pair.key.reveal()
    assert trust.validation_context.trusted_ca.inline_bytes == pem((ROOT.certificate,))


def test_a_version_changes_with_issuer_holder_and_renewal_and_with_nothing_else() -> None:
    other = new_intermediate(ROOT, NOW, DOMAIN)
    versions = {
        workload_version(AUTHORITY, "pod", NOW),
        workload_version(AUTHORITY, "pod", NOW + HOUR),
        workload_version(AUTHORITY, "other", NOW),
        workload_version(other, "pod", NOW),
    }
    assert len(versions) == 4
    assert workload_version(AUTHORITY, "pod", NOW) in versions
