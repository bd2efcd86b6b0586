"""Who is served: the pod that the token was issued to, as long as it is there, and nobody else.

The matrix of credentials and of claimed nodes, over real sockets and TLS (rows C2, C3, X-04).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import grpc
import pytest

from ca.tokens import MAX_HEADER_BYTES
from tests.fakes.envoy import FakeEnvoy, Request
from tests.features.certificate import identity
from tests.features.plane import Claims, Plane, node_id
from tests.features.shop import SHOP, namespace, workload
from tests.security_rows import guards
from xds.types import SDS

PLAIN = (namespace("plain", injected=False), workload("bare", "plain"))
ADMIN = "\n---\n".join(
    (namespace("other"), workload("admin", account="admin"), workload("web", "other"))
)
SECOND = workload("web2", account="web")

REFUSED = grpc.StatusCode.UNAUTHENTICATED
FORBIDDEN = grpc.StatusCode.PERMISSION_DENIED
LATER = grpc.StatusCode.UNAVAILABLE

HEADERS: Mapping[str, Callable[[str], Sequence[str]]] = {
    "none": lambda t: [],
    "empty": lambda t: [""],
    "scheme-alone": lambda t: ["Bearer"],
    "scheme-and-blank": lambda t: ["Bearer "],
    "basic": lambda t: [f"Basic {t}"],
    "token-alone": lambda t: [t],
    "two-blanks": lambda t: [f"Bearer  {t}"],
    "twice-the-same": lambda t: [f"Bearer {t}", f"Bearer {t}"],
    "good-then-empty": lambda t: [f"Bearer {t}", ""],
    "empty-then-good": lambda t: ["", f"Bearer {t}"],
    "good-then-basic": lambda t: [f"Bearer {t}", "Basic eDp5"],
    "joined-by-comma": lambda t: [f"Bearer {t},Bearer {t}"],
    "huge": lambda t: [f"Bearer {t}{'a' * MAX_HEADER_BYTES}"],
    "not-a-token": lambda t: ["Bearer a.b.c"],
    "not-signed": lambda t: [f"Bearer {t.rpartition('.')[0]}."],
    "alg-none": lambda t: ["Bearer eyJhbGciOiJub25lIn0.e30."],
}


@guards("C2")
@pytest.mark.parametrize("headers", HEADERS.values(), ids=HEADERS.keys())
async def test_exactly_one_bearer_token(
    plane: Plane, headers: Callable[[str], Sequence[str]]
) -> None:
    """Which of two would count is nobody's to choose, and the client is not told what is wrong."""
    plane.apply(SHOP)
    async with plane.silent(*headers(plane.token("shop/web"))) as stream:
        assert await stream.refused() is REFUSED
        assert await stream.details() == "credentials refused"


LOCAL: Mapping[str, str] = {
    "x-forwarded-client-cert": "By=spiffe://cluster.local/ns/istio-system/sa/istiod;Hash=00;"
    'Subject="";URI=spiffe://cluster.local/ns/shop/sa/web',
    "x-forwarded-for": "127.0.0.1",
    "x-envoy-internal": "true",
    "x-goog-authenticated-user-email": "accounts.google.com:admin@example.com",
    "x-goog-iap-jwt-assertion": "e30.e30.e30",
    "x-remote-user": "system:admin",
    "x-envoy-peer-metadata-id": "sidecar~10.0.0.1~web.shop~shop.svc.cluster.local",
    "proxy-authorization": "Bearer a.b.c",
}
"""What an authenticator that trusts a place or a header would believe."""


@guards("C2")
@pytest.mark.parametrize("header", LOCAL)
async def test_nobody_is_trusted_for_where_it_is_or_what_it_says(plane: Plane, header: str) -> None:
    """The peer is on loopback, as all of these tests' are."""
    plane.apply(SHOP)
    async with plane.saying(None, [(header, LOCAL[header])]) as stream:
        assert await stream.refused() is REFUSED


