"""A kubelet gets a certificate for the pod that it asks for, if that is there, and for no other."""

from base64 import b64encode
from collections.abc import Mapping
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ca.workload import LIFETIME
from heddle.pod_certificates import REQUESTS, PodCertificates
from sources.errors import ApiError
from tests.ca.requests import ec_key
from tests.fakes.clock import FakeClock
from tests.fakes.cluster import FakeCluster
from tests.features.plane import Plane
from tests.features.shop import ACCOUNT, namespace, workload
from webhook.settings import SIGNER

DAY = 86_400


def stub(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> str:
    """What a kubelet sends since 1.36: a request that asks for nothing."""
    made = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    signed = made.sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else SHA256())
    return b64encode(signed.public_bytes(Encoding.DER)).decode()


def public(key: ec.EllipticCurvePrivateKey) -> str:
    """What it sent before."""
    form = PublicFormat.SubjectPublicKeyInfo
    return b64encode(key.public_key().public_bytes(Encoding.DER, form)).decode()


class World:
    """A mesh with a pod, and a signer."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.plane = Plane(clock)
        self.plane.apply("\n---\n".join((namespace("shop"), ACCOUNT, workload("web"))))
        self.pod = self.plane.pod("shop/web")
        self.api = FakeCluster()
        authority = self.plane.authority
        self.signer = PodCertificates(
            self.api,
            self.plane.control.pods,
            authority.trust,
            authority.issued,
            clock.now,
            lifetime=LIFETIME,
        )

    async def ask(self, **spec: object) -> Mapping[str, object]:
        """What becomes of a request for the pod, with these parts of it instead."""
        namespace, _, name = self.pod.partition("/")
        wanted = {
            "signerName": SIGNER,
            "podName": name,
            "podUID": self.plane.uid("shop/web"),
            "serviceAccountName": "default",
            "nodeName": "local",
            "maxExpirationSeconds": DAY,
            "stubPKCS10Request": stub(ec_key()),
        }
        path = REQUESTS.collection(namespace)
        meta = {"name": "request", "namespace": namespace}
        body = {"metadata": meta, "spec": {k: v for k, v in {**wanted, **spec}.items() if v != ""}}
        await self.api.create(path, body)
        # The status is a resource of its own: what is put there must be of the same version.
        self.api.objects[f"{path}/request/status"] = self.api.objects[f"{path}/request"]
        await self.signer.answer()
        status = self.api.objects[f"{path}/request/status"].get("status", {})
        assert isinstance(status, dict)
        return status


@pytest.fixture
def world(clock: FakeClock) -> World:
    return World(clock)


def condition(status: Mapping[str, object]) -> tuple[str, str]:
    found = status["conditions"]
    assert isinstance(found, list)
    (one,) = found
    assert one["status"] == "True"
    return one["type"], one["reason"]


def leaf(status: Mapping[str, object]) -> x509.Certificate:
    return x509.load_pem_x509_certificates(str(status["certificateChain"]).encode())[0]


@pytest.mark.parametrize(
    "key",
    [
        {"stubPKCS10Request": stub(ec_key())},
        {"stubPKCS10Request": "", "pkixPublicKey": public(ec_key())},
    ],
    ids=["pkcs10", "pkix"],
)
async def test_the_certificate_is_for_the_pods_account_and_the_key_of_the_kubelet(
    world: World, key: Mapping[str, str]
) -> None:
    status = await world.ask(**key)
    found = leaf(status)
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    assert uris == ["spiffe://cluster.local/ns/shop/sa/default"]
    assert found.public_key() == ec_key().public_key()
    assert condition(status) == ("Issued", "Signed")
    assert status["notAfter"] == f"{found.not_valid_after_utc:%Y-%m-%dT%H:%M:%SZ}"
    assert str(status["notBefore"]) < str(status["beginRefreshAt"]) < str(status["notAfter"])


async def test_it_lives_no_longer_than_was_asked_for(world: World) -> None:
    """The API server counts from the beginning, which lies before now, and takes no more."""
    found = leaf(await world.ask(maxExpirationSeconds=3600))
    assert found.not_valid_after_utc - found.not_valid_before_utc == timedelta(hours=1)


async def test_a_rotation_knows_who_has_it(world: World) -> None:
    found = leaf(await world.ask())
    authority = world.plane.authority
    known = authority.issued.known(world.clock.now(), world.plane.control.pods.known)
    assert known[world.pod].until == found.not_valid_after_utc
    assert known[world.pod].state == authority.trust.rotation.name


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"podUID": "another"}, "PodNotFound"),
        ({"serviceAccountName": "admin"}, "PodNotFound"),
        ({"nodeName": "elsewhere"}, "PodNotFound"),
        ({"unverifiedUserAnnotations": {"a.b/c": "d"}}, "InvalidUnverifiedUserAnnotations"),
        ({"stubPKCS10Request": stub(ed25519.Ed25519PrivateKey.generate())}, "UnsupportedKeyType"),
        ({"stubPKCS10Request": "&"}, "InvalidRequest"),
        ({"stubPKCS10Request": b64encode(b"x").decode()}, "InvalidRequest"),
        ({"stubPKCS10Request": ""}, "InvalidRequest"),
        ({"podName": 1}, "InvalidRequest"),
    ],
)
async def test_whatever_else_is_refused_with_a_reason(
    world: World, spec: Mapping[str, object], reason: str
) -> None:
    status = await world.ask(**spec)
    assert condition(status) == ("Denied", reason)
    assert "certificateChain" not in status


async def test_a_pod_that_is_not_known_yet_waits(world: World) -> None:
    assert await world.ask(podName="later") == {}
    assert await world.signer.answer() == "the pod is not known"


async def test_what_was_answered_is_not_answered_again(world: World) -> None:
    await world.ask()
    path = REQUESTS.one("request", "shop")
    world.api.objects[path] = dict(world.api.objects[f"{path}/status"])
    writes = len(world.api.writes)
    await world.signer.answer()
    assert len(world.api.writes) == writes


async def test_of_two_answers_the_first_counts(world: World) -> None:
    def somebody_else(verb: str, path: str) -> None:
        if verb == "replace":
            meta = world.api.objects[path]["metadata"]
            assert isinstance(meta, dict)
            meta["resourceVersion"] = "changed"

    world.api.before = somebody_else
    assert await world.ask() == {}
    assert await world.signer.answer() == ""


async def test_one_that_the_api_server_refuses_does_not_stop_the_others(world: World) -> None:
    world.api.forbids = lambda verb, path: verb == "replace"
    assert await world.ask() == {}
    assert "403" in await world.signer.answer()


async def test_an_api_server_that_does_not_answer_is_asked_again_later(world: World) -> None:
    world.api.fails = 500
    with pytest.raises(ApiError):
        await world.signer.answer()
