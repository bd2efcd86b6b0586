"""Signing requests that are refused, and what of others is left out (rows C3, C15)."""

import base64
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import ObjectIdentifier
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st

from ca.authority import new_intermediate, new_root
from ca.errors import RequestError
from ca.workload import from_request
from mesh.identity import SpiffeId
from tests.ca.requests import csr, ec_key, names, raw_names, rsa_key
from tests.security_rows import guards

NOW = datetime(2030, 1, 1, tzinfo=UTC)
ME = SpiffeId("cluster.local", "shop", "web")
AUTHORITY = new_intermediate(new_root(NOW, "cluster.local"), NOW, "cluster.local")
URI = x509.UniformResourceIdentifier(str(ME))
URI_TAG, DNS_TAG = 0x86, 0x82

NAMES: Mapping[str, x509.ExtensionType] = {
    "another-account": names(x509.UniformResourceIdentifier(f"{ME}x")),
    "upper-case": names(x509.UniformResourceIdentifier(str(ME).upper())),
    "path-up": names(x509.UniformResourceIdentifier("spiffe://cluster.local/ns/shop/sa/a/../web")),
    "path-down": names(x509.UniformResourceIdentifier(f"{ME}/")),
    "escaped": names(x509.UniformResourceIdentifier("spiffe://cluster.local/ns/shop/sa/%77eb")),
    "query": names(x509.UniformResourceIdentifier(f"{ME}?sa=admin")),
    "fragment": names(x509.UniformResourceIdentifier(f"{ME}#admin")),
    "user": names(x509.UniformResourceIdentifier("spiffe://a@cluster.local/ns/shop/sa/web")),
    "port": names(x509.UniformResourceIdentifier("spiffe://cluster.local:1/ns/shop/sa/web")),
    "https": names(x509.UniformResourceIdentifier("https://cluster.local/ns/shop/sa/web")),
    "wildcard": names(x509.UniformResourceIdentifier("spiffe://cluster.local/ns/shop/sa/*")),
    "blank": names(x509.UniformResourceIdentifier(f"{ME} ")),
    "empty": names(x509.UniformResourceIdentifier("")),
    "two": names(URI, x509.UniformResourceIdentifier("spiffe://cluster.local/ns/shop/sa/admin")),
    "two-the-same": names(URI, URI),
    "dns-too": names(URI, x509.DNSName("heddle.heddle-system.svc")),
    "dns-alone": names(x509.DNSName(str(ME))),
    "ip-too": names(URI, x509.IPAddress(ip_address("10.0.0.1"))),
    "email-too": names(URI, x509.RFC822Name("a@example.com")),
    "id-too": names(URI, x509.RegisteredID(ObjectIdentifier("1.2.3"))),
    "other-name": names(
        URI, x509.OtherName(ObjectIdentifier("1.3.6.1.4.1.311.20.2.3"), b"\x0c\x03web")
    ),
    "directory-name": names(URI, x509.DirectoryName(x509.Name([]))),
    "nul": raw_names((URI_TAG, str(ME).encode() + b"\0.evil")),
    "nul-first": raw_names((URI_TAG, b"\0" + str(ME).encode())),
    "not-ascii": raw_names((URI_TAG, str(ME).encode() + b"\xc3\xa9")),
    "not-utf-8": raw_names((URI_TAG, str(ME).encode() + b"\xff")),
    "cyrillic": raw_names((URI_TAG, "spiffe://cluster.local/ns/shop/sa/w\u0435b".encode())),
    "newline": raw_names((URI_TAG, str(ME).encode() + b"\n")),
    "x400": raw_names((0xA3, b"\x30\x00")),
    "edi": raw_names((0xA5, b"\x30\x00")),
    "unknown-kind": raw_names((0x8A, b"x")),
    "cut-off": x509.UnrecognizedExtension(x509.SubjectAlternativeName.oid, b"\x30\x7f\x86"),
    "no-list": x509.UnrecognizedExtension(x509.SubjectAlternativeName.oid, b"\x04\x01x"),
}


@guards("C15")
@pytest.mark.parametrize("asked", NAMES.values(), ids=NAMES.keys())
def test_whoever_asks_for_another_name_gets_none(asked: x509.ExtensionType) -> None:
    with pytest.raises(RequestError) as refused:
        from_request(AUTHORITY, ME, csr(ec_key(), extensions=[asked]), NOW)
    assert "\0" not in str(refused.value)