@guards("C2")
async def test_such_headers_change_nothing_beside_a_good_token(plane: Plane) -> None:
    plane.apply(SHOP)
    token = ("authorization", f"Bearer {plane.token('shop/reviews')}")
    async with plane.saying(plane.envoy("shop/reviews"), [*LOCAL.items(), token]) as stream:
        found = await stream.secrets("default")
    assert identity(found["default"]) == "spiffe://cluster.local/ns/shop/sa/default"


AUDIENCES: Mapping[str, object] = {
    "the-api-server": ["https://kubernetes.default.svc"],
    "another-mesh": ["istio-ca"],
    "ours-and-another": ["heddle", "https://kubernetes.default.svc"],
    "another-and-ours": ["istio-ca", "heddle"],
    "ours-twice": ["heddle", "heddle"],
    "upper-case": ["HEDDLE"],
    "none": [],
    "empty": "",
    "not-a-list": {"heddle": True},
    "null": None,
}


@guards("C3")
@pytest.mark.parametrize("audience", AUDIENCES.values(), ids=AUDIENCES.keys())
async def test_a_token_for_other_readers(plane: Plane, audience: object) -> None:
    """A token that somebody else may read too could be replayed here by them."""
    plane.apply(SHOP)
    token = plane.bent("shop/web", lambda claims: claims.update(aud=audience))
    async with plane.silent(f"Bearer {token}") as stream:
        assert await stream.refused() is REFUSED


@guards("C3")
@pytest.mark.parametrize("audience", ["heddle", ["heddle"]], ids=["text", "list"])
async def test_a_token_for_us(plane: Plane, audience: object) -> None:
    plane.apply(SHOP)
    token = plane.bent("shop/web", lambda claims: claims.update(aud=audience))
    async with plane.stream(plane.envoy("shop/web"), token) as stream:
        await stream.synced()


def _bound(claims: Claims) -> dict[str, Any]:
    found = claims["kubernetes.io"]
    assert isinstance(found, dict)
    return found


def _legacy(claims: Claims) -> None:
    """What a Secret of type service-account-token held: for ever, and for no pod."""
    del claims["kubernetes.io"]
    claims |= {
        "kubernetes.io/serviceaccount/namespace": "shop",
        "kubernetes.io/serviceaccount/service-account.name": "web",
        "kubernetes.io/serviceaccount/service-account.uid": "u",
    }


BINDINGS: Mapping[str, Callable[[Claims], object]] = {
    "none": lambda claims: claims.pop("kubernetes.io"),
    "legacy": _legacy,
    "by-create-token": lambda claims: _bound(claims).pop("pod"),
    "no-name": lambda claims: _bound(claims)["pod"].pop("name"),
    "no-uid": lambda claims: _bound(claims)["pod"].pop("uid"),
    "empty-uid": lambda claims: _bound(claims)["pod"].update(uid=""),
    "names-in-a-list": lambda claims: _bound(claims)["pod"].update(name=["web"]),
    "pod-is-null": lambda claims: _bound(claims).update(pod=None),
    "no-namespace": lambda claims: _bound(claims).pop("namespace"),
    "no-service-account": lambda claims: _bound(claims).pop("serviceaccount"),
    "another-subject": lambda claims: claims.update(sub="system:serviceaccount:shop:admin"),
    "a-user": lambda claims: claims.update(sub="admin"),
    "path-in-the-namespace": lambda claims: _bound(claims).update(namespace="shop/../other"),
    "no-end": lambda claims: claims.pop("exp"),
}


@guards("C3")
@pytest.mark.parametrize("bend", BINDINGS.values(), ids=BINDINGS.keys())
async def test_a_token_that_is_not_bound_to_a_pod(
    plane: Plane, bend: Callable[[Claims], object]
) -> None:
    plane.apply(SHOP)
    async with plane.silent(f"Bearer {plane.bent('shop/web', bend)}") as stream:
        assert await stream.refused() is REFUSED


