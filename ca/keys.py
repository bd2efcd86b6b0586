"""Private keys: made, written as PEM into a value that does not show itself, and read back."""

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from ca.errors import AuthorityError
from ca.secret import PrivateKey

SigningKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
"""What an authority may sign with: our own are P-256; those that are plugged in are often RSA."""
PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey

MIN_RSA_BITS = 2048
MAX_RSA_BITS = 8192
"""Of keys that others made: to verify with a longer one takes time that is ours."""


def usage(
    *, signature: bool = False, certificates: bool = False, encipherment: bool = False
) -> x509.KeyUsage:
    """What a certificate says its key is for (RFC 5280, 4.2.1.3): signatures in handshakes, signing
    certificates and their revocation, or receiving a key.
    """
    return x509.KeyUsage(
        digital_signature=signature,
        key_cert_sign=certificates,
        crl_sign=certificates,
        key_encipherment=encipherment,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def new_key() -> ec.EllipticCurvePrivateKey:
    """A new P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


def written(key: SigningKey) -> PrivateKey:
    """The key as PKCS #8 PEM."""
    return PrivateKey(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


def read(key: PrivateKey) -> SigningKey:
    """The key in a PEM; raises `AuthorityError` if it is none that may sign. Says nothing of it."""
    try:
        loaded = serialization.load_pem_private_key(key.reveal(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # Neither the text of the cause nor the cause itself: both could quote the key.
        raise AuthorityError("the key is not an unencrypted private key in PEM") from None
    if not isinstance(loaded, SigningKey):
        raise AuthorityError("the key is neither an elliptic curve nor an RSA key")
    check_strength(loaded.public_key())
    return loaded


def check_strength(key: object) -> PublicKey:
    """The key itself, if it is strong enough; raises `AuthorityError`."""
    match key:
        case ec.EllipticCurvePublicKey() if isinstance(key.curve, ec.SECP256R1 | ec.SECP384R1):
            return key
        case ec.EllipticCurvePublicKey():
            raise AuthorityError(f"the curve {key.curve.name} is not P-256 or P-384")
        case rsa.RSAPublicKey() if key.key_size >= MIN_RSA_BITS:
            return key
        case rsa.RSAPublicKey():
            raise AuthorityError(
                f"an RSA key of {key.key_size} bits is shorter than {MIN_RSA_BITS}"
            )
        case _:
            raise AuthorityError("the key is neither an elliptic curve nor an RSA key")


def check_size(key: PublicKey) -> PublicKey:
    """The key itself, if it is not too long to be worked with; raises `AuthorityError`."""
    if isinstance(key, rsa.RSAPublicKey) and key.key_size > MAX_RSA_BITS:
        raise AuthorityError(f"an RSA key of {key.key_size} bits is longer than {MAX_RSA_BITS}")
    return key
