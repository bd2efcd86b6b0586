"""Which authorities may sign, and what a refusal says."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from ca import keys
from ca.authority import (
    INTERMEDIATE_LIFETIME,
    Authority,
    authority_key_id,
    checked,
    new_intermediate,
    new_root,
)
from ca.errors import AuthorityError
from ca.secret import PrivateKey

NOW = datetime(2030, 1, 1, tzinfo=UTC)
DOMAIN = "cluster.local"


def certificate(
    name: str = "a root",
    *,
    ca: bool = True,
    path_length: int | None = None,
    signs: bool = True,
    constrained: bool = True,
) -> Authority:
    """A self-signed certificate with those extensions."""
    key = keys.new_key()
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    usage = keys.usage(signature=True, certificates=signs)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=1))
        .add_extension(usage, critical=True)
    )
    if constrained:
        basic = x509.BasicConstraints(ca=ca, path_length=path_length)
        builder = builder.add_extension(basic, critical=True)
    return Authority(signer=key, chain=(builder.sign(key, hashes.SHA256()),))


def test_an_intermediate_leads_to_its_root_and_may_sign_leaves_only() -> None:
    root = new_root(NOW, DOMAIN)
    intermediate = new_intermediate(root, NOW, DOMAIN)
    assert intermediate.root == root.certificate
    assert intermediate.intermediates == (intermediate.certificate,)
    basic = intermediate.certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    assert basic.value.path_length == 0


def test_an_intermediate_never_outlives_its_root() -> None:
    root = new_root(NOW, DOMAIN, INTERMEDIATE_LIFETIME / 2)
    assert new_intermediate(root, NOW, DOMAIN).not_after == root.not_after


def test_two_roots_of_one_mesh_have_different_names() -> None:
    """Those who build chains by name must not confuse the old root with the new one."""
    names = {new_root(NOW, DOMAIN).certificate.subject.rfc4514_string() for _ in range(2)}
    assert len(names) == 2


def test_a_key_of_another_certificate_is_refused() -> None:
    with pytest.raises(AuthorityError, match="key does not belong to the certificate"):
        checked(replace(new_root(NOW, DOMAIN), signer=keys.new_key()), NOW)


def test_a_chain_of_strangers_is_refused() -> None:
    one, other = new_root(NOW, DOMAIN), new_root(NOW, DOMAIN)
    below = new_intermediate(one, NOW, DOMAIN)
    with pytest.raises(AuthorityError, match="is not signed by"):
        checked(replace(below, chain=(below.certificate, other.certificate)), NOW)


def test_a_chain_that_ends_below_the_root_is_refused() -> None:
    below = new_intermediate(new_root(NOW, DOMAIN), NOW, DOMAIN)
    with pytest.raises(AuthorityError, match="is not signed by"):
        checked(replace(below, chain=below.chain[:1]), NOW)


@pytest.mark.parametrize("days", [-1, 4000])
def test_an_authority_is_refused_when_it_is_not_valid(days: int) -> None:
    root = new_root(NOW, DOMAIN)
    with pytest.raises(AuthorityError, match="valid from 2029-12-31 23:58"):
        checked(root, NOW + timedelta(days=days))


@pytest.mark.parametrize(
    ("refused", "reason"),
    [
        (certificate(ca=False), "may not sign certificates"),
        (certificate(signs=False), "may not sign certificates"),
        (certificate(constrained=False), "does not say that it may sign"),
    ],
    ids=["no-authority", "no-key-usage", "no-extension"],
)
def test_a_certificate_that_may_not_sign_is_refused(refused: Authority, reason: str) -> None:
    with pytest.raises(AuthorityError, match=reason):
        checked(refused, NOW)


def test_a_root_that_allows_nothing_below_is_refused_above_an_intermediate() -> None:
    root = certificate(path_length=0)
    with pytest.raises(AuthorityError, match="allows 0 authorities below, not 1"):
        new_intermediate(root, NOW + timedelta(hours=1), DOMAIN)


def test_an_issuer_without_an_identifier_is_named_by_its_key() -> None:
    issuer = certificate().certificate
    assert authority_key_id(issuer).key_identifier


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        (ec.generate_private_key(ec.SECP521R1()).public_key(), "secp521r1 is not"),
        (rsa.generate_private_key(65537, 1024).public_key(), "1024 bits is shorter"),
        (ed25519.Ed25519PrivateKey.generate().public_key(), "neither an elliptic curve nor"),
    ],
    ids=["curve", "short", "kind"],
)
def test_keys_that_are_weak_or_unknown_are_refused(key: object, reason: str) -> None:
    with pytest.raises(AuthorityError, match=reason):
        keys.check_strength(key)


def test_an_rsa_key_may_sign() -> None:
    key = rsa.generate_private_key(65537, 2048)
    assert keys.read(keys.written(key)).public_key() == key.public_key()


def test_an_unreadable_key_is_refused_without_a_word_of_it() -> None:
    with pytest.raises(AuthorityError) as refused:
        keys.read(PrivateKey(b"-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n"))
    assert "c2VjcmV0" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_key_of_a_kind_that_does_not_sign_certificates_is_refused() -> None:
    from cryptography.hazmat.primitives import serialization

    key = ed25519.Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    with pytest.raises(AuthorityError, match="neither an elliptic curve nor"):
        keys.read(PrivateKey(key))