@guards("C3")
async def test_a_token_of_another_issuer_with_the_same_claims(plane: Plane) -> None:
    plane.apply(SHOP)
    other = Plane(plane.clock)
    other.apply(SHOP)
    async with plane.silent(f"Bearer {other.token('shop/web')}") as stream:
        assert await stream.refused() is REFUSED


CLAIMED = {
    "another-pod-of-the-account": "shop/web2",
    "another-account": "shop/admin",
    "another-namespace": "other/web",
}


@guards("C3")
@pytest.mark.parametrize("claimed", CLAIMED.values(), ids=CLAIMED.keys())
async def test_a_good_token_for_another_pods_node(plane: Plane, claimed: str) -> None:
    plane.apply(SHOP, ADMIN, SECOND)
    async with plane.stream(plane.envoy(claimed), plane.token("shop/web-")) as stream:
        assert await stream.refused() is FORBIDDEN


@guards("C3")
@pytest.mark.parametrize(
    "node",
    [
        "router~1.1.1.1~x.y~y.svc",
        "web",
        "sidecar~~~",
        "sidecar~1.1.1.1~~shop.svc.cluster.local",
        "sidecar~1.1.1.1~.shop~shop.svc.cluster.local",
        "SIDECAR~1.1.1.1~web.shop~shop.svc.cluster.local",
    ],
)
async def test_a_node_that_is_no_pods(plane: Plane, node: str) -> None:
    plane.apply(SHOP)
    async with plane.stream(FakeEnvoy(node), plane.token("shop/web")) as stream:
        assert await stream.refused() is FORBIDDEN


@guards("C3")
async def test_a_node_without_a_name(plane: Plane) -> None:
    plane.apply(SHOP)
    async with plane.stream(FakeEnvoy(""), plane.token("shop/web")) as stream:
        assert await stream.refused() is grpc.StatusCode.INVALID_ARGUMENT


@guards("C3")
@pytest.mark.parametrize(
    ("name", "value"),
    [("NAMESPACE", "other"), ("SERVICE_ACCOUNT", "admin"), ("NAME", "web2"), ("NAMESPACE", "")],
)
async def test_metadata_that_contradicts_the_token(plane: Plane, name: str, value: str) -> None:
    plane.apply(SHOP)
    envoy = FakeEnvoy(node_id(*plane.pod("shop/web").split("/")), {name: value})
    async with plane.stream(envoy, plane.token("shop/web")) as stream:
        assert await stream.refused() is FORBIDDEN


@guards("C3")
async def test_metadata_decides_nothing(plane: Plane) -> None:
    """Labels, revision, network: what a proxy may be told comes from the Pod object."""
    plane.apply(SHOP)
    pod = plane.pod("shop/web")
    told = []
    for metadata in (
        {},
        {"NAMESPACE": "shop", "SERVICE_ACCOUNT": "web", "CLUSTER_ID": "other", "NETWORK": "x"},
    ):
        envoy = FakeEnvoy(node_id(*pod.split("/")), metadata)
        async with plane.stream(envoy, plane.token("shop/web")) as stream:
            await stream.synced()
            told.append({k: v for k, v in envoy.versions().items() if k[0] != "sds"})
    assert told[0] == told[1]


@guards("C3")
@pytest.mark.parametrize("claimed", ["shop/web2", "shop/admin", "other/web"])
async def test_a_node_that_changes_in_mid_stream(plane: Plane, claimed: str) -> None:
    """And nothing of the other one is given on the way out."""
    plane.apply(SHOP, ADMIN, SECOND)
    async with plane.of("shop/web-") as stream:
        await stream.synced()
        before = len(stream.envoy.pushes)
        request = Request(type_url=SDS, resource_names_subscribe=["default"])
        request.node.id = node_id(*plane.pod(claimed).split("/"))
        await stream.say(request)
        assert await stream.refused() is grpc.StatusCode.INVALID_ARGUMENT
    assert [push for push in stream.envoy.pushes[before:] if push.kind == "sds"] == []


@guards("C3")
async def test_a_token_of_another_service_account(plane: Plane) -> None:
    plane.apply(SHOP)
    token = plane.token("shop/web", service_account="admin")
    async with plane.stream(plane.envoy("shop/web"), token) as stream:
        assert await stream.refused() is FORBIDDEN


