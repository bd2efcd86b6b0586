"""`heddle serve --token-review`: the API server decides whose tokens are good."""

from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest

from tests.fakes.kube_api import FakeKubeApi, kube_api
from tests.features.plane import Plane
from tests.features.served import Served, serving
from tests.security_rows import guards


@pytest.fixture
def api(plane: Plane) -> FakeKubeApi:
    return FakeKubeApi(plane.issuer, plane.clock)


@pytest.fixture
async def reviewed(
    api: FakeKubeApi, home: Path, plane: Plane, tmp_path: Path
) -> AsyncIterator[Served]:
    """A `heddle serve` that asks it."""
    async with kube_api(api, tmp_path, plane.clock.now()) as config:
        tokens = ("--token-review", "--kubeconfig", str(config))
        async with serving(home, plane, tokens=tokens) as found:
            yield found


async def test_a_pod_is_served_once_its_token_was_reviewed(
    reviewed: Served, api: FakeKubeApi
) -> None:
    async with reviewed.stream("shop/web") as stream:
        found = await stream.secrets("default")
    assert found
    assert len(api.asked) == 1


@guards("C3")
async def test_a_token_that_was_taken_back(reviewed: Served, api: FakeKubeApi) -> None:
    """Its signature is as good as ever: only the API server knows."""
    async with reviewed.stream("shop/reviews") as other:
        api.deleted = {reviewed.uid("shop/web")}
        async with reviewed.silent("shop/web") as stream:
            assert await stream.refused() is grpc.StatusCode.UNAUTHENTICATED
        await other.ping()


@guards("C3")
async def test_while_nobody_can_be_asked_nobody_is_let_in(
    reviewed: Served, api: FakeKubeApi
) -> None:
    """And who is there stays, and who comes back is let in again."""
    async with reviewed.stream("shop/reviews") as other:
        api.fails = 503
        async with reviewed.silent("shop/web") as stream:
            assert await stream.refused() is grpc.StatusCode.UNAVAILABLE
        await other.ping()
    api.fails = None
    async with reviewed.stream("shop/web") as stream:
        await stream.ping()
