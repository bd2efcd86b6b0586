"""Who is served: the pod that the token was issued to, as long as it is there, and nobody else."""

import grpc
import pytest

from tests.fakes.envoy import FakeEnvoy
from tests.features.plane import Plane, node_id
from tests.features.shop import SHOP, namespace, workload
from tests.security_rows import guards

PLAIN = (namespace("plain", injected=False), workload("bare", "plain"))

REFUSED = grpc.StatusCode.UNAUTHENTICATED
FORBIDDEN = grpc.StatusCode.PERMISSION_DENIED
LATER = grpc.StatusCode.UNAVAILABLE


@guards("C2")
async def test_no_token(plane: Plane) -> None:
    plane.apply(SHOP)
    async with plane.silent() as stream:
        assert await stream.refused() is REFUSED


@pytest.mark.parametrize(
    "header", ["Basic abc", "Bearer", "Bearer a.b.c", "eyJhbGciOiJub25lIn0.e30."]
)
async def test_what_is_no_token(plane: Plane, header: str) -> None:
    """The client is not told what is wrong with it."""
    plane.apply(SHOP)
    async with plane.silent(header) as stream:
        assert await stream.refused() is REFUSED
        assert await stream.details() == "credentials refused"


@guards("C2")
async def test_two_tokens(plane: Plane) -> None:
    """Each of them good: which one would count is nobody's to choose."""
    plane.apply(SHOP)
    async with plane.silent(*[f"Bearer {plane.token('shop/web')}"] * 2) as stream:
        assert await stream.refused() is REFUSED


async def test_a_token_for_another_audience(plane: Plane) -> None:
    plane.apply(SHOP)
    token = plane.token("shop/web", audience="https://kubernetes.default.svc")
    async with plane.silent(f"Bearer {token}") as stream:
        assert await stream.refused() is REFUSED


async def test_an_expired_token(plane: Plane) -> None:
    plane.apply(SHOP)
    async with plane.silent(f"Bearer {plane.token('shop/web', ttl=-60.0)}") as stream:
        assert await stream.refused() is REFUSED


async def test_a_token_of_another_issuer_with_the_same_claims(plane: Plane) -> None:
    plane.apply(SHOP)
    other = Plane(plane.clock)
    other.apply(SHOP)
    async with plane.silent(f"Bearer {other.token('shop/web')}") as stream:
        assert await stream.refused() is REFUSED


@guards("C3")
async def test_a_good_token_for_another_pods_node(plane: Plane) -> None:
    plane.apply(SHOP)
    async with plane.stream(plane.envoy("shop/reviews"), plane.token("shop/web")) as stream:
        assert await stream.refused() is FORBIDDEN


@pytest.mark.parametrize("node", ["router~1.1.1.1~x.y~y.svc", "web", "sidecar~~~"])
async def test_a_node_that_is_no_sidecar(plane: Plane, node: str) -> None:
    plane.apply(SHOP)
    async with plane.stream(FakeEnvoy(node), plane.token("shop/web")) as stream:
        assert await stream.refused() is FORBIDDEN


@guards("C3")
async def test_a_token_of_another_service_account(plane: Plane) -> None:
    plane.apply(SHOP)
    token = plane.token("shop/web", service_account="admin")
    async with plane.stream(plane.envoy("shop/web"), token) as stream:
        assert await stream.refused() is FORBIDDEN


@guards("C3")
async def test_a_token_of_an_earlier_pod_with_this_name(plane: Plane) -> None:
    plane.apply(SHOP)
    token = plane.token("shop/web", uid="0000-1111")
    async with plane.stream(plane.envoy("shop/web"), token) as stream:
        assert await stream.refused() is FORBIDDEN


async def test_a_pod_that_is_not_known_yet(plane: Plane) -> None:
    """The token may be ahead of the watch: come back."""
    plane.apply(SHOP)
    token = plane.token("shop/web", pod="new-pod", uid="new-uid")
    async with plane.stream(FakeEnvoy(node_id("shop", "new-pod")), token) as stream:
        assert await stream.refused() is LATER


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


async def test_a_stream_ends_with_its_token(plane: Plane) -> None:
    """The proxy comes back with the token that the kubelet has renewed meanwhile."""
    plane.apply(SHOP)
    async with plane.stream(plane.envoy("shop/web"), plane.token("shop/web", ttl=1.0)) as stream:
        assert await stream.refused() is LATER
        assert "the credentials have expired" in await stream.details()


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
