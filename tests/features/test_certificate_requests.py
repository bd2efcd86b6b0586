"""Istio's certificate service over a real port: a pod's token has its pod's identity certified, and
nothing that the request says changes whose (rows C3, C15).
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

import grpc
import pytest
from cryptography import x509
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.struct_pb2 import Struct
from google.protobuf.wrappers_pb2 import StringValue

from ca.workload import LIFETIME
from heddle.certificate_requests import BURST
from tests.ca.requests import csr, ec_key, rsa_key
from tests.features.plane import Plane
from tests.features.shop import SHOP, namespace, workload
from tests.features.stream import PATIENCE
from tests.security_rows import guards

METHOD = "/istio.v1.auth.IstioCertificateService/CreateCertificate"
WEB = "spiffe://cluster.local/ns/shop/sa/web"


def body(request: bytes, seconds: int = 0, metadata: Mapping[str, str] | None = None) -> bytes:
    """The request as Istio's clients write it, by hand: ours is not asked to read its own."""
    made = StringValue(value=request.decode("latin-1")).SerializeToString()
    if seconds:
        made += b"\x18" + varint(seconds)
    if metadata:
        struct = Struct()
        struct.update(dict(metadata))
        data = struct.SerializeToString()
        made += b"\x22" + varint(len(data)) + data
    return made


def varint(number: int) -> bytes:
    number %= 1 << 64
    made = bytearray()
    while number > 127:
        made.append(number % 128 + 128)
        number //= 128
    return bytes([*made, number])


async def ask(
    plane: Plane, said: bytes, *headers: str
) -> tuple[grpc.StatusCode, Sequence[str], str]:
    """The status, the chain, and what the server has to say."""
    async with plane.channel() as channel:
        method: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(METHOD)
        call = method(said, metadata=tuple(("authorization", each) for each in headers))
        async with asyncio.timeout(PATIENCE):
            try:
                chain = tuple(FieldMask.FromString(await call).paths)
            except grpc.aio.AioRpcError as error:
                return error.code(), (), str(error.details())
        return grpc.StatusCode.OK, chain, ""


async def ask_as(plane: Plane, pod: str, said: bytes) -> tuple[grpc.StatusCode, Sequence[str], str]:
    return await ask(plane, said, f"Bearer {plane.token(pod)}")


def names(leaf: x509.Certificate) -> list[str]:
    found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return [str(name.value) for name in found]


async def test_a_client_that_keeps_its_key_gets_a_chain_up_to_the_root(plane: Plane) -> None:
    """As Istio's agent reads it: the leaf first, the root last, each a PEM of its own."""
    plane.apply(SHOP)
    key = ec_key()
    status, chain, _ = await ask_as(plane, "shop/web", body(csr(key, WEB)))
    assert status is grpc.StatusCode.OK
    certificates = [x509.load_pem_x509_certificate(each.encode()) for each in chain]
    leaf, *issuers = certificates
    assert names(leaf) == [WEB]
    assert leaf.public_key() == key.public_key()
    assert len(issuers) == 2
    for signed, issuer in zip(certificates, issuers, strict=False):
        signed.verify_directly_issued_by(issuer)
    assert issuers[-1].issuer == issuers[-1].subject
    assert chain[-1] == plane.root_pem.decode()


async def test_without_a_name_the_token_names_it(plane: Plane) -> None:
    plane.apply(SHOP)
    _, chain, _ = await ask_as(plane, "shop/web", body(csr(ec_key())))
    assert names(x509.load_pem_x509_certificate(chain[0].encode())) == [WEB]


async def test_an_rsa_key_as_istios_agents_make(plane: Plane) -> None:
    plane.apply(SHOP)
    status, _, _ = await ask_as(plane, "shop/web", body(csr(rsa_key(2048), WEB)))
    assert status is grpc.StatusCode.OK


async def test_a_pod_without_a_sidecar_may_ask_too(plane: Plane) -> None:
    """An application that speaks xDS itself, or brings Istio's agent along."""
    plane.apply(SHOP, namespace("plain", injected=False), workload("bare", "plain"))
    status, chain, _ = await ask_as(plane, "plain/bare", body(csr(ec_key())))
    assert status is grpc.StatusCode.OK
    leaf = x509.load_pem_x509_certificate(chain[0].encode())
    assert names(leaf) == ["spiffe://cluster.local/ns/plain/sa/default"]


@pytest.mark.parametrize(
    ("wish", "granted"),
    [
        (0, LIFETIME),
        (600, timedelta(minutes=10)),
        (10**9, LIFETIME),
        (2**63 - 1, LIFETIME),
    ],
)
async def test_a_lifetime_is_a_wish(plane: Plane, wish: int, granted: timedelta) -> None:
    plane.apply(SHOP)
    _, chain, _ = await ask_as(plane, "shop/web", body(csr(ec_key()), wish))
    leaf = x509.load_pem_x509_certificate(chain[0].encode())
    assert leaf.not_valid_after_utc == plane.clock.now() + granted


async def test_a_negative_lifetime(plane: Plane) -> None:
    plane.apply(SHOP)
    status, _, _ = await ask_as(plane, "shop/web", body(csr(ec_key()), -1))
    assert status is grpc.StatusCode.INVALID_ARGUMENT


