"""What Envoy would refuse of a Secret is found before it gets there, and never quoted."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption

from ca.gateway_secret import certificate_fault, revoked_fault, roots_fault
from tests.certificates import Key, certificate, ec_key, private, revocations

P256 = ec_key()


@pytest.mark.parametrize(
    "key",
    [P256, ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048)],
    ids=["p256", "p384", "rsa"],
)
def test_what_envoy_takes(key: Key) -> None:
    assert certificate_fault(certificate(key), private(key)) is None


@pytest.mark.parametrize(
    ("chain", "key", "said"),
    [
        (b"", private(P256), "certificate is not PEM"),
        (b"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----", b"", "not PEM"),
        (certificate(P256), b"no key", "private key is not PEM"),
        (certificate(P256), private(P256, BestAvailableEncryption(b"x")), "encrypted"),
        (certificate(P256), private(ec_key(1)), "does not belong"),
    ],
    ids=["empty", "no-certificate", "no-key", "encrypted", "another"],
)
def test_what_does_not_fit_together(chain: bytes, key: bytes, said: str) -> None:
    assert said in (certificate_fault(chain, key) or "")


@pytest.mark.parametrize(
    "key",
    [
        rsa.generate_private_key(65537, 1024),
        ec.generate_private_key(ec.SECP256K1()),
        ed25519.Ed25519PrivateKey.generate(),
    ],
    ids=["short", "curve", "kind"],
)
def test_keys_that_envoy_does_not_take(key: Key) -> None:
    assert "Envoy takes" in (certificate_fault(certificate(key), private(key)) or "")


def test_authorities_and_what_they_revoked() -> None:
    assert roots_fault(certificate(P256) + certificate(ec_key(1))) is None
    assert "not PEM" in (roots_fault(b"x") or "")
    assert revoked_fault(revocations(P256)) is None
    assert "not PEM" in (revoked_fault(certificate(P256)) or "")