@guards("C15")
def test_an_extension_twice() -> None:
    """One of them good: which would count is nobody's to choose."""
    body = csr(ec_key(), str(ME), extensions=[x509.UnrecognizedExtension(_LIKE_SAN, b"\x30\x00")])
    made = x509.load_pem_x509_csr(body).public_bytes(Encoding.DER)
    assert made.count(_LIKE_SAN_DER) == 1
    with pytest.raises(RequestError):
        from_request(AUTHORITY, ME, armoured(made.replace(_LIKE_SAN_DER, _SAN_DER)), NOW)


_LIKE_SAN, _LIKE_SAN_DER, _SAN_DER = ObjectIdentifier("2.5.29.99"), b"\x55\x1d\x63", b"\x55\x1d\x11"


def armoured(made: bytes) -> bytes:
    """DER as PEM."""
    body = base64.encodebytes(made)
    return b"-----BEGIN CERTIFICATE REQUEST-----\n" + body + b"-----END CERTIFICATE REQUEST-----\n"


def der(tag: int, *parts: bytes) -> bytes:
    """A value of less than 64 KiB."""
    body = b"".join(parts)
    return bytes([tag, 0x82]) + len(body).to_bytes(2, "big") + body


def huge() -> bytes:
    """A request with an RSA key of 16384 bits. It is refused before its signature is looked at,
    which would take its time.
    """
    numbers = rsa.RSAPublicNumbers(e=65537, n=(1 << 16383) + 1)
    key = numbers.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    sha256_rsa = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00"
    info = der(0x30, b"\x02\x01\x00", b"\x30\x00", key, b"\xa0\x00")
    return armoured(der(0x30, info, sha256_rsa, der(0x03, bytes(2049))))


KEYS: Mapping[str, tuple[Callable[[], bytes], str]] = {
    "rsa-1024": (lambda: csr(rsa_key(1024)), "shorter"),
    "rsa-16384": (huge, "longer"),
    "p-224": (lambda: csr(ec.generate_private_key(ec.SECP224R1())), "secp224r1"),
    "p-521": (lambda: csr(ec.generate_private_key(ec.SECP521R1())), "secp521r1"),
    "secp256k1": (lambda: csr(ec.generate_private_key(ec.SECP256K1())), "secp256k1"),
    "ed25519": (lambda: csr(ed25519.Ed25519PrivateKey.generate()), "neither"),
    "dsa": (lambda: csr(dsa.generate_private_key(2048)), "neither"),
}


@guards("C15")
@pytest.mark.parametrize(("body", "reason"), KEYS.values(), ids=KEYS.keys())
def test_a_key_that_no_peer_should_trust(body: Callable[[], bytes], reason: str) -> None:
    with pytest.raises(RequestError, match=reason):
        from_request(AUTHORITY, ME, body(), NOW)


@guards("C15")
def test_what_else_is_asked_for_is_left_out() -> None:
    """A request is a wish for a key to be certified, and nothing more."""
    body = csr(
        ec_key(),
        str(ME),
        extensions=[
            x509.BasicConstraints(ca=True, path_length=None),
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]),
            x509.KeyUsage(True, True, True, True, True, True, True, False, False),
            x509.NameConstraints([x509.DNSName("example.com")], None),
            x509.UnrecognizedExtension(ObjectIdentifier("1.2.3.4"), b"\x05\x00"),
        ],
    )
    made = from_request(AUTHORITY, ME, body, NOW)
    plain = from_request(AUTHORITY, ME, csr(ec_key()), NOW)
    asked, unasked = (x509.load_pem_x509_certificates(each.chain_pem)[0] for each in (made, plain))
    assert list(asked.extensions) == list(unasked.extensions)
    assert asked.subject == x509.Name([])
    assert not asked.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


GOOD = x509.load_pem_x509_csr(csr(ec_key(), str(ME))).public_bytes(Encoding.DER)


@guards("C4")
@given(at=st.integers(0, len(GOOD) - 1), junk=st.binary(max_size=4), cut=st.integers(0, 4))
def test_a_damaged_request_is_refused_or_the_same(at: int, junk: bytes, cut: int) -> None:
    """Never anything but a refusal that may be sent; never anybody else's name."""
    body = armoured(GOOD[:at] + junk + GOOD[at + cut :])
    try:
        made = from_request(AUTHORITY, ME, body, NOW)
    except RequestError:
        return
    assert made.identity == ME