@guards("C3")
async def test_a_token_of_an_earlier_pod_with_this_name(plane: Plane) -> None:
    """A StatefulSet's pod that was made anew: the old token is worth nothing."""
    plane.apply(SHOP)
    token = plane.token("shop/web", uid="0000-1111")
    async with plane.stream(plane.envoy("shop/web"), token) as stream:
        assert await stream.refused() is FORBIDDEN


@guards("C3")
async def test_an_expired_token(plane: Plane) -> None:
    plane.apply(SHOP)
    async with plane.silent(f"Bearer {plane.token('shop/web', ttl=-60.0)}") as stream:
        assert await stream.refused() is REFUSED


@guards("C3")
async def test_a_stream_ends_with_its_token(plane: Plane) -> None:
    """The same token is refused from then on; the one that the kubelet has renewed is taken."""
    plane.apply(SHOP)
    token = plane.token("shop/web", ttl=1.0)
    async with plane.stream(plane.envoy("shop/web"), token) as stream:
        assert await stream.refused() is LATER
        assert "the credentials have expired" in await stream.details()
    plane.clock.advance(60.0)
    async with plane.silent(f"Bearer {token}") as stream:
        assert await stream.refused() is REFUSED
    async with plane.of("shop/web") as stream:
        await stream.synced()


@guards("C3")
async def test_a_pod_that_is_not_known_is_told_to_come_back(plane: Plane) -> None:
    """Not that it may not: Envoy would be right to believe it."""
    plane.apply(SHOP)
    token = plane.token("shop/web", pod="new-pod", uid="new-uid")
    async with plane.stream(FakeEnvoy(node_id("shop", "new-pod")), token) as stream:
        assert await stream.refused() is LATER


@guards("C3")
async def test_a_pod_without_a_sidecar(plane: Plane) -> None:
    plane.apply(SHOP, *PLAIN)
    async with plane.of("plain/bare") as stream:
        assert await stream.refused() is LATER


async def test_nobody_is_served_before_all_is_read(plane: Plane) -> None:
    """A half-read mesh would take a reconnecting proxy's configuration away."""
    plane.apply(SHOP, synced=False)
    async with plane.of("shop/web") as stream:
        assert await stream.refused() is LATER
    plane.apply(SHOP)
    async with plane.of("shop/web") as stream:
        await stream.synced()


@guards("C3")
async def test_a_deleted_pods_stream_is_closed(plane: Plane) -> None:
    plane.apply(SHOP)
    pod, token = plane.pod("shop/web"), plane.token("shop/web")
    node = node_id(*pod.split("/"))
    async with plane.of(pod) as stream, plane.of("shop/reviews") as other:
        await stream.synced()
        await other.synced()
        plane.apply(namespace("shop"), workload("reviews"))
        assert await stream.refused() is LATER
        await other.ping()
    async with plane.stream(FakeEnvoy(node), token) as stream:
        assert await stream.refused() is LATER
        assert stream.envoy.pushes == []


@guards("C3")
@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
async def test_a_pod_that_has_ended(plane: Plane, phase: str) -> None:
    """Its token may have an hour to go."""
    plane.apply(SHOP)
    async with plane.of("shop/web") as stream:
        await stream.synced()
        plane.ended("shop/web", phase)
        assert await stream.refused() is LATER
    async with plane.of("shop/web") as stream:
        assert await stream.refused() is FORBIDDEN


async def test_a_pod_that_becomes_another_one_is_selected_anew(plane: Plane) -> None:
    """Labels decide which parts a proxy holds: the stream ends, the next one has the new parts."""
    plane.apply(SHOP)
    async with plane.of("shop/web") as stream:
        await stream.synced()
        plane.apply(
            SHOP.replace(
                "labels: {app: web, version: v1}}", "labels: {app: web, version: v1, x: y}}"
            )
        )
        assert await stream.refused() is LATER
