"""Keys of tokens: which Envoy can use, and which addresses it may be sent to."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from crds.json_web_keys import MAX_BYTES, Keys, usable_keys
from crds.jwks import Unusable, Uri, keys_of
from crds.request_authentication import JWTRule
from tests.keys_of_tokens import EC, OCT, OKP, RSA, N, X, Y, number
from tests.security_rows import guards


def used(*keys: object) -> list[object]:
    """The keys that are passed on."""
    found = usable_keys(json.dumps({"keys": keys}))
    return json.loads(found.text)["keys"] if isinstance(found, Keys) else []


@pytest.mark.parametrize("key", [RSA, EC, OKP, OCT], ids=["RSA", "EC", "OKP", "oct"])
def test_each_type_of_key_is_passed_on_as_it_is(key: dict[str, str]) -> None:
    assert used(key) == [key]


@pytest.mark.parametrize(
    ("key", "passed_on"),
    [
        ({**RSA, "d": "AQAB", "x5c": ["a"], "use": "sig"}, RSA),
        ({**RSA, "n": RSA["n"] + "=="}, RSA),
        ({**RSA, "kid": 5, "alg": 5}, {k: v for k, v in RSA.items() if k != "kid"}),
        ({**RSA, "alg": "PS256"}, {**RSA, "alg": "PS256"}),
        ({**EC, "alg": "ES256"}, {**EC, "alg": "ES256"}),
        ({**OKP, "alg": "EdDSA"}, {**OKP, "alg": "EdDSA"}),
        ({**OCT, "alg": "HS512"}, {**OCT, "alg": "HS512"}),
    ],
)
def test_nothing_but_what_envoy_needs_is_passed_on(
    key: dict[str, object], passed_on: dict[str, str]
) -> None:
    """A private part goes no further."""
    (found,) = used(key)
    assert found == passed_on


@pytest.mark.parametrize(
    "key",
    [
        5,
        {},
        {"kty": ["RSA"]},
        {"kty": "rsa"},
        {**RSA, "n": number(N - 1)},
        {**RSA, "n": number((1 << 511) + 1)},
        {**RSA, "n": number((1 << 16_384) + 1)},
        {**RSA, "n": 5},
        {**RSA, "n": "é"},
        {**RSA, "n": "a"},
        {**RSA, "n": "ab+/" * 100},
        {**RSA, "e": number(257)},
        {**RSA, "e": ""},
        {**RSA, "alg": "ES256"},
        {**RSA, "alg": "none"},
        {**EC, "x": Y, "y": X},
        {**EC, "x": ""},
        {**EC, "x": X + X},
        {**EC, "crv": "secp256k1"},
        {**EC, "crv": 5},
        {**EC, "alg": "ES384"},
        {**EC, "alg": "RS256"},
        {**OKP, "crv": "X25519"},
        {**OKP, "x": "AAAA"},
        {**OKP, "alg": "ES256"},
        {**OCT, "k": ""},
        {**OCT, "alg": "RS256"},
    ],
    ids=str,
)
def test_a_key_that_envoy_refuses_is_left_out(key: object) -> None:
    """Alone it would be a refusal of the whole listener."""
    assert used(key) == []
    found = usable_keys(json.dumps({"keys": [key, EC]}))
    assert isinstance(found, Keys)
    assert (json.loads(found.text)["keys"], found.skipped) == ([EC], (0,))


@pytest.mark.parametrize("bits", [ec.SECP384R1(), ec.SECP521R1()], ids=lambda curve: curve.name)
def test_larger_curves_are_passed_on(bits: ec.EllipticCurve) -> None:
    point = ec.derive_private_key(7, bits).public_key().public_numbers()
    size = (bits.key_size + 7) // 8
    name = f"P-{bits.key_size}"
    key = {"kty": "EC", "crv": name, "x": number(point.x, size), "y": number(point.y, size)}
    assert used(key) == [key]


@pytest.mark.parametrize(
    "given",
    ["", "garbage", "5", "[]", "{}", '{"keys": {}}', '{"keys": []}', '{"keys": [{}]}',
     "[" * 100_000, json.dumps({"keys": [OCT], "a": "x" * MAX_BYTES})],
    ids=lambda given: given[:20],
)  # fmt: skip
def test_what_is_no_key_set_says_so(given: str) -> None:
    found = usable_keys(given)
    assert isinstance(found, str)
    assert found


def address(uri: str) -> Uri | str:
    """How an address is read, or the code of what is wrong with it."""
    found = keys_of(JWTRule(issuer="a", jwks_uri=uri))
    assert not isinstance(found, Keys)
    return found.code if isinstance(found, Unusable) else found


@pytest.mark.parametrize(
    ("uri", "tls", "host", "port"),
    [
        ("https://idp.test/keys", True, "idp.test", 443),
        ("http://idp.test", False, "idp.test", 80),
        ("HTTPS://IDP.test.:8443/keys?a=b", True, "idp.test", 8443),
        ("http://idp:8080/keys", False, "idp", 8080),
        ("https://203.0.113.7/keys", True, "203.0.113.7", 443),
        ("https://[2001:db8::1]:8443/keys", True, "2001:db8::1", 8443),
    ],
)
def test_an_address_in_its_parts(uri: str, tls: bool, host: str, port: int) -> None:
    assert address(uri) == Uri(text=uri, tls=tls, host=host, port=port)


@guards("C8")
@pytest.mark.parametrize(
    "uri",
    [
        "idp.test/keys",
        "ftp://idp.test/keys",
        "file:///etc/passwd",
        "https:///keys",
        "https://idp.test:0/keys",
        "https://idp.test:65536/keys",
        "https://idp.test:port/keys",
        "https://me:secret@idp.test/keys",
        "https://idp.test\\@evil.test/keys",
        "https://idp.test/keys#here",
        "https://*.test/keys",
        "https://[::1/keys",
        "https://idp.test/a b",
        "https://idp.test/\n",
        "https://idp.tést/keys",
        "https://idp.test/" + "a" * 2048,
        "http://169.254.169.254/latest",
        "http://[fd00:ec2::254]/latest",
        "http://[fe80::1]/keys",
        "http://127.0.0.1:15000/quitquitquit",
        "http://[::1]:15000/",
        "http://[::ffff:127.0.0.1]:15000/",
        "http://0.0.0.0:15000/",
        "http://224.0.0.1/",
        "http://localhost:15000/",
        "http://LOCALHOST.:15000/",
        "http://a.localhost/",
    ],
)
def test_c8_where_no_keys_are_fetched_from(uri: str) -> None:
    """Not that we would: it is Envoy that asks, and it is not sent there either."""
    assert address(uri) == "bad-jwks-uri"


def test_keys_are_in_one_place() -> None:
    both = keys_of(JWTRule(issuer="a", jwks="x", jwks_uri="https://idp.test"))
    neither = keys_of(JWTRule(issuer="a"))
    broken = keys_of(JWTRule(issuer="a", jwks="x"))
    assert [each.code for each in (both, neither, broken) if isinstance(each, Unusable)] == [
        "conflict",
        "no-jwks",
        "bad-jwks",
    ]
    assert isinstance(keys_of(JWTRule(issuer="a", jwks=json.dumps({"keys": [EC]}))), Keys)