OTHERS = {
    "another-account": "spiffe://cluster.local/ns/shop/sa/admin",
    "another-namespace": "spiffe://cluster.local/ns/other/sa/web",
    "another-trust-domain": "spiffe://evil.local/ns/shop/sa/web",
    "the-control-plane": "spiffe://cluster.local/ns/heddle-system/sa/heddle",
    "path-trick": "spiffe://cluster.local/ns/shop/sa/web/../admin",
    "upper-case": "spiffe://CLUSTER.local/ns/shop/sa/web",
    "longer": WEB + "x",
    "a-wildcard": "spiffe://cluster.local/ns/shop/sa/*",
}


@guards("C15")
@pytest.mark.parametrize("name", OTHERS.values(), ids=OTHERS.keys())
async def test_a_request_for_somebody_else(plane: Plane, name: str) -> None:
    plane.apply(SHOP)
    status, chain, _ = await ask_as(plane, "shop/web", body(csr(ec_key(), name)))
    assert (status, chain) == (grpc.StatusCode.INVALID_ARGUMENT, ())


@guards("C3")
async def test_nobody_impersonates(plane: Plane) -> None:
    """A proxy of a whole node may do so in Istio's ambient mode. There is none here."""
    plane.apply(SHOP)
    metadata = {"ImpersonatedIdentity": "spiffe://cluster.local/ns/shop/sa/admin"}
    status, _, _ = await ask_as(plane, "shop/web", body(csr(ec_key()), metadata=metadata))
    assert status is grpc.StatusCode.INVALID_ARGUMENT


async def test_other_metadata_decides_nothing(plane: Plane) -> None:
    plane.apply(SHOP)
    metadata = {"WorkloadName": "admin", "ClusterID": "other", "CertSigner": "x"}
    _, chain, _ = await ask_as(plane, "shop/web", body(csr(ec_key()), metadata=metadata))
    assert names(x509.load_pem_x509_certificate(chain[0].encode())) == [WEB]


@guards("C2")
@pytest.mark.parametrize("headers", [[], ["Basic eDp5"], ["Bearer a.b.c"]])
async def test_without_a_token_nothing_is_signed(plane: Plane, headers: Sequence[str]) -> None:
    plane.apply(SHOP)
    status, _, said = await ask(plane, body(csr(ec_key())), *headers)
    assert (status, said) == (grpc.StatusCode.UNAUTHENTICATED, "credentials refused")


TOKENS: Mapping[str, tuple[Callable[[Plane], str], grpc.StatusCode]] = {
    "of-an-earlier-pod": (
        lambda plane: plane.token("shop/web", uid="0000-1111"),
        grpc.StatusCode.PERMISSION_DENIED,
    ),
    "of-another-account": (
        lambda plane: plane.token("shop/web", service_account="admin"),
        grpc.StatusCode.PERMISSION_DENIED,
    ),
    "of-a-pod-that-is-not-known": (
        lambda plane: plane.token("shop/web", pod="gone", uid="u"),
        grpc.StatusCode.UNAVAILABLE,
    ),
    "expired": (
        lambda plane: plane.token("shop/web", ttl=-60.0),
        grpc.StatusCode.UNAUTHENTICATED,
    ),
}


@guards("C3")
@pytest.mark.parametrize(("token", "status"), TOKENS.values(), ids=TOKENS.keys())
async def test_a_token_that_is_worth_nothing(
    plane: Plane, token: Callable[[Plane], str], status: grpc.StatusCode
) -> None:
    plane.apply(SHOP)
    found, _, _ = await ask(plane, body(csr(ec_key())), f"Bearer {token(plane)}")
    assert found is status


BROKEN: Mapping[str, bytes] = {
    "nothing": b"",
    "no-request": body(b""),
    "no-message": b"\xff\xff\xff",
    "no-pem": body(b"hello"),
    "too-long": body(csr(ec_key()) + b"\n" * 100_000),
    "a-certificate": body(b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"),
    "weak-key": body(csr(rsa_key(1024))),
}


@guards("C4", "C15")
@pytest.mark.parametrize("said", BROKEN.values(), ids=BROKEN.keys())
async def test_what_is_no_request(plane: Plane, said: bytes) -> None:
    """And the next one is answered as ever."""
    plane.apply(SHOP)
    status, _, _ = await ask_as(plane, "shop/web", said)
    assert status is grpc.StatusCode.INVALID_ARGUMENT
    status, _, _ = await ask_as(plane, "shop/web", body(csr(ec_key())))
    assert status is grpc.StatusCode.OK


@guards("C14")
async def test_one_pod_may_ask_only_so_often(plane: Plane) -> None:
    """And it takes nothing from others."""
    plane.apply(SHOP)
    said = body(csr(ec_key()))
    for _ in range(BURST):
        assert (await ask_as(plane, "shop/web", said))[0] is grpc.StatusCode.OK
    assert (await ask_as(plane, "shop/web", said))[0] is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert (await ask_as(plane, "shop/reviews", said))[0] is grpc.StatusCode.OK


@guards("C3")
async def test_a_deleted_pod_is_given_nothing_more(plane: Plane) -> None:
    plane.apply(SHOP)
    token = plane.token("shop/web")
    plane.apply(namespace("shop"), workload("reviews"))
    status, _, _ = await ask(plane, body(csr(ec_key())), f"Bearer {token}")
    assert status is grpc.StatusCode.UNAVAILABLE
